"""What support searches and lists: grams of prompts with their index, and indexes of work lists."""

from typing import Any

import django.db.models.deletion
import midsync_portal.models.search
from django.conf import settings
from django.db import migrations, models

POSTGRES = """
    CREATE INDEX prompt_grams ON midsync_portal_promptgrams
        USING gin (grams) WITH (fastupdate = off)
"""
# The full-text table keeps no text of its own; whoever remakes the table has to make these anew.
SQLITE = (
    """
    CREATE VIRTUAL TABLE midsync_portal_promptfts USING fts5(
        grams, content='midsync_portal_promptgrams', content_rowid='task_id',
        tokenize='ascii', detail='none', columnsize=0
    )
    """,
    """
    CREATE TRIGGER prompt_grams_added AFTER INSERT ON midsync_portal_promptgrams BEGIN
        INSERT INTO midsync_portal_promptfts (rowid, grams) VALUES (new.task_id, new.grams);
    END
    """,
    """
    CREATE TRIGGER prompt_grams_gone AFTER DELETE ON midsync_portal_promptgrams BEGIN
        INSERT INTO midsync_portal_promptfts (midsync_portal_promptfts, rowid, grams)
        VALUES ('delete', old.task_id, old.grams);
    END
    """,
)


def index_grams(apps: Any, schema_editor: Any) -> None:
    """Make the index by which grams are found, in the words of the database."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES)
        return
    for statement in SQLITE:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('midsync_portal', '0008_drafts'),
    ]

    operations = [
        migrations.CreateModel(
            name='PromptGrams',
            fields=[
                ('task', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, serialize=False, to='midsync_portal.task')),
                ('grams', midsync_portal.models.search.GramsField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.RemoveConstraint(
            model_name='taskevent',
            name='event_kind_known',
        ),
        migrations.AddField(
            model_name='task',
            name='handled_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='task',
            name='ordered_by',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tasks', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='taskevent',
            name='kind',
            field=models.CharField(choices=[('created', 'ordered'), ('sent', 'sent to MidSync'), ('unsent', 'not sent'), ('move', 'status'), ('facts', 'details learned'), ('progress', 'progress'), ('check', 'asked MidSync'), ('review', 'needs review'), ('support', 'support'), ('video', 'our copy'), ('note', 'note of support')], max_length=10),
        ),
        migrations.AddIndex(
            model_name='callbackdelivery',
            index=models.Index(condition=models.Q(('state', 'dead')), fields=['received_at'], name='delivery_dead'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(fields=['ordered_by', '-created_at', '-id'], name='task_of_person'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('handled_at__isnull', True), ('status', 'failed')), fields=['finished_at'], name='task_failed'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(models.Q(('points_charged', models.F('points_quoted')), _negated=True), ('handled_at__isnull', True), ('points_charged__isnull', False), ('points_quoted__isnull', False)), fields=['created_at'], name='task_charge_differs'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(condition=models.Q(('video_state', 'gave_up')), fields=['created_at'], name='task_unsaved'),
        ),
        migrations.AddConstraint(
            model_name='taskevent',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['created', 'sent', 'unsent', 'move', 'facts', 'progress', 'check', 'review', 'support', 'video', 'note'])), name='event_kind_known'),
        ),
        migrations.RunPython(index_grams, migrations.RunPython.noop),
    ]

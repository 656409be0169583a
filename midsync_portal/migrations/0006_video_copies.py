"""What our copy of a video is, why it failed, its poster; and a copy of every older video."""

from typing import Any

from django.db import migrations, models
from django.utils import timezone


def fetch_older_videos(apps: Any, schema_editor: Any) -> None:
    """Let the worker make a copy of each video that has none yet."""
    tasks = apps.get_model("midsync_portal", "Task").objects.using(schema_editor.connection.alias)
    tasks.filter(status="succeeded", video_state="none").update(
        video_state="fetching", video_next_try_at=timezone.now()
    )


class Migration(migrations.Migration):

    dependencies = [
        ('midsync_portal', '0005_constraints'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='taskevent',
            name='event_kind_known',
        ),
        migrations.AddField(
            model_name='task',
            name='poster',
            field=models.FileField(blank=True, upload_to='videos/'),
        ),
        migrations.AddField(
            model_name='task',
            name='video_error',
            field=models.CharField(blank=True, help_text='why the last try failed', max_length=200),
        ),
        migrations.AddField(
            model_name='task',
            name='video_saved_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='task',
            name='video_size',
            field=models.PositiveBigIntegerField(blank=True, help_text='bytes', null=True),
        ),
        migrations.AddField(
            model_name='task',
            name='video_type',
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AlterField(
            model_name='taskevent',
            name='kind',
            field=models.CharField(choices=[('created', 'ordered'), ('sent', 'sent to MidSync'), ('unsent', 'not sent'), ('move', 'status'), ('facts', 'details learned'), ('progress', 'progress'), ('check', 'asked MidSync'), ('review', 'needs review'), ('support', 'support'), ('video', 'our copy')], max_length=10),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('video_state', 'fetching'), _negated=True), ('video_next_try_at__isnull', False), _connector='OR'), name='task_video_fetching_is_due'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('video_state', 'stored'), _negated=True), models.Q(models.Q(('video', ''), _negated=True), models.Q(('video_type', ''), _negated=True), ('video_size__isnull', False)), _connector='OR'), name='task_video_stored_is_there'),
        ),
        migrations.AddConstraint(
            model_name='taskevent',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['created', 'sent', 'unsent', 'move', 'facts', 'progress', 'check', 'review', 'support', 'video'])), name='event_kind_known'),
        ),
        migrations.RunPython(fetch_older_videos, migrations.RunPython.noop),
    ]

"""Reasons of failure sorted into buckets."""

from typing import Any

from django.db import migrations, models

from midsync_portal.failures.defaults import DEFAULTS


def fill(apps: Any, schema_editor: Any) -> None:
    """The usual buckets, in the order in which they are looked through."""
    bucket = apps.get_model("midsync_portal", "FailureBucket")
    bucket.objects.bulk_create(
        bucket(
            name=name,
            sentence=sentence,
            next_step=step,
            patterns="\n".join(patterns),
            position=10 * place if patterns else 1000,
        )
        for place, (name, sentence, step, patterns) in enumerate(DEFAULTS, 1)
    )


class Migration(migrations.Migration):

    dependencies = [
        ('midsync_portal', '0014_reconciliation'),
    ]

    operations = [
        migrations.CreateModel(
            name='FailureBucket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, unique=True)),
                ('position', models.PositiveSmallIntegerField(default=100, help_text='the lowest is looked at first')),
                ('patterns', models.TextField(blank=True, help_text='one piece of text on each line, in any case; empty: all that fits nowhere else')),
                ('sentence', models.CharField(help_text='why it failed, for customers; nothing about points', max_length=300)),
                ('next_step', models.CharField(choices=[('edit', 'edit and try again'), ('model', 'choose another model'), ('later', 'try again later'), ('support', 'contact support')], default='edit', max_length=10)),
            ],
            options={
                'verbose_name': 'reason of failure',
                'verbose_name_plural': 'reasons of failure',
                'ordering': ['position', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('next_step__in', ['edit', 'model', 'later', 'support'])), name='failure_next_step_known')],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]

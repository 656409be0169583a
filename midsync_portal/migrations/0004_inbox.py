
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('midsync_portal', '0003_gate'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='callbackdelivery',
            name='delivery_orphan_once',
        ),
        migrations.AddField(
            model_name='callbackdelivery',
            name='is_hint',
            field=models.BooleanField(default=False, help_text='came by the account-wide URL'),
        ),
        migrations.AddField(
            model_name='callbackdelivery',
            name='midsync_task_id',
            field=models.CharField(blank=True, help_text='as a hint names it', max_length=200),
        ),
        migrations.AddField(
            model_name='callbackdelivery',
            name='provider_task_id',
            field=models.CharField(blank=True, help_text='as a hint names it', max_length=200),
        ),
        migrations.AlterField(
            model_name='taskevent',
            name='delivery',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='events', to='midsync_portal.callbackdelivery'),
        ),
        migrations.AddIndex(
            model_name='callbackdelivery',
            index=models.Index(condition=models.Q(('task__isnull', True)), fields=['state'], name='delivery_orphans'),
        ),
        migrations.AddConstraint(
            model_name='callbackdelivery',
            constraint=models.UniqueConstraint(condition=models.Q(('named_task__isnull', True), ('task__isnull', True)), fields=('body_sha256',), name='delivery_orphan_once'),
        ),
        migrations.AddConstraint(
            model_name='callbackdelivery',
            constraint=models.UniqueConstraint(condition=models.Q(('named_task__isnull', False), ('task__isnull', True)), fields=('named_task', 'body_sha256'), name='delivery_once_per_lost_task'),
        ),
        migrations.AddConstraint(
            model_name='callbackdelivery',
            constraint=models.CheckConstraint(condition=models.Q(('is_hint', True), ('task__isnull', False), ('named_task__isnull', False), _connector='OR'), name='delivery_names_its_task'),
        ),
    ]

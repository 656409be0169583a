from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('midsync_portal', '0006_video_copies'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='midsyncgate',
            options={'permissions': [('operate', 'Can operate the portal')], 'verbose_name': 'MidSync gate'},
        ),
    ]

"""The table of the shared cache, so that `migrate` is the only command a database needs."""

from typing import Any

from django.core.management import call_command
from django.db import migrations


def create_cache_table(apps: Any, schema_editor: Any) -> None:
    """Make the table where it is missing."""
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("midsync_portal", "0001_tables")]
    operations = [migrations.RunPython(create_cache_table, migrations.RunPython.noop)]

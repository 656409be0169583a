"""Looking for a text must not be so dear on paper that PostgreSQL compiles the query first.

Above `jit_above_cost` it does, which took longer than the search itself; the index is preferred
at this cost, too.
"""

from typing import Any

from django.db import migrations


def _set_cost(schema_editor: Any, cost: int) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER FUNCTION portal_grams(text, bigint) COST {cost}")


def lower(apps: Any, schema_editor: Any) -> None:
    """Still dearer than anything else."""
    _set_cost(schema_editor, 500)


def raise_again(apps: Any, schema_editor: Any) -> None:
    """As 0012 made it."""
    _set_cost(schema_editor, 100_000)


class Migration(migrations.Migration):
    dependencies = [("midsync_portal", "0017_notices")]
    operations = [migrations.RunPython(lower, raise_again)]

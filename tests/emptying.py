"""Empties the tables after a test that commits, faster than Django's `flush`.

`flush` lets PostgreSQL make a new file for each table and index (TRUNCATE), and then makes content
types, permissions and groups again, as after `migrate`. Here rows are deleted, and what `migrate`
makes stays, unless the test has changed it.
"""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

MADE_BY_MIGRATE = (ContentType, Permission, Group, Group.permissions.through)
_flush = TransactionTestCase._fixture_teardown


class Emptying:
    """Stands in for Django's way, from when the tables are made to the end of the run."""

    def __init__(self) -> None:
        self._made = self._rows_made_by_migrate()
        kept = {model._meta.db_table for model in MADE_BY_MIGRATE}
        tables = connection.introspection.django_table_names(only_existing=True)
        quoted = [connection.ops.quote_name(table) for table in tables if table not in kept]
        self._statements = [f"DELETE FROM {table}" for table in quoted]  # noqa: S608
        TransactionTestCase._fixture_teardown = lambda case: self._empty_after(case)

    def _empty_after(self, case: TransactionTestCase) -> None:
        if self._rows_made_by_migrate() != self._made:
            _flush(case)
            self._made = self._rows_made_by_migrate()
            return
        # Foreign keys are looked at in the end, so the order does not matter.
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(";".join(self._statements))
            else:
                for statement in self._statements:
                    cursor.execute(statement)

    def _rows_made_by_migrate(self) -> list[tuple[Any, ...]]:
        return [
            row for model in MADE_BY_MIGRATE for row in model.objects.values_list().order_by("pk")
        ]

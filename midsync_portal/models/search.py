"""What search knows of prompts; see `search.grams`."""

import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from .tasks import Task


class GramsField(models.Field):  # type: ignore[type-arg]  # not subscriptable
    """Numbers: integer[] on PostgreSQL (under a GIN index), words of hex digits on SQLite."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """The column's type."""
        return "integer[]" if connection.vendor == "postgresql" else "text"

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """The numbers as the database takes them."""
        if connection.vendor == "postgresql":
            return "{" + json.dumps(list(value))[1:-1] + "}"
        return " ".join(f"{number:x}" for number in value)


class PromptGrams(models.Model):
    """The grams of one task's prompt. Written once by the worker, never read but by the index.

    Apart from the task, since each change of a task would otherwise write all its grams anew.
    On SQLite an FTS5 table follows this one by triggers; see the migration.
    """

    task = models.OneToOneField(Task, primary_key=True, on_delete=models.CASCADE)
    grams = GramsField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"grams of {self.task_id}"

"""What support sees and may do: evidence to read, verbs with a reason; no editing by hand."""

from . import callbacks, catalog, failures, operations, people, reconciliation, tasks

__all__ = ["callbacks", "catalog", "failures", "operations", "people", "reconciliation", "tasks"]

"""Rows read and written as the ORM does it, at a third of its processor time.

The ORM writes the text of a query and looks up how to read its columns anew each time, which for
a task's fifty columns takes longer than the query. A callback reads its task twice and writes
four rows, and the hub reads one for every change, so here that is done once per connection. What
comes back is what `filter` gives, what is written is what `create` and `update` write; nobody's
signals are sent. PostgreSQL reads and plans these statements once per connection, too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.db.models.sql import InsertQuery
from django.db.transaction import TransactionManagementError

NOTHING: Mapping[str, Any] = {}
Row = TypeVar("Row", bound=Model)
Converter = tuple[int, list[Callable[..., Any]], Any]  # a column's place, what to call, with what


def rows(
    model: type[Row],
    column: str,
    values: Collection[Any],
    *,
    lock: bool = False,
    also: Mapping[str, Any] = NOTHING,
) -> list[Row]:
    """The rows whose `column` is one of `values`, in no order; one query, none without values.

    `lock`: until the end of the transaction, as `select_for_update(no_key=True)` does; raises
    TransactionManagementError where there is none.
    `also`: what each row gets besides, as `annotate` takes it; one name stands for one expression.
    """
    if not values:
        return []
    connection = connections[DEFAULT_DB_ALIAS]
    if lock and not connection.in_atomic_block:
        raise TransactionManagementError("a row is locked inside of a transaction")
    text, converters = _plan(connection, model, column, len(values), lock, also)
    field: Any = model._meta.get_field(column)
    with prepared(connection) as cursor:
        cursor.execute(text, [field.get_db_prep_value(value, connection) for value in values])
        found = [list(row) for row in cursor.fetchall()]
    for row in found:
        for place, converts, expression in converters:
            for convert in converts:
                row[place] = convert(row[place], expression, connection)
    names = [field.attname for field in model._meta.concrete_fields]
    made = [model.from_db(DEFAULT_DB_ALIAS, names, row[: len(names)]) for row in found]
    if also:
        for instance, row in zip(made, found, strict=True):
            vars(instance).update(zip(also, row[len(names) :], strict=True))
    return made


def insert(row: Model) -> None:
    """Write a new row and give it its key; no column may hold an expression of the database."""
    connection = connections[DEFAULT_DB_ALIAS]
    meta = row._meta
    fields: list[Any] = [field for field in meta.concrete_fields if not field.primary_key]
    # On SQLite a statement that returns something ends, with its transaction, when all was read.
    returns = connection.vendor == "postgresql"
    texts = _kept(connection, "inserts")
    if meta.model not in texts:
        query = InsertQuery(meta.model)
        query.insert_values(fields, [row])
        compiler: Any = query.get_compiler(connection=connection)
        compiler.returning_fields = [meta.pk] if returns else None
        ((texts[meta.model], _),) = compiler.as_sql()
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    with prepared(connection) as cursor:
        cursor.execute(texts[meta.model], values)
        row.pk = cursor.fetchone()[0] if returns else cursor.lastrowid
    row._state.db, row._state.adding = DEFAULT_DB_ALIAS, False


def update(model: type[Model], pk: int, values: Mapping[str, Any], **only_if: Any) -> bool:
    """Write some columns of one row where others have these values; False where they have not.

    Neither None nor an expression of the database in `only_if`, nor an expression in `values`.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    quote, meta = connection.ops.quote_name, model._meta
    where = {"pk": pk, **only_if}
    fields: list[Any] = [meta.pk if n == "pk" else meta.get_field(n) for n in (*values, *where)]
    columns = [f"{quote(field.column)} = %s" for field in fields]
    sets, conditions = ", ".join(columns[: len(values)]), " AND ".join(columns[len(values) :])
    text = f"UPDATE {quote(meta.db_table)} SET {sets} WHERE {conditions}"  # noqa: S608 - our names
    told = zip(fields, (*values.values(), *where.values()), strict=True)
    with prepared(connection) as cursor:
        cursor.execute(text, [field.get_db_prep_save(value, connection) for field, value in told])
        return bool(cursor.rowcount)


@contextmanager
def prepared(connection: BaseDatabaseWrapper) -> Iterator[Any]:
    """A cursor for SQL that is run again and again with other values.

    Django writes the values into the text, so that PostgreSQL takes each for a new statement.
    Only where one plan fits all values, as for single rows; `prepare_threshold` is the database's
    option that allows it (see `environment.database`).
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            import psycopg  # here, because SQLite needs none of it

            cursor.cursor = psycopg.Cursor(connection.connection)
        yield cursor


def _kept(connection: BaseDatabaseWrapper, what: str) -> dict[Any, Any]:
    """What is written once for a connection."""
    kept: dict[Any, Any] = vars(connection).setdefault(f"portal_{what}", {})
    return kept


def _plan(
    connection: BaseDatabaseWrapper,
    model: type[Model],
    column: str,
    count: int,
    lock: bool,
    also: Mapping[str, Any],
) -> tuple[str, list[Converter]]:
    """The query's text and how its columns are read, as Django does it; kept on the connection."""
    plans = _kept(connection, "plans")
    key = (model, column, count, lock, *also)
    if key not in plans:
        wanted: Any = model._default_manager.annotate(**also)
        if lock:
            wanted = wanted.select_for_update(no_key=True)
        field = model._meta.get_field(column)
        uuids = field.get_internal_type() == "UUIDField"
        any_values = [f"{n:032x}" if uuids else n for n in range(count)]
        query = wanted.filter(**{f"{column}__in": any_values}).query
        compiler = query.get_compiler(connection=connection)
        text, _ = compiler.as_sql()
        converters = compiler.get_converters([expression for expression, *_ in compiler.select])
        plans[key] = text, [(place, *how) for place, how in converters.items()]
    plan: tuple[str, list[Converter]] = plans[key]
    return plan

"""What lists are narrowed down by: indexes, and how PostgreSQL looks into prompts and numbers."""

from typing import Any

import django.db.models.functions.comparison
from django.db import migrations, models

# `portal_fold` and `portal_findable` are the same as in `finding.folding`, which SQLite uses.
# None of them calls another: a restored dump makes the index without a search path.
FUNCTIONS = (
    "SET LOCAL statement_timeout = 0",  # the index takes half a minute for 100,000 tasks
    """
    CREATE FUNCTION portal_fold(t text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT lower(t) $$
    """,
    """
    CREATE FUNCTION portal_findable(
        prompt text, midsync_task_id text, provider_task_id text, public_id uuid
    ) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT lower(prompt || chr(10) || midsync_task_id || chr(10)
            || provider_task_id || chr(10) || public_id::text) $$
    """,
    # Every character and every pair of neighbours. So costly that only the index ever uses it.
    """
    CREATE FUNCTION portal_grams(t text, customer bigint) RETURNS text[]
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 100000
        AS $$ SELECT array_agg(DISTINCT gram) FROM (
            SELECT unnest(ARRAY[one, one || lead(one) OVER ()]) AS gram
            FROM unnest(string_to_array(t, NULL)) AS one
            UNION ALL SELECT 'customer ' || customer
        ) AS grams WHERE gram IS NOT NULL $$
    """,
    # The pairs of what is looked for; where it is a single character, that one.
    """
    CREATE FUNCTION portal_needle(t text, customer bigint) RETURNS text[]
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        AS $$ SELECT array_append(CASE WHEN length(t) < 2 THEN ARRAY[t] ELSE (
            SELECT array_agg(DISTINCT pair) FROM (
                SELECT one || lead(one) OVER () AS pair
                FROM unnest(string_to_array(t, NULL)) AS one
            ) AS pairs WHERE pair IS NOT NULL
        ) END, 'customer ' || customer) $$
    """,
    """
    CREATE INDEX task_text ON midsync_portal_task USING gin (portal_grams(
        portal_findable(prompt, midsync_task_id, provider_task_id, public_id), customer_id
    ))
    """,
)
GONE = (
    "DROP INDEX task_text",
    "DROP FUNCTION portal_needle(text, bigint)",
    "DROP FUNCTION portal_grams(text, bigint)",
    "DROP FUNCTION portal_findable(text, text, text, uuid)",
    "DROP FUNCTION portal_fold(text)",
)


def make(apps: Any, schema_editor: Any) -> None:
    """Functions and index, where the database is PostgreSQL."""
    if schema_editor.connection.vendor == "postgresql":
        for statement in FUNCTIONS:
            schema_editor.execute(statement)


def unmake(apps: Any, schema_editor: Any) -> None:
    """The way back."""
    if schema_editor.connection.vendor == "postgresql":
        for statement in GONE:
            schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('midsync_portal', '0011_starting_prices'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='task',
            index=models.Index(fields=['customer', 'status', '-created_at', '-id'], name='task_list_status'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(fields=['customer', 'video_model', '-created_at', '-id'], name='task_list_model'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(models.F('customer'), django.db.models.functions.comparison.Coalesce('points_charged', 'points_quoted'), models.OrderBy(models.F('created_at'), descending=True), name='task_list_points'),
        ),
        migrations.RunPython(make, unmake),
    ]

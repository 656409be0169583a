"""Fills the tables of a portal: tasks, five events each, 2,000 customers, one of which owns 10 %.

    DATABASE_URL=… DJANGO_SETTINGS_MODULE=tests.settings python -m tests.bench.support.data 1000000

A second argument says in SQL whose the task `n` is, where another share is wanted. Made inside the
database, from numbers that only look random, so that each run makes the same.
"""

import sys
import time

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from midsync_portal.models import Customer, Membership, PromptGrams, User  # noqa: E402
from midsync_portal.search.grams import grams_of_prompt  # noqa: E402

from .vocabulary import prompts  # noqa: E402

CUSTOMERS = 2_000
PROMPTS = 40_000
OWNER = (
    f"CASE WHEN n % 10 = 0 THEN 1 ELSE 1 + ((n * 7919) % {CUSTOMERS} * ((n * 31) % {CUSTOMERS}))"
    f" / {CUSTOMERS} END"
)
STEP = 100_000  # tasks at a time

POSTGRES = {
    "now": "now()",
    "earlier": "now() - interval '1 second' * ({})",
    "uuid": "md5('{0}' || n)::uuid",
    "json": "'{{}}'::jsonb",
    "text": "'{0}' || n",
    "numbers": "generate_series({0}::bigint, {1}) AS numbers(n)",
    "true": "true",
    "false": "false",
}
SQLITE = {
    "now": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "earlier": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ({}) || ' seconds')",
    "uuid": "substr('{0}000000000000000000000000', 1, 24) || printf('%08x', n)",
    "json": "'{{}}'",
    "text": "'{0}' || n",
    "numbers": "(WITH RECURSIVE c(n) AS (SELECT {0} UNION ALL SELECT n + 1 FROM c WHERE n < {1})"
    " SELECT n FROM c) AS numbers",
    "true": "1",
    "false": "0",
}
# Of 1,000 tasks: ready 900, failed 70, refused 20, and of the last ten thousand some are open.
TASKS = """
    INSERT INTO midsync_portal_task (id, public_id, customer_id, ordered_by_id, submit_key,
        video_model, prompt, parameters, request_body, body_hash, status, failure_code,
        failure_message, points_quoted, points_charged, charge_unknown, needs_review, review_at,
        midsync_task_id, provider_task_id, provider_model, source_url, cover_url, video, poster,
        video_state, video_type, video_size, video_tries, video_error, sent_at, accepted_at,
        finished_at, send_attempts, waits_for, not_found_count, checks, log_readings, created_at,
        updated_at, next_check_at)
    SELECT n, {task_uuid}, owner, owner, {key_uuid},
        'kling-2.5-turbo', p.prompt, {json}, {body}, {hash}, status,
        CASE WHEN status IN ('failed', 'rejected') THEN 'refused' ELSE '' END,
        CASE WHEN status IN ('failed', 'rejected') THEN 'content policy' ELSE '' END,
        35, CASE WHEN status IN ('rejected', 'unconfirmed') THEN NULL
            WHEN n % 5000 = 0 THEN 52 ELSE 35 END,
        {false}, CASE WHEN n % 4000 = 0 THEN 'a report names the id of another task' ELSE '' END,
        CASE WHEN n % 4000 = 0 THEN {now} END,
        CASE WHEN status IN ('rejected', 'unconfirmed') THEN '' ELSE {ms} END,
        CASE WHEN status IN ('rejected', 'unconfirmed') THEN '' ELSE {pv} END, '',
        CASE WHEN status = 'succeeded' THEN 'https://cdn.example.com/v.mp4' ELSE '' END, '',
        CASE WHEN status = 'succeeded' AND n % 3000 <> 1 THEN 'videos/v.mp4' ELSE '' END, '',
        CASE WHEN status <> 'succeeded' THEN 'none' WHEN n % 3000 = 1 THEN 'gave_up'
            ELSE 'stored' END,
        'video/mp4', 1000000, 1, '', at, at,
        CASE WHEN status IN ('queued', 'running', 'unconfirmed') THEN NULL ELSE at END,
        1, '', 0, 2, 0, at, at, {now}
    FROM (SELECT n, {owner} AS owner,
            CASE WHEN n % 1000 < 70 THEN 'failed' WHEN n % 1000 < 90 THEN 'rejected'
                WHEN n > {count} - 10000 AND n % 100 = 95 THEN 'running'
                WHEN n > {count} - 10000 AND n % 100 = 96 THEN 'queued'
                WHEN n > {count} - 10000 AND n % 500 = 99 THEN 'unconfirmed'
                ELSE 'succeeded' END AS status,
            {at} AS at
        FROM {numbers}) AS t
    JOIN bench_prompt p ON p.id = ((n * 7919) % {prompts}) * ((n * 104729) % {prompts}) / {prompts}
"""
EVENTS = """
    INSERT INTO midsync_portal_taskevent (task_id, kind, source, status_before, status_after,
        reason, evidence, created_at)
    SELECT t.id, k.kind, k.source, k.before, k.after, '', {json}, t.created_at
    FROM midsync_portal_task t CROSS JOIN bench_kind k WHERE t.id BETWEEN %s AND %s
    ORDER BY t.id, k.id
"""
DELIVERIES = """
    INSERT INTO midsync_portal_callbackdelivery (task_id, named_task, is_hint, midsync_task_id,
        provider_task_id, body, body_sha256, body_size, is_truncated, headers, received_at,
        last_received_at, repeats, state, outcome, error, tries)
    SELECT CASE WHEN id % 10000 = 0 THEN NULL ELSE id END, public_id, {false}, '', '', {blob},
        body_hash, 2, {false}, {json}, created_at, created_at, 0,
        CASE WHEN id % 10000 = 0 THEN 'kept' WHEN id % 10000 = 5 THEN 'dead' ELSE 'done' END,
        '', '', 1
    FROM midsync_portal_task WHERE id BETWEEN %s AND %s AND id % 4 <> 3
"""
KINDS = (
    ("created", "customer", "", "submitting"),
    ("sent", "submission", "", ""),
    ("move", "answer", "submitting", "queued"),
    ("check", "worker", "", ""),
    ("move", "callback", "queued", "succeeded"),
)


def fill(count: int, owner: str = OWNER) -> None:
    """Make so many tasks and what belongs to them, in tables that are empty."""
    is_postgres = connection.vendor == "postgresql"
    say = POSTGRES if is_postgres else SQLITE
    began = time.monotonic()
    _people()
    with connection.cursor() as cursor:
        _vocabulary(cursor)
        if is_postgres:
            cursor.execute("DROP INDEX prompt_grams")
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET maintenance_work_mem = '1GB'")
        for start in range(1, count + 1, STEP):
            end = min(start + STEP - 1, count)
            with transaction.atomic():
                _step(cursor, say, count, start, end, owner)
            _tell(began, f"{end:,} tasks")
        if is_postgres:
            cursor.execute(
                "CREATE INDEX prompt_grams ON midsync_portal_promptgrams"
                " USING gin (grams) WITH (fastupdate = off)"
            )
            for table in ("task", "taskevent", "callbackdelivery"):
                name = f"midsync_portal_{table}"
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'),"  # noqa: S608
                    f" (SELECT max(id) FROM {name}))"
                )
            cursor.execute("VACUUM ANALYZE")
        else:
            cursor.execute("ANALYZE")
    _tell(began, "done")


def _step(
    cursor: object, say: dict[str, str], count: int, start: int, end: int, owner: str
) -> None:
    names = {
        "task_uuid": say["uuid"].format("a1" if say is SQLITE else "task"),
        "key_uuid": say["uuid"].format("b2" if say is SQLITE else "key"),
        "json": say["json"].format(),
        "body": '\'{"model":"kling-2.5-turbo"}\'',
        "hash": say["text"].format("hash-"),
        "ms": say["text"].format("ms-"),
        "pv": say["text"].format("pv-"),
        "now": say["now"],
        "false": say["false"],
        "numbers": say["numbers"].format(start, end),
        "at": say["earlier"].format(f"({count} - n) * 60 * 1000000 / {count}"),
        "owner": owner,
        "prompts": PROMPTS,
        "count": count,
        "blob": "'{}'::bytea" if say is POSTGRES else "x'7b7d'",
    }
    run = cursor.execute  # type: ignore[attr-defined]
    run(TASKS.format(**names))
    for statement in (EVENTS, DELIVERIES):
        text = statement.format(**names).replace("id %", "id %%")
        run(text, [start, end])
    run(
        f"INSERT INTO {PromptGrams._meta.db_table} (task_id, grams) "  # noqa: S608
        "SELECT t.id, p.grams FROM midsync_portal_task t JOIN bench_prompt p ON p.id = "
        f"((t.id * 7919) %% {PROMPTS}) * ((t.id * 104729) %% {PROMPTS}) / {PROMPTS} "
        "WHERE t.id BETWEEN %s AND %s ORDER BY t.id",
        [start, end],
    )


def _people() -> None:
    people = User.objects.bulk_create(
        User(pk=n, email=f"person-{n}@customer-{n}.example", password="!")
        for n in range(1, CUSTOMERS + 1)
    )
    teams = Customer.objects.bulk_create(
        Customer(pk=n, name=f"Customer {n}") for n in range(1, CUSTOMERS + 1)
    )
    Membership.objects.bulk_create(
        Membership(user=person, customer=team, role="owner")
        for person, team in zip(people, teams, strict=True)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for table in ("user", "customer"):
                cursor.execute(f"SELECT setval('midsync_portal_{table}_id_seq', %s)", [CUSTOMERS])


def _vocabulary(cursor: object) -> None:
    run, many = cursor.execute, cursor.executemany  # type: ignore[attr-defined]
    grams = PromptGrams._meta.get_field("grams")
    kind = grams.db_type(connection)
    run(f"CREATE TEMPORARY TABLE bench_prompt (id integer PRIMARY KEY, prompt text, grams {kind})")
    run(
        "CREATE TEMPORARY TABLE bench_kind (id integer, kind text, source text,"
        " before text, after text)"
    )
    many(
        "INSERT INTO bench_kind VALUES (%s, %s, %s, %s, %s)",
        [(number, *kind) for number, kind in enumerate(KINDS)],
    )
    rows = [
        (number, prompt, grams.get_db_prep_save(grams_of_prompt(prompt), connection))
        for number, prompt in enumerate(prompts(PROMPTS))
    ]
    many("INSERT INTO bench_prompt VALUES (%s, %s, %s)", rows)
    run("ANALYZE bench_prompt" if connection.vendor == "postgresql" else "SELECT 1")


def _tell(began: float, what: str) -> None:
    print(f"{time.monotonic() - began:7.1f} s  {what}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    fill(int(sys.argv[1]), *sys.argv[2:])

"""Gets everything ready and is the production server; `bin/web` runs it.

Refuses to start, in one sentence each, with settings that are missing or wrong, a database that
is not up to date, or an error of Django's checks. Collects the static files where that was
forgotten.
"""

import os
import resource
import sys
from pathlib import Path

OPEN_FILES = 10_240  # one per connection, and some

UVICORN = [
    *["--http", "midsync_portal.serving.protocol:PatientProtocol"],
    *["--ws", "none"],
    *["--lifespan", "on"],
    "--no-access-log",  # paths of callbacks hold a secret
    "--no-proxy-headers",  # asgi.py reads them, and only those of TRUSTED_PROXIES
    "--no-server-header",
    *["--timeout-keep-alive", "65"],
    *["--timeout-graceful-shutdown", "20"],
    *["--timeout-worker-healthcheck", "30"],
    *["--h11-max-incomplete-event-size", "32768"],
]


class CannotStart(Exception):
    """Why not, in one sentence."""


def main() -> int:
    """Prepare and serve; returns an exit code where that is not possible."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "midsync_portal.settings")
    from django.core.exceptions import ImproperlyConfigured

    try:
        arguments = prepare()
    except (CannotStart, ImproperlyConfigured) as problem:
        print(f"bin/web: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    from .supervisor import run

    run(arguments)


def prepare() -> list[str]:
    """Check everything; returns uvicorn's arguments. Raises CannotStart, ImproperlyConfigured."""
    import django

    django.setup()
    from midsync_portal.settings import env

    host = env.text("HOST", "127.0.0.1")
    port = env.number("PORT", 8000, minimum=1)
    if port > 65535:
        raise CannotStart(f"PORT must be at most 65535, not {port}.")
    processes = env.number("WEB_CONCURRENCY", 2, minimum=1)
    check_project()
    if check_migrations():
        check_wake_ups()
    collect_static_files()
    raise_open_files()
    server = ["midsync_portal.asgi:application", *UVICORN]
    return [*server, "--host", host, "--port", str(port), "--workers", str(processes)]


def check_project() -> None:
    """Run Django's checks, those for deployment too. Raises CannotStart at the first error."""
    from django.conf import settings
    from django.core import checks

    messages = checks.run_checks(include_deployment_checks=True, databases=["default"])
    # On plain http, which only serves this machine, the warnings about TLS say nothing new.
    shown = checks.WARNING if settings.PORTAL_IS_HTTPS else checks.ERROR
    for message in messages:
        if message.level >= shown and not message.is_silenced():
            print(f"bin/web: {message}", file=sys.stderr)  # noqa: T201
    if any(message.is_serious() and not message.is_silenced() for message in messages):
        raise CannotStart("the checks have found what is said above.")


def check_migrations() -> bool:
    """Raise CannotStart where tables are missing.

    False where the database is away: it may come back.
    """
    from django.db import DatabaseError, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as problem:
        print(f"bin/web: the database does not answer yet: {problem}", file=sys.stderr)  # noqa: T201
        return False
    finally:
        connection.close()
    if plan:
        raise CannotStart("the database is not up to date: run manage.py migrate first.")
    return True


def check_wake_ups() -> None:
    """Raise CannotStart where LISTEN hears nothing: rows would look live and stay as they are."""
    import psycopg
    from django.conf import settings
    from django.db import connection

    if connection.vendor != "postgresql":
        return
    from midsync_portal.live.sources import notices_arrive

    name = "LISTEN_DATABASE_URL" if settings.LISTEN_DATABASE_URL else "DATABASE_URL"
    try:
        arrive = notices_arrive()
    except psycopg.Error as problem:
        first = str(problem).strip().partition("\n")[0]
        raise CannotStart(f"{name}: LISTEN cannot connect: {first}") from None
    finally:
        connection.close()
    if not arrive:
        raise CannotStart(
            f"{name}: LISTEN hears nothing there, so rows would not be live; set "
            "LISTEN_DATABASE_URL to the same database without a pooler in between."
        )


def collect_static_files() -> None:
    """Run collectstatic where files are missing, new or changed; never with DEBUG."""
    from django.conf import settings
    from django.core.management import call_command

    if not settings.DEBUG and static_files_are_stale(Path(settings.STATIC_ROOT)):
        call_command("collectstatic", interactive=False, verbosity=0)


def static_files_are_stale(root: Path) -> bool:
    """Whether the manifest is missing, or older than one of the files, or lacks one."""
    import json

    from django.contrib.staticfiles.finders import get_finders

    manifest = root / "staticfiles.json"
    try:
        known = json.loads(manifest.read_text())["paths"]
        written_at = manifest.stat().st_mtime
    except (OSError, ValueError, KeyError):
        return True
    for finder in get_finders():
        for path, storage in finder.list([]):
            if path not in known or Path(storage.path(path)).stat().st_mtime > written_at:
                return True
    return False


def raise_open_files() -> None:
    """Ask for as many open files as many streams need; the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())

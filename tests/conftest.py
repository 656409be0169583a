"""The cast of the tests, and a wire that leads nowhere but to the script."""

import hashlib
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db import connection
from django.test import Client, TransactionTestCase
from django.utils import timezone

from midsync_portal import upstream
from midsync_portal.canonical import body_hash, canonical_json
from midsync_portal.management.commands.worker import Worker
from midsync_portal.midsync.client import MidSyncClient
from midsync_portal.models import CallbackDelivery, Customer, Membership, Task, User
from midsync_portal.models.status import FINAL, Status
from midsync_portal.submission import pool
from midsync_portal.waiting import forget_spans
from tests import prepared, second_factor
from tests.clock import Clock
from tests.emptying import emptying
from tests.wire import Wire

PASSWORD = "correct horse battery"
LONGEST = ("browser", "live", "fuzz")  # folders
Client.force_login = second_factor.force_login  # for every browser of every test


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--only-database`: the tests that can differ from one database to another."""
    parser.addoption("--only-database", action="store_true", help="only tests that use a database")


def pytest_configure(config: pytest.Config) -> None:
    """What is prepared lasts as long as the run of all processes."""
    if not hasattr(config, "workerinput"):
        run = ExitStack()
        run.enter_context(prepared.kept())
        config.add_cleanup(run.close)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what --only-database has not asked for; where files share processes, begin with
    those that take longest, so that no process has to wait for the last of them.
    """
    if config.getoption("only_database"):
        config.hook.pytest_deselected(items=[item for item in items if not uses_database(item)])
        items[:] = [item for item in items if uses_database(item)]
    if hasattr(config, "workerinput"):
        longest = dict(zip(LONGEST, range(-len(LONGEST), 0), strict=True))
        items.sort(key=lambda item: longest.get(item.path.parent.name, 0))


def uses_database(item: pytest.Item) -> bool:
    """Whether a test works in the database that DATABASE_URL names, itself or by a fixture."""
    fixtures = getattr(item, "fixturenames", ())
    return (
        bool(item.get_closest_marker("django_db"))
        or "db" in fixtures
        or ("transactional_db" in fixtures)
    )


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Where several processes test, the database of each begins as a copy of one with tables."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    if connection.vendor == "postgresql":
        template = prepared.postgres_tables(os.environ["DATABASE_URL"])
        connection.settings_dict["TEST"]["TEMPLATE"] = template
        return
    creation: Any = connection.creation
    create = creation._create_test_db

    def copy(*args: Any, **options: Any) -> str:
        name: str = create(*args, **options)
        shutil.copy(prepared.sqlite_tables(), name)
        return name

    creation._create_test_db = copy


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tables, which are emptied in our own way from now on."""
    with django_db_blocker.unblock():
        TransactionTestCase._fixture_teardown = emptying()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a test reaches beyond this machine; names lead nowhere, and say so at once."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def local_only(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "127.0.0.1"
        if host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test connects to {host}")
        connect(self, address)

    def numbers_only(host: Any, *wanted: Any, **also: Any) -> Any:
        if host not in (None, "localhost", "127.0.0.1", "::1"):
            raise socket.gaierror(socket.EAI_NONAME, f"a test looks up {host}")
        return look_up(host, *wanted, **also)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setattr(socket, "getaddrinfo", numbers_only)


@pytest.fixture(autouse=True)
def no_usual_times() -> None:
    """How long tasks usually take is not remembered from another test."""
    forget_spans()


@pytest.fixture(autouse=True)
def own_senders(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that a test has ended takes no other test's sends with it."""
    monkeypatch.setattr(pool, "_pool", None)


@pytest.fixture(autouse=True)
def empty_cache(request: pytest.FixtureRequest) -> None:
    """Limits of log-in attempts do not reach from one test into the next."""
    if "db" in request.fixturenames or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db")
        cache.clear()


def make_user(email: str, **extra: Any) -> User:
    """A person who can log in."""
    user = User.objects.create_user(email, PASSWORD, **extra)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def make_customer(name: str, owner: User) -> Customer:
    """A team with its owner."""
    customer = Customer.objects.create(name=name)
    Membership.objects.create(user=owner, customer=customer, role=Membership.Role.OWNER)
    return customer


@pytest.fixture
def ana(db: None) -> User:
    """Ana, owner of Alder Films."""
    user = make_user("ana@alder.example", name="Ana")
    make_customer("Alder Films", user)
    return user


@pytest.fixture
def ben(db: None) -> User:
    """Ben, owner of Birch Studio, who must see nothing of Ana's."""
    user = make_user("ben@birch.example", name="Ben")
    make_customer("Birch Studio", user)
    return user


@pytest.fixture
def sam(db: None) -> User:
    """Sam of support, with every right and no customer."""
    return make_user("sam@support.example", name="Sam", is_staff=True, is_superuser=True)


@pytest.fixture
def make_task(ana: User) -> Callable[..., Task]:
    """Makes a task of Ana's that its status allows; any field may be given."""

    def make_task(**fields: Any) -> Task:
        now = timezone.now()
        status = Status(fields.get("status", Status.QUEUED))
        body = {
            "model": fields.get("video_model", "kling-2.5-turbo"),
            "prompt": fields.get("prompt", "a red fox in the snow"),
            "duration": 5,
        }
        wanted: dict[str, Any] = {
            "customer": ana.customers.first(),
            "ordered_by": ana,
            "submit_key": uuid4(),
            "video_model": body["model"],
            "prompt": body["prompt"],
            "parameters": {"duration": 5},
            "request_body": canonical_json(body),
            "body_hash": body_hash(body),
            "status": status,
            "next_check_at": now + timedelta(minutes=5),
            "created_at": now,
        }
        if status != Status.SUBMITTING:
            wanted["sent_at"] = now
        if status in FINAL:
            wanted["finished_at"] = now
        if status in (Status.REJECTED, Status.FAILED, Status.CANCELLED):
            wanted |= {"failure_code": "refused", "failure_message": "because"}
        if status == Status.SUCCEEDED:
            wanted["source_url"] = "https://cdn.example.com/video.mp4"
        return Task.objects.create(**wanted | fields)

    return make_task


@pytest.fixture
def make_delivery(db: None) -> Callable[..., CallbackDelivery]:
    """Makes a callback as it is kept; without a task it fits none of ours."""

    def make_delivery(**fields: Any) -> CallbackDelivery:
        now = timezone.now()
        task = fields.get("task")
        body = fields.get("body", b"{}")
        wanted = {
            "named_task": task.public_id if task else uuid4(),
            "body": body,
            "body_sha256": hashlib.sha256(body).hexdigest(),
            "body_size": len(body),
            "received_at": now,
            "last_received_at": now,
            "next_try_at": now + timedelta(minutes=5) if fields.get("state") == "new" else None,
        }
        return CallbackDelivery.objects.create(**wanted | fields)

    return make_delivery


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The wire to MidSync: `wire.answers` is what it says, `wire.asked` what it was asked."""
    wire = Wire()
    client = partial(MidSyncClient, adapter=wire, sleep=lambda seconds: None)
    monkeypatch.setattr(upstream, "MidSyncClient", client)
    upstream.get_client.cache_clear()
    yield wire
    upstream.get_client.cache_clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The portal's clock: it stands still until the test moves it."""
    clock = Clock(timezone.now())
    monkeypatch.setattr(timezone, "now", clock.now)
    return clock


@pytest.fixture
def worker(db: None, clock: Clock) -> Iterator[Worker]:
    """A worker that does not ask for the list of models by itself."""
    worker = Worker()
    worker.catalog_at = clock.now() + timedelta(days=1)
    yield worker
    worker.finish()


@pytest.fixture
def tess(db: None) -> User:
    """Tess of support, with the rights of the group and no more."""
    from midsync_portal.people import support_group

    user = make_user("tess@support.example", name="Tess", is_staff=True)
    user.groups.add(support_group())
    return user


@pytest.fixture
def olga(db: None) -> User:
    """Olga the operator, with the rights of the group and no more."""
    from midsync_portal.people import operator_group

    user = make_user("olga@support.example", name="Olga", is_staff=True)
    user.groups.add(operator_group())
    return user


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the figures that tests have measured (`record_property("figures", …)`)."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in report.user_properties:
                if name == "figures":
                    terminalreporter.write_sep("-", f"figures of {report.nodeid}")
                    terminalreporter.write_line(text)

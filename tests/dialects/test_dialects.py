"""The whole way of a task with a MidSync that speaks otherwise: each gateway, shape and refusal.

The gateway is a real server on loopback, asked by the portal's real client; its callbacks go
through the portal's own door.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from midsync_portal import submission
from midsync_portal.models import CallbackDelivery, MidSyncGate, Quote, Task
from midsync_portal.models.status import RANK, Status
from midsync_portal.upstream import get_client

from .gateways import DIALECTS, KIE, MINIMAX, POINTS, REASON, REPLICATE, Dialect
from .refusals import REFUSALS, WHY, Refusal
from .server import API_KEY, ENDED, Gateway

pytestmark = pytest.mark.django_db(transaction=True)

each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.name)
BODY: dict[str, Any] = {"model": "kling-2.5-turbo", "prompt": "a red fox", "duration": 5}

Start = Callable[..., Gateway]
Order = Callable[[], Task]


@pytest.fixture
def start(settings: LazySettings) -> Iterator[Start]:
    """Starts a gateway and points the portal at it."""
    running: list[Gateway] = []

    def start_(dialect: Dialect, **more: Any) -> Gateway:
        gateway = Gateway(dialect, **more).__enter__()
        running.append(gateway)
        settings.MIDSYNC_BASE_URL = gateway.origin
        settings.MIDSYNC_API_KEY = API_KEY
        settings.RESULT_ORIGINS_TRUSTED = [gateway.origin]
        get_client.cache_clear()
        return gateway

    yield start_
    for gateway in running:
        gateway.__exit__(None, None, None)
    get_client.cache_clear()


@pytest.fixture
def order(ana: Any) -> Order:
    """Ana orders a video: the price is asked, the task written down and sent."""

    def order_() -> Task:
        customer = ana.customers.get()
        submission.quote_for(customer, BODY)
        task = submission.submit(
            customer=customer, ordered_by=ana, body=BODY, submit_key=uuid4(), again=True
        )
        return submission.send_and_wait(task)

    return order_


def deliver(gateway: Gateway, client: Client, failed: bool = False) -> list[str]:
    """All callbacks of the newest order go through our door; the statuses in between."""
    charged = gateway.orders[-1]
    path = "/" + charged.callback_url.split("/", 3)[3]
    seen = []
    for message in gateway.callbacks(charged, failed):
        headers = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in message.headers.items()}
        answer = client.post(path, message.raw, content_type="application/json", **headers)
        challenge = message.body.get("challenge") if isinstance(message.body, dict) else None
        assert answer.status_code == 200
        assert answer.content.decode() == (challenge or "ok")
        seen.append(Task.objects.get().status)
    charged.stage = ENDED
    return seen


def ask_midsync(task: Task) -> Task:
    """The worker finds the task due and asks, as often as it needs; a while passes each time."""
    for _ in range(5):
        CallbackDelivery.objects.update(next_try_at=timezone.now())
        Task.objects.filter(pk=task.pk, next_check_at__isnull=False).update(
            next_check_at=timezone.now(), last_checked_at=None
        )
        MidSyncGate.objects.update(budget_at=None)
        call_command("worker", "--once")
        task.refresh_from_db()
        if task.is_final:
            break
    return task


@each_dialect
def test_an_order_is_accepted_with_its_id_and_what_it_cost(
    start: Start, order: Order, dialect: Dialect
) -> None:
    gateway = start(dialect)
    task = order()
    assert task.status in {Status.QUEUED, Status.RUNNING}
    assert task.midsync_task_id == gateway.orders[0].task_id
    assert task.points_quoted == task.points_charged == Decimal(str(POINTS))
    assert gateway.orders[0].idempotency_key == str(task.public_id)


@each_dialect
def test_success_arrives(start: Start, order: Order, client: Client, dialect: Dialect) -> None:
    gateway = start(dialect)
    task = order()
    deliver(gateway, client)
    task.refresh_from_db()
    if not task.is_final:  # no callback, or one without a link
        assert dialect.name in {"Runway", "MiniMax Hailuo"}
        task = ask_midsync(task)
    assert task.status == Status.SUCCEEDED
    assert task.source_url == gateway.orders[0].video_url
    assert task.points_charged == Decimal(str(POINTS))
    assert not task.needs_review


@each_dialect
def test_failure_arrives_with_its_reason(
    start: Start, order: Order, client: Client, dialect: Dialect
) -> None:
    gateway = start(dialect)
    task = order()
    gateway.orders[0].failed = True
    deliver(gateway, client, failed=True)
    task.refresh_from_db()
    if not task.is_final:
        assert dialect.name == "Runway"
        task = ask_midsync(task)
    assert task.status == Status.FAILED
    assert task.failure_code
    if dialect.name != "PixVerse":  # which sends a bare number
        assert REASON in task.failure_message
    assert not task.source_url


@each_dialect
@pytest.mark.parametrize("failed", [False, True], ids=["success", "failure"])
def test_a_lost_callback_is_made_good_by_asking(
    start: Start, order: Order, dialect: Dialect, failed: bool
) -> None:
    gateway = start(dialect)
    task = order()
    gateway.orders[0].failed = failed
    task = ask_midsync(task)
    assert task.status == (Status.FAILED if failed else Status.SUCCEEDED)
    if not failed:
        assert task.source_url == gateway.orders[0].video_url
    assert len(gateway.orders) == 1


@pytest.mark.parametrize("dialect", [KIE, REPLICATE, MINIMAX], ids=lambda d: d.name)
def test_the_row_only_moves_forward(
    start: Start, order: Order, client: Client, dialect: Dialect
) -> None:
    gateway = start(dialect)
    order()
    seen = deliver(gateway, client)
    ranks = [RANK[Status(status)] for status in seen]
    assert ranks == sorted(ranks)


@each_dialect
def test_callbacks_in_reverse_order_end_the_same(
    start: Start, order: Order, client: Client, dialect: Dialect
) -> None:
    gateway = start(dialect)
    task = order()
    charged = gateway.orders[0]
    path = "/" + charged.callback_url.split("/", 3)[3]
    for message in reversed(gateway.callbacks(charged)):
        assert client.post(path, message.raw, content_type="text/plain").status_code == 200
    charged.stage = ENDED
    task.refresh_from_db()
    assert ask_midsync(task).status == Status.SUCCEEDED


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda r: r.name)
def test_a_refusal_or_breakdown_of_generate_is_read_for_what_it_is(
    start: Start, order: Order, refusal: Refusal
) -> None:
    gateway = start(KIE)
    gateway.refusal = refusal
    task = order()
    assert task.status in refusal.ends_as
    assert "<" not in task.failure_message
    if task.status == Status.REJECTED and refusal.status != 402:
        assert WHY in task.failure_message
    asked = [call for call, _ in gateway.calls if call == "POST /unified-video/generate"]
    assert len(asked) == 1


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda r: r.name)
def test_the_price_of_a_gateway_that_cannot_quote_is_unknown_or_refused_never_invented(
    start: Start, ana: Any, refusal: Refusal
) -> None:
    gateway = start(KIE)
    gateway.refusal, gateway.refuses = refusal, frozenset({"quote"})
    with contextlib.suppress(submission.QuoteRefused):  # says that this cannot be ordered
        assert submission.quote_for(ana.customers.get(), BODY).points is None
    assert not Quote.objects.filter(points__isnull=False).exists()


def test_the_answer_to_a_callback_is_the_bare_word_that_pixverse_insists_on(
    start: Start, order: Order, client: Client
) -> None:
    gateway = start(KIE)
    order()
    path = "/" + gateway.orders[0].callback_url.split("/", 3)[3]
    answer = client.post(path, json.dumps({"state": "generating"}), content_type="text/plain")
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert answer["Content-Type"].startswith("text/plain")

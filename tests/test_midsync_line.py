"""The client of MidSync on a faulty line: each fault, what it proves, and that it ends in time.

Between client and simulator lies the line of `tests.proxy`, so the ledger can be asked whether
an order was taken. Timeouts are fractions of a second; without them these tests would hang.
"""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.utils import timezone

from midsync_portal import gate, upstream
from midsync_portal.midsync import errors, transport
from midsync_portal.midsync.client import MidSyncClient
from midsync_portal.simulator.clock import ManualClock
from midsync_portal.simulator.delivery import HttpPost
from midsync_portal.simulator.engine import Simulator
from midsync_portal.simulator.server import Server
from midsync_portal.simulator.settings import Settings
from midsync_portal.simulator.store import Store
from midsync_portal.simulator.studio import Studio
from midsync_portal.simulator.web import WsgiApp
from tests.proxy import CUT_AFTER, Fault, Line

KEY = "canary-key-of-this-test"
BODY = {"model": "kling-2.5-turbo", "prompt": "a very private cat", "duration": 5}
SHORT = 0.4  # seconds
PATIENCE = 20


class Midsync:
    """A simulator behind a line."""

    def __init__(self, store: Store, line: Line) -> None:
        self.store = store
        self.line = line

    def client(self, *, scheme: str = "http", **timeouts: float) -> MidSyncClient:
        known = {"connect_timeout": SHORT, "read_timeout": SHORT, "generate_timeout": SHORT}
        url = self.line.address.replace("http", scheme, 1)
        return MidSyncClient(url, KEY, sleep=lambda seconds: None, **{**known, **timeouts})

    @property
    def charges(self) -> int:
        return len(self.store.ledger())


@pytest.fixture
def midsync(tmp_path) -> Iterator[Midsync]:
    store = Store()
    settings = Settings(api_key=KEY, seed="7")
    simulator = Simulator(store, ManualClock(), HttpPost(), Studio(tmp_path), settings)
    server = Server(("127.0.0.1", 0), WsgiApp(simulator))
    serving = threading.Thread(target=server.serve_forever, args=[0.01])
    serving.start()
    with Line(server.server_port) as line:
        yield Midsync(store, line)
    server.stop()
    serving.join()
    server.server_close()
    store.close()


def test_a_read_that_begins_anew_takes_a_connection_of_its_own(midsync: Midsync):
    client = midsync.client(read_timeout=PATIENCE)
    for connections in (1, 1):
        client.list_models()
        assert midsync.line.connections == connections
    client.begin_anew()
    client.list_models()
    assert midsync.line.connections == 2


@pytest.mark.django_db(transaction=True)
def test_promise_12_a_probe_gets_through_where_the_line_forgot_its_connections(
    midsync: Midsync, monkeypatch
):
    client = midsync.client(read_timeout=PATIENCE)
    monkeypatch.setattr(upstream, "get_client", lambda: client)
    client.list_models()
    midsync.line.forget()
    with pytest.raises(errors.MidSyncUnavailable):
        client.list_models(may_repeat=lambda: False)
    client.list_models()
    midsync.line.forget()
    for _ in range(settings.MIDSYNC_BREAKER_FAILURES):
        gate.note_outage("status", errors.MidSyncUnavailable(), timezone.now())
    assert gate.is_away()
    upstream.probe()
    assert not gate.is_away()


def test_a_whole_line_takes_the_order(midsync: Midsync):
    made = midsync.client(generate_timeout=PATIENCE).generate(BODY, "1")
    assert made.midsync_task_id == midsync.store.ledger()[0].task_id
    assert midsync.line.connections == 1


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.CONNECT_HANG])
def test_what_never_connected_was_provably_not_sent(midsync: Midsync, fault: Fault):
    midsync.line.spoil(fault)
    with pytest.raises(errors.MidSyncNotSent):
        midsync.client(generate_timeout=PATIENCE).generate(BODY, "1")
    assert (midsync.line.connections, midsync.line.sent, midsync.charges) == (0, 0, 0)


@pytest.mark.parametrize(
    ("fault", "scheme"),
    [
        (Fault.STALL, "https"),
        (Fault.STALL, "http"),
        (Fault.CUT, "https"),
        (Fault.CUT, "http"),
        (Fault.RESET_BEFORE, "https"),
        (Fault.RESET_BEFORE, "http"),
    ],
)
def test_what_connected_may_have_been_sent_though_it_was_not(
    midsync: Midsync, fault: Fault, scheme: str
):
    midsync.line.spoil(fault)
    with pytest.raises(errors.MidSyncUnavailable):
        midsync.client(scheme=scheme).generate(BODY, "1")
    assert (midsync.line.connections, midsync.line.sent, midsync.charges) == (1, 0, 0)


@pytest.mark.parametrize(
    "fault", [Fault.RESET_AFTER, Fault.CUT_ANSWER, Fault.DRIP, Fault.HALF_OPEN, Fault.DELAY]
)
def test_an_answer_that_is_lost_leaves_the_outcome_unknown_and_is_not_asked_for_again(
    midsync: Midsync, fault: Fault
):
    midsync.line.spoil(fault)
    with pytest.raises(errors.MidSyncUnavailable):
        midsync.client().generate(BODY, "1")
    assert (midsync.line.connections, midsync.charges) == (1, 1)
    assert midsync.line.dripped < CUT_AFTER, "the client went on after its deadline"


def test_a_dripping_question_ends_at_its_deadline_however_often_it_could_be_repeated(
    midsync: Midsync,
):
    midsync.line.spoil(Fault.DRIP)
    with pytest.raises(errors.MidSyncUnavailable):
        midsync.client().get_status("ms-1")
    assert midsync.line.dripped < CUT_AFTER


def test_a_question_is_repeated_until_the_line_is_whole_an_order_is_not(midsync: Midsync):
    midsync.line.spoil(Fault.RESET_BEFORE)
    pauses = []

    def repair(seconds: float) -> None:
        pauses.append(seconds)
        midsync.line.repair()

    client = MidSyncClient(midsync.line.address, KEY, sleep=repair)
    assert client.quote(BODY).points == 35
    assert len(pauses) == 1
    midsync.line.spoil(Fault.RESET_BEFORE)
    with pytest.raises(errors.MidSyncUnavailable):
        client.generate(BODY, "1")
    assert (len(pauses), midsync.charges) == (1, 0)


def test_a_delayed_answer_within_the_deadline_is_read(midsync: Midsync):
    midsync.line.spoil(Fault.DELAY)
    with ThreadPoolExecutor() as threads:
        made = threads.submit(midsync.client(generate_timeout=PATIENCE).generate, BODY, "1")
        midsync.line.release()
        assert made.result(PATIENCE).midsync_task_id


# --- Names ----------------------------------------------------------------------------------------


def test_a_name_that_is_not_found_in_time_is_proof_that_nothing_was_sent(midsync, monkeypatch):
    is_over = threading.Event()

    def hang(*args: object, **kwargs: object) -> list[object]:
        is_over.wait(PATIENCE)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    client = MidSyncClient("http://midsync.test", KEY, connect_timeout=SHORT)
    try:
        with pytest.raises(errors.MidSyncNotSent) as caught:
            client.generate(BODY, "1")
    finally:
        was_waited_for = is_over.is_set()
        is_over.set()
    assert "ConnectTimeoutError" in caught.value.detail
    assert not was_waited_for


def several_addresses(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> list[str]:
    """Let one name have these addresses; gives the list of those that are connected to."""
    tried: list[str] = []
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def names(host: str, *args: object, **kwargs: object) -> list[object]:
        if host != "midsync.test":
            return look_up(host, *args, **kwargs)
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, address) for address in addresses]

    def note(self: socket.socket, address: tuple[str, int]) -> None:
        if address[1] == addresses[0][1]:
            tried.append(address[0])
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", names)
    monkeypatch.setattr(socket.socket, "connect", note)
    return tried


def test_the_next_address_is_tried_where_one_refuses(midsync, monkeypatch):
    port = midsync.line.port
    tried = several_addresses(monkeypatch, ("::1", port), ("127.0.0.1", port))
    client = MidSyncClient(f"http://midsync.test:{port}", KEY)
    assert client.generate(BODY, "1").points_charged == 35
    assert tried == ["::1", "127.0.0.1"]


def test_many_dead_addresses_share_one_connect_timeout(midsync, monkeypatch):
    midsync.line.spoil(Fault.CONNECT_HANG)
    timeouts: list[float] = []
    usual = transport.create_connection

    def note(address, timeout, *more):
        timeouts.append(timeout)
        return usual(address, timeout, *more)

    monkeypatch.setattr(transport, "create_connection", note)
    several_addresses(monkeypatch, *[("127.0.0.1", midsync.line.port)] * 8)
    client = MidSyncClient(f"http://midsync.test:{midsync.line.port}", KEY, connect_timeout=SHORT)
    with pytest.raises(errors.MidSyncNotSent):
        client.generate(BODY, "1")
    assert len(timeouts) == 8
    assert max(timeouts) < SHORT / 4, "each address had the whole timeout"

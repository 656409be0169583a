"""A MidSync over HTTP that speaks one of the dialects; the standard library's server."""

import json
import re
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from .clip import clip
from .gateways import POINTS, Dialect
from .offers import OFFERS
from .orders import Message, Order
from .refusals import Refusal

API_KEY = "canary-key-of-the-tests"
STATES = ("waiting", "running")
ENDED = 1000  # the stage of an order whose video is made, or not


class Gateway:
    """One running MidSync; a context manager.

    Callbacks are sent by `finish` (and for `sends_by_itself` from a thread, as soon as generate
    was answered). `orders` is the ledger: one entry per generate call that was charged.
    """

    def __init__(self, dialect: Dialect, *, offer: str = "", sends_by_itself: bool = False) -> None:
        self.dialect = dialect
        self.offer = offer or dialect.offer
        self.sends_by_itself = sends_by_itself
        self.orders: list[Order] = []
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.points = POINTS  # what quote says
        self.refusal: Refusal | None = None  # what quote (or generate) answers instead
        self.refuses: frozenset[str] = frozenset({"generate"})
        self.quotes_asked = 0
        self.hold_quotes = threading.Event()  # quotes wait while this is clear
        self.hold_quotes.set()
        self.hold_callbacks = threading.Event()  # own callbacks wait while this is clear
        self.hold_callbacks.set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.gateway = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Gateway":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hold_quotes.set()
        self.hold_callbacks.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    # --- what tests ask and do -----------------------------------------------------------------

    def callbacks(self, order: Order, failed: bool = False) -> list[Message]:
        """All callbacks of an order, the last one final."""
        order.failed = failed
        return self.dialect.failure(order) if failed else self.dialect.success(order)

    def finish(self, order: Order, failed: bool = False) -> None:
        """The video is made (or not): send all callbacks of the order."""
        for message in self.callbacks(order, failed):
            order.stage += 1
            order.answers.append(_post(order.callback_url, message))
        order.stage = ENDED

    def report(self, order: Order, **fields: object) -> None:
        """Send one callback with these fields, before the end."""
        order.answers.append(_post(order.callback_url, Message({"taskId": order.task_id} | fields)))

    # --- what the handler asks -----------------------------------------------------------------

    def charge(self, body: dict[str, object], key: str) -> Order:
        with self._lock:
            order = Order(len(self.orders) + 1, body, self.origin, idempotency_key=key)
            self.orders.append(order)
        return order

    def find(self, task_id: str) -> Order | None:
        return next((order for order in self.orders if order.task_id == task_id), None)

    def status_of(self, order: Order) -> object:
        """One step further each time somebody asks, unless callbacks already told the end."""
        order.times_asked += 1
        if order.stage >= ENDED or order.times_asked - self.dialect.not_found_times > len(STATES):
            return self.dialect.status(order, "failed" if order.failed else "succeeded")
        step = order.times_asked - self.dialect.not_found_times - 1
        return self.dialect.status(order, STATES[max(0, step)])

    def after_generate(self, order: Order) -> None:
        if self.sends_by_itself:

            def send() -> None:
                self.hold_callbacks.wait(60)
                self.finish(order, failed="[fail]" in order.prompt)

            threading.Thread(target=send, daemon=True).start()


def _post(url: str, message: Message) -> tuple[int, bytes]:
    request = urllib.request.Request(
        url,
        data=message.raw,
        headers={"Content-Type": "application/json", "User-Agent": "gateway", **message.headers},
        method="POST",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=15) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    gateway: Gateway


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # one packet for head and body

    def do_GET(self) -> None:
        gateway = self.server.gateway
        path, _, _query = self.path.partition("?")
        self._note(path)
        if path.startswith("/results/"):
            return self._file(clip())
        if not self._is_known():
            return None
        if path == "/unified-video/models":
            return self._json(200, OFFERS[gateway.offer]())
        if found := re.fullmatch(r"/unified-video/([^/]+)/status", path):
            order = gateway.find(found[1])
            if order is None or order.times_asked < gateway.dialect.not_found_times:
                if order:
                    order.times_asked += 1
                return self._json(404, {"error": {"code": "not_found", "message": "no such task"}})
            return self._json(200, gateway.status_of(order))
        if path == "/v1/usage/logs":
            return self._json(200, {"logs": [], "pagination": {"page": 1, "limit": 20, "total": 0}})
        if path == "/v1/usage/summary":
            return self._json(200, {"totalPointsCharged": 0, "totalRequests": 0, "byModel": []})
        return self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        gateway = self.server.gateway
        self._note(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._is_known():
            return None
        body = json.loads(raw)
        kind = self.path.rpartition("/")[2]
        points = gateway.points
        if kind == "quote":
            gateway.quotes_asked += 1
            gateway.hold_quotes.wait(60)
        if gateway.refusal and kind in gateway.refuses:
            return self._send(gateway.refusal.status, gateway.refusal.raw, gateway.refusal.headers)
        if kind == "quote":
            return self._json(200, gateway.dialect.quoted(body["model"], points))
        if kind == "generate":
            order = gateway.charge(body, self.headers.get("Idempotency-Key", ""))
            self._json(200, gateway.dialect.accepted(order))
            return gateway.after_generate(order)
        return self._json(404, {"detail": "Not Found"})

    def _note(self, path: str) -> None:
        self.server.gateway.calls.append((f"{self.command} {path}", dict(self.headers)))

    def _is_known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {API_KEY}":
            return True
        self._json(401, {"message": "Unauthorized", "statusCode": 401})
        return False

    def _json(self, status: int, body: object) -> None:
        self._send(status, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _file(self, content: bytes) -> None:
        """A result, whole or the part a player asks for; other origins may embed it."""
        headers = {
            "Content-Type": "video/webm",
            "Accept-Ranges": "bytes",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not wanted:
            return self._send(200, content, headers)
        start, end = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        return self._send(206, content[start : end + 1], headers)

    def _send(self, status: int, raw: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        try:
            self.wfile.write(raw)
            self.wfile.flush()
        except OSError:  # who asked has gone
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""

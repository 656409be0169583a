"""The simulator as a process: real sockets, real drops, a clean stop."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests

from midsync_portal.simulator.settings import DEMO_KEY, WrongSetting, from_environment

ROOT = Path(__file__).resolve().parents[2]
START = (sys.executable, "-m", "midsync_portal.simulator")


class Running:
    """A started simulator and its address."""

    def __init__(self, folder: Path, **env: str) -> None:
        clean = {name: text for name, text in os.environ.items() if not name.startswith("SIM")}
        self.process = subprocess.Popen(
            [*START, "--port", "0", "--data", str(folder), "--seed", "7"],
            cwd=ROOT,
            env=clean | {"SIMULATOR_VIDEO_HEIGHT": "64", "SIMULATOR_SPEED": "20"} | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        found = re.fullmatch(r"simulator: listening on (http://127\.0\.0\.1:(\d+))\n", self.line)
        assert found, self.line
        self.url, self.port = found[1], int(found[2])
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {DEMO_KEY}"

    def generate(self, words: str = "", **more: object) -> requests.Response:
        body = {"model": "kling-2.5-turbo", "prompt": f"a fox {words}", "duration": 5} | more
        return self.session.post(f"{self.url}/unified-video/generate", json=body, timeout=20)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and everything that was printed after the first line."""
        self.session.close()
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=20)
        return self.process.returncode, rest


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    one = Running(tmp_path)
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.communicate()


class Receiver(BaseHTTPRequestHandler):
    """Keeps one callback and answers it."""

    bodies: "list[dict[str, object]]"
    arrived: threading.Event

    def do_POST(self) -> None:
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.arrived.set()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[type[Receiver]]:
    class One(Receiver):
        bodies = []
        arrived = threading.Event()
        url = ""

    server = HTTPServer(("127.0.0.1", 0), One)
    One.url = f"http://127.0.0.1:{server.server_port}/callbacks/1/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield One
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_makes_a_video_calls_back_and_stops_cleanly(
    running: Running, receiver: type[Receiver]
) -> None:
    assert running.session.get(f"{running.url}/healthz", timeout=20).text == "ok"
    made = running.generate(callbackUrl=receiver.url).json()
    assert receiver.arrived.wait(20)
    [body] = receiver.bodies
    assert body["taskId"] == made["taskId"]
    url = f"{running.url}/media/{made['taskId']}.webm"
    assert body["output"] == {"url": url, "cover_url": url.replace("webm", "jpg")}
    part = running.session.get(url, headers={"Range": "bytes=0-3"}, timeout=20)
    assert (part.status_code, part.content) == (206, b"\x1aE\xdf\xa3")
    assert running.stop() == (0, "")


def test_it_drops_connections_and_cuts_answers_on_the_wire(running: Running) -> None:
    with pytest.raises(requests.ConnectionError):
        running.generate("[lost-answer]")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        running.generate("[cut-answer]")
    ledger = running.session.get(f"{running.url}/simulator/ledger.json", timeout=20).json()
    assert len(ledger["charges"]) == 2
    assert running.stop(signal.SIGINT) == (0, "")


def test_it_keeps_a_connection_open_and_stops_while_a_call_hangs(running: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok"
        ports.add(connection.sock.getsockname()[1])
    assert len(ports) == 1
    body = {"model": "veo-3.1", "prompt": "[hang]"}
    headers = {"Authorization": f"Bearer {DEMO_KEY}"}
    connection.request("POST", "/unified-video/generate", json.dumps(body), headers)
    code, printed = running.stop()
    assert (code, printed) == (0, "")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        connection.getresponse()
    connection.close()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST /unified-video/quote HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", 413),
        (b"POST /unified-video/quote HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 411),
        (b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
    ],
)
def test_odd_requests_get_an_answer(running: Running, raw: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        connection.sendall(raw)
        first = connection.makefile("rb").readline()
    assert first.split()[1] == str(status).encode()


def test_a_taken_port_is_one_sentence(tmp_path: Path, running: Running) -> None:
    second = subprocess.run(
        [*START, "--port", str(running.port), "--data", str(tmp_path / "two")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "cannot listen" in second.stdout
    assert second.stderr == ""


@pytest.mark.parametrize(
    "env",
    [
        {"SIMULATOR_SPEED": "fast"},
        {"SIMULATOR_SPEED": "0"},
        {"SIMULATOR_VIDEO_HEIGHT": "tall"},
        {"SIMULATOR_SIGNATURE": "hmac"},
        {"SIMULATOR_SIGNATURE": "rsa:secret"},
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(env: dict[str, str]) -> None:
    with pytest.raises(WrongSetting, match=next(iter(env))):
        from_environment(env, own_url="http://127.0.0.1:1")


def test_settings_come_from_the_environment() -> None:
    env = {
        "SIMULATOR_API_KEY": "k",
        "SIMULATOR_PUBLIC_URL": "http://sim.localhost:1/",
        "SIMULATOR_SPEED": "2.5",
        "SIMULATOR_SEED": "s",
        "SIMULATOR_CALLBACK_HOSTS": "web, Portal",
        "SIMULATOR_SIGNATURE": "hmac:a:b",
        "SIMULATOR_UNKNOWN_MODEL": "true",
    }
    read = from_environment(env, own_url="http://127.0.0.1:1")
    assert (read.api_key, read.public_url, read.speed) == ("k", "http://sim.localhost:1", 2.5)
    assert read.callback_hosts == {"web", "portal"}
    assert (read.signature, read.unknown_model, read.seed) == ("hmac:a:b", True, "s")
    plain = from_environment({}, own_url="http://127.0.0.1:1")
    assert (plain.api_key, plain.public_url) == (DEMO_KEY, "http://127.0.0.1:1")

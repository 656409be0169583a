"""A real worker that is killed amid a video, and the one after it; on both databases."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from midsync_portal.processes import Process, end_all, run_to_end
from tests.databases import DATABASES, new_database
from tests.dialects.clip import clip
from tests.serving import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
# bin/test says which databases there are; without a server only SQLite is tried.

BEGIN = """
import json, sys, uuid
import django
django.setup()
from datetime import timedelta
from django.utils import timezone
from midsync_portal.models import Customer, Task, User
"""
MAKE = f"""{BEGIN}
user = User.objects.create_user("ana@alder.example")
task = Task.objects.create(
    customer=Customer.objects.create(name="Alder Films"), ordered_by=user,
    submit_key=uuid.uuid4(), video_model="m", request_body="{{}}", body_hash="x",
    status="running", sent_at=timezone.now(), next_check_at=timezone.now() + timedelta(hours=1),
)
task.move_to("succeeded", "callback", source_url=sys.argv[1])
"""
LAPSE = f"""{BEGIN}
Task.objects.update(video_next_try_at=timezone.now() - timedelta(seconds=1))
"""
SHOW = f"""{BEGIN}
task = Task.objects.get()
print(json.dumps([task.video_state, task.video_tries, task.video.name, task.status]))
"""


class Handler(BaseHTTPRequestHandler):
    """The first video stops in its middle, as does everything else that is asked for."""

    server: "Origin"

    def log_message(self, *arguments) -> None:
        """Quietly."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path.endswith(".webm") else 404)
        self.send_header("Content-Type", "video/webm")
        self.send_header("Content-Length", str(len(clip())))
        self.end_headers()
        if self.path.endswith(".webm"):
            half = len(clip()) // 2
            self.wfile.write(clip()[:half])
            self.wfile.flush()
            self.server.under_way.set()
            if not self.server.is_whole.wait(PATIENCE):
                return
            self.wfile.write(clip()[half:])


class Origin(ThreadingHTTPServer):
    """Where MidSync and its videos are."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.under_way, self.is_whole = threading.Event(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *arguments) -> None:
        """Who is killed does not say good-bye."""


@pytest.fixture
def origin() -> Iterator[Origin]:
    origin = Origin()
    thread = threading.Thread(target=origin.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield origin
    origin.is_whole.set()
    origin.shutdown()
    origin.server_close()
    thread.join(PATIENCE)


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    """A database of its own."""
    with new_database(request.param, tmp_path) as url:
        yield url


def test_what_a_killed_worker_had_is_invisible_and_the_next_one_starts_clean(
    tmp_path, database_url, origin
):
    media = tmp_path / "media"
    env = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "midsync_portal.settings",
        "SECRET_KEY": "a-key-of-the-tests-that-is-long-enough-for-the-checks-0123456789",
        "PORTAL_URL": "http://127.0.0.1:8000",
        "DATABASE_URL": database_url,
        "MIDSYNC_BASE_URL": origin.url,
        "MIDSYNC_API_KEY": "a-key-of-the-tests",
        "RESULT_ORIGINS_TRUSTED": origin.url,
        "CALLBACK_SIGNING_KEYS": "a-key-of-the-tests",
        "MEDIA_ROOT": str(media),
    }

    def python(script: str, *arguments: str) -> str:
        return run_to_end([sys.executable, "-c", script, *arguments], env, ROOT)

    def files() -> list[str]:
        return sorted(path.parent.name for path in media.rglob("*") if path.is_file())

    python(MAKE, f"{origin.url}/v.webm")
    worker = Process("worker", ["bin/worker"], env, tmp_path / "worker.log", ROOT)
    try:
        assert origin.under_way.wait(PATIENCE), worker.log.read_text()
        worker.signal(signal.SIGKILL)
        assert worker.wait(PATIENCE)
    finally:
        end_all([worker])
    assert json.loads(python(SHOW)) == ["fetching", 1, "", "succeeded"]
    assert files() == ["incoming"]  # half of it, where nobody looks

    origin.is_whole.set()
    once = [sys.executable, "manage.py", "worker", "--once"]
    run_to_end(once, env, ROOT)
    assert json.loads(python(SHOW))[:2] == ["fetching", 1]  # the claim still holds
    python(LAPSE)
    run_to_end(once, env, ROOT)
    state, tries, name, status = json.loads(python(SHOW))
    assert (state, tries, status) == ("stored", 2, "succeeded")
    assert (media / name).read_bytes() == clip()
    assert files() == [Path(name).parent.name] * 2  # the video and its poster, and nothing else

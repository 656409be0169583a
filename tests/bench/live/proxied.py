"""Live rows through nginx, buffering left on: over HTTP/1.1, and over HTTP/2 with TLS.

Run by `bin/bench proxied`. Measures the same steady callbacks directly and through nginx. Then
eight tabs of one Chromium, two more than HTTP/1.1 would allow, watch one row over HTTP/2. Prints
JSON; ends with 1 where a row was lost, a tab was not told, or it was not HTTP/2. Needs nginx,
openssl and a Chromium.
"""

import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from midsync_portal.processes import Process, end_all, free_port, wait_until_answers

from .scenarios import ROWS_PER_PAGE, Size, steady
from .servers import PORTAL, ROOT, Running, _program, running

FOLDER = ROOT / "data" / "bench" / "proxied"
TABS = 8
SIZE = Size(60, 6, 50, 0, 0, 0, 1)
TASKS = SIZE.streams * ROWS_PER_PAGE  # of each run
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4000; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{tls} ssl http2;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location / {{
      proxy_pass {portal};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 60s;
    }}
  }}
}}
"""


def main() -> int:
    """Everything, on SQLite with two processes."""
    with (
        tempfile.TemporaryDirectory(prefix="nginx") as folder,
        running(PORTAL[1], 2 * TASKS + 1, FOLDER, sys.executable, "") as portal,
    ):
        plain, tls = free_port(), free_port()
        nginx = start_nginx(Path(folder), portal.address, plain, tls)
        try:
            wait_until_answers(f"http://127.0.0.1:{plain}/healthz", [nginx])
            stream = portal.stream.replace(portal.address, f"http://127.0.0.1:{plain}")
            tasks = list(portal.callbacks.items())
            one = dataclasses.replace(portal, callbacks=dict(tasks[:TASKS]))
            other = dataclasses.replace(portal, callbacks=dict(tasks[TASKS:-1]), stream=stream)
            found: dict[str, Any] = {
                "direct": steady(one, SIZE),
                "through nginx": steady(other, SIZE),
                "eight tabs": watch_in_tabs(portal, f"https://127.0.0.1:{tls}"),
            }
        finally:
            end_all([nginx])
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    tabs = found["eight tabs"]
    is_right = tabs["told"] == TABS and tabs["protocol"] == "h2"
    lost = found["direct"]["lost"] + found["through nginx"]["lost"]
    return 0 if is_right and not lost else 1


def start_nginx(folder: Path, portal: str, plain: int, tls: int) -> Process:
    """nginx with a certificate of its own, on two ports of this machine."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, portal=portal, plain=plain, tls=tls))
    command = [_program("nginx"), "-c", str(config)]
    return Process("nginx", command, {"PATH": "/usr/sbin:/usr/bin:/bin"}, folder / "out", folder)


def watch_in_tabs(portal: Running, address: str) -> dict[str, Any]:
    """How many tabs show a change, and which protocol they speak."""
    name, _, value = portal.cookie.partition("=")
    task, callback = list(portal.callbacks.items())[-1]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        context = chromium.new_context(ignore_https_errors=True)
        context.add_cookies([{"name": name, "value": value, "url": address}])
        tabs = [context.new_page() for _ in range(TABS)]
        for tab in tabs:
            with tab.expect_request("**/stream/**"):
                tab.goto(f"{address}/tasks/{task}/")
        body = b'{"status": "completed", "output": {"video": {"url": "https://cdn.example.com/v.mp4"}}}'
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(callback, body, headers)).read()
        told = 0
        for tab in tabs:
            try:
                tab.locator("video").wait_for(state="attached", timeout=10_000)
            except Exception as problem:
                sys.stderr.write(f"a tab was not told: {problem}\n")
            else:
                told += 1
        protocol = tabs[0].evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
        chromium.close()
    return {"tabs": TABS, "told": told, "protocol": protocol}


if __name__ == "__main__":
    sys.exit(main())

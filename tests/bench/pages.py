"""How pages are for who opens them: ``python -m tests.bench.pages`` runs Lighthouse on bin/web.

Lighthouse as npm has it, in a folder of the benchmark's own, with its mobile profile (a slow phone
on a slow line, both simulated); medians of several runs, interleaved. How much moves by itself
while rows change is counted in a Chromium without that profile.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import BrowserContext, sync_playwright

from midsync_portal.processes import free_port, run_to_end
from midsync_portal.static_files import STYLES_KEPT
from tests.browser.conftest import Pair, chromium_path
from tests.browser.portal import portal_at, prepare
from tests.browser.visitor import Visitor
from tests.dialects.gateways import KIE
from tests.dialects.server import Gateway

ROOT = Path(__file__).resolve().parents[2]
LIGHTHOUSE = "lighthouse@12.8.2"  # the last that runs on Node 20
FOLDER = ROOT / "data" / "bench" / "lighthouse"
CATEGORIES = ("performance", "accessibility", "best-practices")
MODEL = "kling-2.5-turbo"

#: The least score, and the most of each measure: milliseconds, and the share that moved.
LEAST = {"performance": 98, "accessibility": 100, "best-practices": 100}
MOST = {"LCP": 1200, "TBT": 50, "CLS": 0.01}
AUDITS = {
    "LCP": "largest-contentful-paint",
    "TBT": "total-blocking-time",
    "CLS": "cumulative-layout-shift",
}

SHIFTS = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => {
        for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
    }).observe({ type: "layout-shift", buffered: true });
}"""


def main() -> int:
    """Measure; 0 where every target is met."""
    parser = argparse.ArgumentParser("bin/bench pages", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="medians of so many (3)")
    given = parser.parse_args()
    lighthouse = _install()
    found: dict[str, list[dict[str, float]]] = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="pages-") as name:
        folder, port = Path(name), free_port()
        browser = playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=chromium_path(playwright),
            args=["--no-sandbox", "--disable-gpu", f"--remote-debugging-port={port}"],
        )
        with _portal(folder) as pair:
            task = _customer(pair, browser)
            moved = _shift_while_rows_change(pair, browser)
            # Logged in, but with an empty cache: without the cookie that says what it holds.
            cookies = [one for one in browser.cookies() if one["name"] != STYLES_KEPT]
            for _ in range(given.runs):
                for page, path in {
                    "studio": "/",
                    "list": "/tasks/",
                    "detail": f"/tasks/{task}/",
                    "log-in": "/accounts/login/",
                }.items():
                    browser.clear_cookies()
                    if page != "log-in":
                        browser.add_cookies(cookies)
                    tab = browser.new_cdp_session(browser.pages[0])
                    tab.send("Network.clearBrowserCache")
                    url = pair.portal.address + path
                    one = _run(lighthouse, port, url, FOLDER / f"{page}.json")
                    found.setdefault(page, []).append(one)
        browser.close()
    return _show(found, moved, given.runs)


def _install() -> Path:
    """Lighthouse's command, installed if it is not there yet."""
    command = FOLDER / "node_modules" / ".bin" / "lighthouse"
    if not command.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        npm = ["npm", "install", "--no-fund", "--no-audit", "--silent", "--prefix", str(FOLDER)]
        try:
            subprocess.run([*npm, LIGHTHOUSE], check=True)
        except (OSError, subprocess.CalledProcessError):
            sys.exit(f"bin/bench: {LIGHTHOUSE} could not be installed; it needs Node 20 and npm.")
    return command


@contextmanager
def _portal(folder: Path) -> Iterator[Pair]:
    prepared = prepare(folder / "prepared")
    with Gateway(KIE) as gateway, portal_at(gateway.origin, prepared, folder / "portal") as portal:
        yield Pair(portal, gateway)


def _window(pair: Pair, browser: BrowserContext, path: str) -> Visitor:
    visitor = Visitor(browser.new_page(), pair.portal)
    visitor.page.set_viewport_size({"width": 412, "height": 823})
    visitor.log_in(path)
    return visitor


def _customer(pair: Pair, browser: BrowserContext) -> str:
    """Log in and order a dozen tasks; the number of one whose video is there."""
    ana = _window(pair, browser, f"/?model={MODEL}")
    for number in range(12):
        ana.write_prompt(f"a lighthouse at dusk, view {number}")
        ana.wait_for_price()
        task = ana.generate()
        pair.gateway.finish(pair.gateway.orders[-1], failed=number % 4 == 0)
        ana.wait_for_status(task, "succeeded", "failed")
    ana.page.close()
    return task


def _shift_while_rows_change(pair: Pair, browser: BrowserContext) -> float:
    """The share of the list that moves by itself while three tasks come to their end."""
    studio = _window(pair, browser, f"/?model={MODEL}")
    tasks = []
    for number in range(3):
        studio.write_prompt(f"watched, {number}")
        studio.wait_for_price()
        tasks.append(studio.generate())
    studio.page.goto(f"{pair.portal.address}/tasks/")
    studio.page.evaluate(SHIFTS)
    for order in pair.gateway.orders[-3:]:
        pair.gateway.finish(order, failed=order is pair.gateway.orders[-1])
    for task in tasks:
        studio.wait_for_status(task, "succeeded", "failed")
    moved = float(studio.page.evaluate("window.shifted"))
    studio.page.close()
    return moved


def _run(lighthouse: Path, port: int, url: str, report: Path) -> dict[str, float]:
    flags = ["--quiet", "--output=json", f"--output-path={report}", f"--port={port}"]
    flags += [f"--only-categories={','.join(CATEGORIES)}", "--disable-storage-reset"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(FOLDER)}
    run_to_end([str(lighthouse), url, *flags], environment, ROOT)
    said: dict[str, Any] = json.loads(report.read_text())
    scores = {name: 100 * said["categories"][name]["score"] for name in CATEGORIES}
    for name in CATEGORIES:
        for audit in said["categories"][name]["auditRefs"]:
            result = said["audits"][audit["id"]]
            if audit["weight"] and result["score"] is not None and result["score"] < 0.9:
                _print(f"  {url}: {result['title']} {result.get('displayValue', '')}")
    measured = {name: said["audits"][audit]["numericValue"] for name, audit in AUDITS.items()}
    return scores | measured | {"index": said["environment"]["benchmarkIndex"]}


def _show(found: dict[str, list[dict[str, float]]], moved: float, runs: int) -> int:
    names = [*LEAST, *MOST]
    _print(f"{LIGHTHOUSE}, mobile profile, medians of {runs}")
    _print("| page | " + " | ".join(names) + " |")
    _print("| --- " * (1 + len(names)) + "|")
    is_met = moved <= MOST["CLS"]
    for page, all_runs in found.items():
        values = {name: median(one[name] for one in all_runs) for name in names}
        is_met &= all(values[name] >= least for name, least in LEAST.items())
        is_met &= all(values[name] <= most for name, most in MOST.items())
        shown = [
            f"{values[name]:.3f}" if name == "CLS" else f"{values[name]:.0f}" for name in names
        ]
        _print(f"| {page} | " + " | ".join(shown) + " |")
    index = median(one["index"] for all_runs in found.values() for one in all_runs)
    _print(f"Lighthouse's index of this processor: {index:.0f}")
    _print(f"layout shift while rows change: {moved:.4f}")
    _print("every target is met" if is_met else "a target is missed")
    return 0 if is_met else 1


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

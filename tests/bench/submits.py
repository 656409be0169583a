"""Promise 8: other pages while 50 submits hang on a MidSync that is dead or drips."""

from pathlib import Path
from uuid import uuid4

from .frame import Figures, figures
from .load import Planned, raw, run
from .midsync import slow_midsync
from .portal import Portal, portal_on

HANGING = 50
EVERY = 10  # seconds: SUBMIT_WAIT, after which the next 50 take their places
PAGES_A_SECOND = 20
P95_MAX = 300.0  # ms
SUBMIT_MAX = 1000.0 * EVERY + 2500.0  # ms: SUBMIT_WAIT, and writing fifty tasks down at once
FORM = "application/x-www-form-urlencoded"


def measure(
    database_url: str, folder: Path, static: Path, seed: int, seconds: int
) -> list[Figures]:
    """Measure the pages alone, then beside a dead and beside a dripping MidSync."""
    kind = database_url.partition(":")[0]
    made = []
    with (
        slow_midsync(folder / "simulator") as midsync,
        portal_on(database_url, folder, midsync.address, static=static) as portal,
    ):
        cookie = portal.inside("person")
        tasks = portal.inside("queued", 10, "shown")
        pages = _pages(tasks, cookie, seconds)
        run(portal.port, pages[: 2 * PAGES_A_SECOND])
        made.append(_figures(portal, f"{kind}: pages alone", pages))
        for name, word in (("dead", "late-answer"), ("dripping", "drip")):
            submits = _submits(portal.inside("form", f"a fox [{word}]"), cookie, seconds)
            made += _beside(
                portal, f"{kind}: {HANGING} submits on a {name} MidSync", pages, submits
            )
        midsync.release()
        midsync.server.stopping.set()
    return made


def _pages(tasks: list[list[str]], cookie: str, seconds: int) -> list[Planned]:
    """The pages that people look at, and callbacks among them, one after the other."""
    paths = ["/", "/tasks/", *(f"/tasks/{number}/" for number, _, _ in tasks)]
    count = PAGES_A_SECOND * seconds
    return [
        Planned(1 + n / PAGES_A_SECOND, "page", raw("GET", paths[n % len(paths)], cookie=cookie))
        for n in range(count)
    ]


def _submits(form: str, cookie: str, seconds: int) -> list[Planned]:
    return [
        Planned(
            float(at),
            "submit",
            raw("POST", "/", f"{form}&submit_key={uuid4()}", cookie=cookie, content_type=FORM),
        )
        for at in range(0, seconds, EVERY)
        for _ in range(HANGING)
    ]


def _figures(portal: Portal, name: str, plan: list[Planned]) -> Figures:
    made = figures(name, run(portal.port, plan), "page")
    made.limit = P95_MAX
    return made


def _beside(
    portal: Portal, name: str, pages: list[Planned], submits: list[Planned]
) -> list[Figures]:
    outcome = run(portal.port, sorted([*pages, *submits], key=lambda one: one.at))
    page = figures(f"{name}: pages", outcome, "page")
    page.limit = P95_MAX
    submit = figures(f"{name}: submits", outcome, "submit", expected=(302,))
    submit.limit_of, submit.limit = "worst", SUBMIT_MAX
    submit.notes["rows"] = portal.inside("statuses")
    return [page, submit]

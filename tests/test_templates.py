"""Fragments: one root with the id it can be replaced by; words for every state of a task."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from midsync_portal import points, wording
from midsync_portal.catalog.names import model_name
from midsync_portal.models import TaskEvent
from midsync_portal.models.status import Status
from tests.pages import Page

FRAGMENTS = {"row": "", "status": "-status", "video": "-video", "timeline": "-timeline"}
TEMPLATES = Path(settings.BASE_DIR) / "templates"


def written(task, name, **more):
    """A fragment of a task, without any request."""
    return Page(render_to_string(f"tasks/_{name}.html", {"task": task} | more))


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_has_one_root_with_its_id(make_task, name, status):
    task = make_task(status=status)
    (root,) = written(task, name).roots
    assert root["id"] == f"task-{task.public_id}{FRAGMENTS[name]}"
    assert "hx-swap-oob" not in root
    (pushed,) = written(task, name, oob=True).roots
    for one in (pushed, root):  # the browser counts the seconds of a row that was pushed
        one.pop("text", None)
    assert pushed == root | {"hx-swap-oob": "true"}


@pytest.mark.parametrize("status", Status)
def test_row_and_page_carry_the_same_facts_for_machines(make_task, status):
    task = make_task(status=status, points_charged=Decimal("1234.5000"))
    for name in ("row", "status"):
        (root,) = written(task, name).roots
        assert root["data-task"] == str(task.public_id)
        assert root["data-status"] == status
        assert root["data-points-charged"] == "1234.5"


def test_unknown_points_are_empty_for_machines(make_task):
    (root,) = written(make_task(), "row").roots
    assert root["data-points-charged"] == ""


def test_a_new_row_comes_in_a_wrapper_for_the_top_of_the_list(make_task):
    task = make_task()
    page = written(task, "new_row", oob=True)
    (root,) = page.roots
    assert root["hx-swap-oob"] == "afterbegin:#task-rows"
    assert "hx-swap-oob" not in page.by_id[f"task-{task.public_id}"]


def test_every_cell_of_a_row_can_be_replaced_by_its_id(make_task):
    task = make_task(progress=40, estimated_seconds=60)
    cells = [one for one in written(task, "row").elements if "-cell" in one.get("id", "")]
    assert len(cells) == 8


def test_rows_never_read_the_request():
    for file in TEMPLATES.glob("tasks/_*.html"):
        assert "request" not in file.read_text(), file.name


def test_a_fragment_begins_with_what_it_needs():
    for file in TEMPLATES.glob("tasks/_*.html"):
        assert file.read_text().startswith("{# "), file.name


def test_no_template_carries_a_style_or_a_script_of_its_own():
    for file in [
        *TEMPLATES.glob("*.html"),
        *TEMPLATES.glob("tasks/*"),
        *TEMPLATES.glob("a*/*.html"),
    ]:
        text = file.read_text()
        assert " style=" not in text, file.name
        own = text.replace("{{ styles }}</style>", "")  # of the stylesheet, see static_files.py
        assert "</style" not in own, file.name
        assert " onclick" not in text, file.name
        assert text.count("<script") == text.count("<script src="), file.name


@pytest.mark.parametrize("name", ["404.html", "500.html", "403_csrf.html"])
def test_pages_for_errors_need_nothing(name):
    assert "{% extends" not in (TEMPLATES / name).read_text()
    assert render_to_string(name) == render_to_string(name)


# --- pages of accounts ---------------------------------------------------------------------------

STRANGERS = ["login/", "signup/", "password/reset/", "password/reset/done/", "inactive/"]
MEMBERS = ["logout/", "password/change/", "email/", "reauthenticate/"]


@pytest.mark.parametrize("path", STRANGERS)
def test_strangers_find_account_pages_in_our_looks(client, db, path):
    answer = client.get(f"/accounts/{path}")
    assert answer.status_code == 200
    page = Page(answer)
    assert "main" in page.by_id
    assert page.with_class("entrance__card")


@pytest.mark.parametrize("path", MEMBERS)
def test_members_find_account_pages_in_our_looks(client, ana, path):
    client.login(email="ana@alder.example", password="correct horse battery")
    answer = client.get(f"/accounts/{path}", follow=True)
    assert answer.status_code == 200
    assert Page(answer).by_id["main"]


def test_a_wrong_password_is_said_at_the_form_and_the_address_is_kept(client, ana):
    typed = {"login": "ana@alder.example", "password": "wrong"}
    page = Page(client.post("/accounts/login/", typed))
    assert page.by_id["id_login"]["value"] == "ana@alder.example"
    assert page.with_class("notice--bad")


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "text", "plain"),
    [
        (None, "", ""),
        ("48.0000", "48", "48"),
        ("48.5000", "48.5", "48.5"),
        ("1234.2500", "1,234.25", "1234.25"),
        ("0", "0", "0"),
        ("1E+3", "1,000", "1000"),
        ("0.0001", "0.0001", "0.0001"),
    ],
)
def test_points_are_written_for_people_and_for_machines(amount, text, plain):
    value = None if amount is None else Decimal(amount)
    assert points.points_text(value) == text
    assert points.points_plain(value) == plain


@pytest.mark.parametrize(
    ("video_model", "name"),
    [
        ("kling-2.6-i2v", "Kling 2.6 I2V"),
        ("seedance-1.5-pro", "Seedance 1.5 Pro"),
        ("runway", "Runway"),
        ("acme_video--x", "Acme Video X"),
        ("", ""),
    ],
)
def test_a_model_is_called_by_its_name(video_model, name):
    assert model_name(video_model) == name


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": Status.SUBMITTING}, "On its way to MidSync."),
        (
            {"status": Status.SUBMITTING, "waits_for": "midsync"},
            "Nothing was charged; we'll send it",
        ),
        ({"status": Status.UNCONFIRMED}, "Don't order it again: we are checking."),
        ({"status": Status.QUEUED, "estimated_seconds": 150}, "about 2 minutes"),
        ({"status": Status.RUNNING, "progress": 42}, "42 % done."),
        ({"status": Status.REJECTED}, "Nothing was charged. because."),
        ({"status": Status.REJECTED, "charge_unknown": True}, "don't know yet whether points"),
        ({"status": Status.FAILED, "points_charged": 1}, "1 point was charged. because."),
        ({"status": Status.FAILED, "failure_message": ""}, "MidSync gave no reason."),
        ({"status": Status.CANCELLED, "failure_message": ""}, "MidSync cancelled it."),
    ],
)
def test_a_task_says_where_it_stands_money_first(make_task, fields, said):
    assert said in wording.task_note(make_task(**fields))


def test_a_ready_task_says_how_long_it_took(make_task):
    now = timezone.now()
    task = make_task(
        status=Status.SUCCEEDED, created_at=now - timedelta(seconds=75), finished_at=now
    )
    assert wording.task_note(task) == "Ready after 75 seconds."


@pytest.mark.parametrize(
    ("quoted", "charged", "said"),
    [
        (48, 48, "Quoted 48 · Charged 48 ✓"),
        (48, 47, "Quoted 48 · Charged 47: 1 point less than quoted"),
        (None, 47, "No price was quoted · Charged 47"),
        (48, None, "Quoted 48"),
        (48, Decimal("50.5"), "Quoted 48 · Charged 50.5: 2.5 points more than quoted"),
        (48, 0, "Quoted 48 · Not charged"),
        (0, 0, "Quoted 0 · Charged 0 ✓"),
        (None, None, "No price was quoted"),
    ],
)
def test_quoted_and_charged_are_said_side_by_side(make_task, quoted, charged, said):
    task = make_task(points_quoted=quoted, points_charged=charged)
    assert str(points.receipt_of(task)) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": Status.SUBMITTING}, "Not charged"),  # provably not at MidSync
        ({"status": Status.SUBMITTING, "sent_at": timezone.now()}, ""),
        ({"status": Status.UNCONFIRMED}, "Charge not known"),
        ({"status": Status.REJECTED}, "Not charged"),
        ({"status": Status.REJECTED, "charge_unknown": True}, "Charge not known"),
        ({"status": Status.QUEUED}, ""),
        ({"status": Status.RUNNING, "points_charged": 48}, "Charged 48"),
        ({"status": Status.FAILED}, "Charge not known"),
        ({"status": Status.FAILED, "points_charged": 48}, "Charged 48"),
        ({"status": Status.CANCELLED, "points_charged": 0}, "Not charged"),
        ({"status": Status.SUCCEEDED}, "Charge not known"),
    ],
)
def test_the_receipt_follows_from_the_facts_of_the_task_alone(make_task, fields, said):
    task = make_task(points_quoted=48, **fields)
    receipt = points.receipt_of(task)
    assert receipt.charged == said
    row = written(task, "row").text_of(f"task-{task.public_id}-points-cell")
    assert row == str(receipt)
    assert row in written(task, "status").text_of(f"task-{task.public_id}-facts")


HIDDEN = {TaskEvent.Kind.FACTS, TaskEvent.Kind.PROGRESS, TaskEvent.Kind.NOTE}


@pytest.mark.parametrize("kind", TaskEvent.Kind)
@pytest.mark.parametrize("status", ["", *Status])
def test_every_event_has_words_or_is_left_out(make_task, ana, kind, status):
    for actor in (None, ana):
        event = TaskEvent(task=make_task(), kind=kind, status_after=status, actor=actor)
        said = wording.event_text(event)
        assert bool(said) is (kind not in HIDDEN)


def test_settings_of_every_shape_are_written_out(make_task):
    shots = [{"prompt": "a door opens", "duration": 3}, {"prompt": "light falls in", "duration": 4}]
    task = make_task(
        prompt="",
        parameters={
            "multiShots": True,
            "multiPrompt": shots,
            "images": ["https://e.com/a"],
            "generateAudio": True,
            "mode": "TEXT_2_VIDEO",
            "klingElements": [{"name": "fox", "images": ["https://e.com/1"]}, "odd", 7],
            "odd": {"a": [1]},
        },
    )
    assert wording.settings_line(task) == "Text · 2 shots · with sound · 1 image"
    assert wording.task_title(task) == "a door opens"
    page = Page(render_to_string("tasks/_row.html", {"task": task}))
    assert "a door opens" in page.text_of(f"task-{task.public_id}-prompt-cell")
    assert wording.setting_text("multiPrompt", shots).startswith("a door opens · Duration: 3 s")
    assert wording.setting_text("klingElements", task.parameters["klingElements"])


def test_a_value_is_called_what_the_order_form_calls_it():
    assert wording.setting_text("mode", "std") == "Standard"
    assert wording.setting_text("mode", "a word of tomorrow") == "a word of tomorrow"


def test_every_block_of_the_styles_is_closed():
    for path in (TEMPLATES.parent / "static" / "css").glob("*.css"):
        text = path.read_text()
        assert text.count("{") == text.count("}"), path.name

"""The studio: choosing, asking for the price, ordering; with htmx and without JavaScript."""

from uuid import UUID, uuid4

import pytest
import requests
from django.urls import reverse

from midsync_portal import gate
from midsync_portal.models import Membership, Quote, Task
from midsync_portal.models.status import Status
from tests.pages import Page
from tests.wire import ACCEPTED

pytestmark = pytest.mark.django_db(transaction=True)

NEW, PARAMETERS, QUOTE = "/", "/parameters/", "/quote/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def studio(client, ana, wire):
    """Ana's browser."""
    client.force_login(ana)
    return client


def filled(client, model="kling-2.5-turbo", **typed):
    """What Ana's form would send after she typed."""
    form = Page(client.get(NEW, {"model": model})).form()
    return form | {
        name: value if isinstance(value, list) else [value] for name, value in typed.items()
    }


def ordered_form(client, **typed):
    """A filled form whose price has been shown."""
    form = filled(client, **({"prompt": "a red fox"} | typed))
    quote = client.post(QUOTE, form, headers=HTMX)
    assert quote.status_code == 200
    key = next(one["value"] for one in Page(quote).elements if one.get("name") == "quote_key")
    return form | {"quote_key": [key]}


# --- the four questions --------------------------------------------------------------------------


def test_the_studio_shows_form_and_latest_tasks(studio, make_task):
    task = make_task()
    page = Page(studio.get(NEW))
    assert {"task-form", "task-parameters", "task-quote", "task-generate"} <= page.by_id.keys()
    assert f"task-{task.public_id}" in page.by_id
    assert f"rows={task.public_id}" in page.by_id["feed"]["data-stream"]
    assert "list=1" in page.by_id["feed"]["data-stream"]


@pytest.mark.parametrize(("path", "method"), [(NEW, "put"), (PARAMETERS, "put"), (QUOTE, "delete")])
def test_the_wrong_method_is_refused(studio, path, method):
    assert getattr(studio, method)(path).status_code == 405


@pytest.mark.parametrize("path", [NEW, PARAMETERS, QUOTE])
def test_strangers_are_sent_to_log_in(client, db, path):
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))


def test_ben_sees_nothing_of_anas_in_his_studio(client, ben, make_task):
    task = make_task(prompt="a secret of Ana's")
    client.force_login(ben)
    assert "a secret" not in client.get(NEW).content.decode()
    assert client.get(NEW, {"from": task.public_id}).status_code == 404
    assert (
        client.get(NEW, {"from": uuid4()}).content
        == client.get(NEW, {"from": task.public_id}).content
    )


# --- choosing ------------------------------------------------------------------------------------


def test_a_given_model_is_chosen(studio):
    page = Page(studio.get(NEW, {"model": "runway"}))
    assert page.form()["model"] == ["runway"]
    assert "quality" in page.form()


def test_a_model_that_is_not_offered_gives_way_to_one_that_is(studio):
    answer = studio.get(NEW, {"model": "<script>"})
    assert answer.status_code == 200
    assert "cannot be ordered" in answer.content.decode()
    assert "<script>" not in answer.content.decode().replace("<script src", "")


def test_the_fields_of_another_model_keep_what_was_typed(studio):
    form = filled(studio, prompt="a red fox") | {"model": ["runway"]}
    answer = studio.post(PARAMETERS, form, headers=HTMX)
    page = Page(answer)
    (root,) = page.roots
    assert root["id"] == "task-parameters"
    assert page.by_id["id_prompt"]["text"].strip() == "a red fox"
    assert any(one.get("name") == "quality" for one in page.elements)


def test_without_javascript_the_fields_come_with_the_whole_page(studio):
    form = filled(studio, prompt="a red fox") | {"model": ["runway"], "update": ["1"]}
    page = Page(studio.post(PARAMETERS, form))
    assert page.form()["prompt"] == ["a red fox"]
    assert page.form()["model"] == ["runway"]
    assert "main" in page.by_id


def test_links_are_added_and_removed_by_buttons(studio):
    form = filled(studio, "seedance-1.5-pro", images=["https://example.com/a.jpg"])
    page = Page(studio.post(PARAMETERS, form | {"add": ["images"]}))
    assert page.form()["images"] == ["https://example.com/a.jpg", ""]
    page = Page(studio.post(PARAMETERS, page.form() | {"remove": ["images-0"]}))
    assert page.form()["images"] == [""]


def test_only_the_studio_lets_pictures_in_from_elsewhere(studio, make_task):
    task = make_task()
    assert "img-src 'self' data: https:" in studio.get(NEW)["Content-Security-Policy"]
    for path in ("/tasks/", task.get_absolute_url()):
        assert "img-src 'self' data:;" in studio.get(path)["Content-Security-Policy"] + ";"


def test_a_link_that_is_not_https_is_never_loaded_as_a_picture(studio):
    form = filled(studio, images=["javascript:alert(1)"])
    page = Page(studio.post(PARAMETERS, form, headers=HTMX))
    assert not any(one["tag"] == "img" for one in page.elements)


def test_the_settings_of_a_task_can_be_used_again(studio, make_task):
    task = make_task(prompt="paper boats")
    page = Page(studio.get(NEW, {"from": task.public_id}))
    assert page.form()["prompt"] == ["paper boats"]
    assert page.form()["model"] == [task.video_model]
    assert page.form()["submit_key"] != [str(task.submit_key)]


def test_a_prompt_is_shown_as_text_only(studio, make_task):
    make_task(prompt="<img src=x onerror=alert(1)>")
    assert "<img src=x" not in studio.get(NEW).content.decode()


# --- the price -----------------------------------------------------------------------------------


def test_the_price_is_the_one_midsync_names(studio, wire):
    wire.answers["quote"] = {"success": True, "pointsCharged": "48.50"}
    page = Page(studio.post(QUOTE, filled(studio, prompt="a red fox"), headers=HTMX))
    (root,) = page.roots
    assert root["id"] == "task-quote"
    assert root["data-can-submit"] == "true"
    assert page.text_of("task-quote").startswith("48.5 points")


def test_a_missing_prompt_is_a_hint_and_no_call(studio, wire):
    answer = studio.post(QUOTE, filled(studio), headers=HTMX)
    page = Page(answer)
    assert answer.status_code == 200
    assert page.text_of("task-quote").startswith("Write a prompt to see the price")
    assert page.by_id["task-quote"]["data-can-submit"] == "false"
    assert not page.with_class("quote__hint--bad")
    assert wire.count("quote") == 0


def test_a_combination_known_to_be_wrong_is_not_asked_about(studio, wire):
    form = filled(studio, "runway", prompt="a red fox") | {"duration": ["10"], "quality": ["1080p"]}
    answer = studio.post(QUOTE, form, headers=HTMX)
    assert answer.status_code == 422
    assert Page(answer).by_id["task-quote"]["data-can-submit"] == "false"
    assert Page(answer).with_class("quote__hint--bad")
    assert wire.count("quote") == 0


@pytest.mark.parametrize(
    "trouble",
    [requests.ConnectionError("refused"), (500, "<html>"), (401, {"error": "key"})],
    ids=["unreachable", "html", "key refused"],
)
def test_no_price_is_invented_when_midsync_cannot_quote(studio, wire, trouble):
    wire.answers["quote"] = trouble
    page = Page(studio.post(QUOTE, filled(studio, prompt="a red fox"), headers=HTMX))
    assert page.text_of("task-quote").startswith("Price shown after submit")
    assert page.by_id["task-quote"]["data-can-submit"] == "true"


def test_what_midsync_finds_wrong_is_said_by_the_price(studio, wire):
    wire.answers["quote"] = (
        400,
        {"error": {"message": "prompt is not allowed", "field": "prompt"}},
    )
    answer = studio.post(QUOTE, filled(studio, prompt="a red fox"), headers=HTMX)
    assert answer.status_code == 422
    assert "not allowed" in Page(answer).text_of("task-quote")


def test_without_javascript_the_price_comes_with_the_whole_page(studio):
    page = Page(studio.post(QUOTE, filled(studio, prompt="a red fox") | {"quote": ["1"]}))
    assert page.text_of("task-quote").startswith("35 points")
    assert page.form()["prompt"] == ["a red fox"]
    assert UUID(page.form()["quote_key"][0]) == Quote.objects.get().public_id


def test_too_many_price_questions_are_answered_in_words(studio, settings):
    settings.QUOTE_RATE = 1
    form = filled(studio, prompt="a red fox")
    studio.post(QUOTE, form, headers=HTMX)
    answer = studio.post(QUOTE, form, headers=HTMX)
    assert answer.status_code == 429
    assert "wait a moment" in Page(answer).text_of("task-quote")
    assert Page(answer).by_id["task-quote"]["data-can-submit"] == "true"


# --- ordering ------------------------------------------------------------------------------------


def test_an_order_answers_form_receipt_and_row(studio):
    form = ordered_form(studio)
    answer = studio.post(NEW, form, headers=HTMX)
    task = Task.objects.get()
    page = Page(answer)
    assert [root.get("id", "") for root in page.roots] == ["task-form", "task-receipt", ""]
    assert page.roots[2]["hx-swap-oob"] == "afterbegin:#task-rows"
    receipt = page.text_of("task-receipt")
    for fact in ("Quoted 35 · Charged 35 ✓", "ms-1", "pv-1", "90 seconds"):
        assert fact in receipt
    assert page.form()["prompt"] == ["a red fox"]
    assert page.form()["submit_key"] != form["submit_key"]
    assert f"task-{task.public_id}" in page.by_id
    assert f"task-{task.public_id}" in answer["HX-Trigger-After-Settle"]


def test_without_javascript_an_order_leads_to_its_page(studio):
    answer = studio.post(NEW, ordered_form(studio), follow=True)
    task = Task.objects.get()
    assert answer.redirect_chain == [(task.get_absolute_url(), 302)]
    assert "Quoted 35 · Charged 35 ✓" in Page(answer).text_of(f"task-{task.public_id}-status")


def test_another_charge_than_the_quote_is_said_in_words(studio, wire):
    wire.answers["generate"] = ACCEPTED | {"pointsCharged": 40}
    answer = studio.post(NEW, ordered_form(studio), headers=HTMX)
    assert "Charged 40: 5 points more than quoted" in Page(answer).text_of("task-receipt")


def test_the_same_form_twice_makes_one_task(studio, wire):
    form = ordered_form(studio)
    for _ in range(2):
        assert studio.post(NEW, form, headers=HTMX).status_code == 200
    assert Task.objects.count() == 1
    assert wire.count("generate") == 1


@pytest.mark.parametrize(
    ("model", "typed"),
    [
        ("no-such-model", {}),
        ("kling-2.5-turbo", {"duration": ["7"]}),
        ("kling-2.5-turbo", {"prompt": [""]}),
        ("runway", {"prompt": ["x" * 1801]}),
        ("kling-2.5-turbo", {"images": ["https://e.com/1", "https://e.com/2"]}),
        ("kling-2.5-turbo", {"images": ["http://example.com/a.jpg"]}),
        ("kling-2.5-turbo", {"images": ["https://user:key@example.com/a.jpg"]}),
        ("kling-2.5-turbo", {"cameraControl": ["zoom"]}),
    ],
    ids=["model", "value", "missing", "too long", "images", "not https", "userinfo", "extra"],
)
@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "no script"])
def test_bad_input_is_refused_and_nothing_is_lost(studio, wire, model, typed, headers):
    form = filled(studio, prompt="a red fox", submit_key=str(uuid4())) | {"model": [model]}
    if model == "runway":
        form = filled(studio, "runway", prompt="a red fox")
    form |= typed
    answer = studio.post(NEW, form, headers=headers)
    page = Page(answer)
    assert answer.status_code == 422
    assert page.form()["prompt"] == form["prompt"]
    assert page.form()["submit_key"] == form["submit_key"]
    assert page.with_class("field__error")
    assert not Task.objects.exists()
    assert wire.count("generate") == 0


def test_the_error_stands_at_its_field(studio):
    page = Page(studio.post(NEW, filled(studio, prompt=""), headers=HTMX))
    field = page.by_id["id_prompt"]
    assert field["aria-invalid"] == "true"
    assert page.text_of(field["aria-describedby"].split()[0])


def test_a_price_that_nobody_saw_is_asked_to_be_confirmed(studio, wire):
    form = filled(studio, prompt="a red fox")
    answer = studio.post(NEW, form, headers=HTMX)
    assert answer.status_code == 422
    page = Page(answer)
    assert "Press Generate again to order it for 35 points" in page.text_of("task-problem")
    assert not Task.objects.exists()
    assert studio.post(NEW, page.form(), headers=HTMX).status_code == 200
    assert Task.objects.count() == 1


def test_another_price_stops_and_asks_again(studio, wire, settings):
    form = ordered_form(studio)
    settings.QUOTE_MAX_AGE = 0
    wire.answers["quote"] = {"success": True, "pointsCharged": 50}
    page = Page(studio.post(NEW, form, headers=HTMX))
    assert "changed from 35 points to 50 points" in page.text_of("task-problem")
    assert page.text_of("task-quote").startswith("50 points")
    assert not Task.objects.exists()


def test_the_same_again_within_a_minute_is_asked_about(studio):
    studio.post(NEW, ordered_form(studio), headers=HTMX)
    form = ordered_form(studio)
    page = Page(studio.post(NEW, form, headers=HTMX))
    assert "ordered exactly this a moment ago" in page.text_of("task-problem")
    assert any(one.get("name") == "again" for one in page.elements)
    assert studio.post(NEW, form | {"again": ["1"]}, headers=HTMX).status_code == 200
    assert Task.objects.count() == 2


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "no script"])
def test_a_form_that_made_a_task_does_not_make_another_one_of_it(studio, headers):
    form = ordered_form(studio)
    studio.post(NEW, form, headers=HTMX)
    task = Task.objects.get()
    answer = studio.post(NEW, form | {"prompt": ["something else"]}, headers=headers)
    page = Page(answer)
    assert answer.status_code == 409
    assert any(one.get("href") == task.get_absolute_url() for one in page.elements)
    assert page.form()["prompt"] == ["something else"]
    assert Task.objects.count() == 1


def test_a_refusal_says_what_happened_and_that_nothing_was_charged(studio, wire):
    wire.answers["generate"] = (402, {"error": "Not enough points"})
    answer = studio.post(NEW, ordered_form(studio), headers=HTMX)
    page = Page(answer)
    assert Task.objects.get().status == Status.REJECTED
    assert "Nothing was charged" in page.text_of("task-problem")
    assert page.form()["prompt"] == ["a red fox"]


def test_no_answer_is_told_as_unknown_and_not_to_be_repeated(studio, wire):
    wire.answers["generate"] = requests.ReadTimeout("too slow")
    page = Page(studio.post(NEW, ordered_form(studio), headers=HTMX))
    assert "Don't order it again: we are checking" in page.text_of("task-receipt")


def test_an_unreachable_midsync_is_told_with_what_happens_next(studio, wire):
    from requests.packages.urllib3.exceptions import NewConnectionError

    refused = requests.ConnectionError(NewConnectionError(None, "refused"))
    wire.answers["generate"] = refused
    page = Page(studio.post(NEW, ordered_form(studio), headers=HTMX))
    assert "Nothing was charged; we'll send it when MidSync answers" in page.text_of("task-receipt")
    assert "for up to 10 minutes" in page.text_of("task-receipt")


def test_paused_ordering_is_a_sentence_and_keeps_the_form(studio):
    form = ordered_form(studio)
    gate.pause("MidSync refuses our API key (401)")
    answer = studio.post(NEW, form, headers=HTMX)
    assert answer.status_code == 503
    assert "Nothing was sent or charged" in Page(answer).text_of("task-problem")
    assert Page(answer).form()["prompt"] == ["a red fox"]


def test_a_limit_is_a_sentence(studio, settings):
    settings.SUBMIT_RATE = 1
    studio.post(NEW, ordered_form(studio), headers=HTMX)
    answer = studio.post(NEW, ordered_form(studio, prompt="another"), headers=HTMX)
    assert answer.status_code == 429
    assert "Nothing was ordered" in Page(answer).text_of("task-problem")


def test_who_is_in_no_team_can_order_nothing(client, ana, sam):
    Membership.objects.all().delete()
    client.force_login(ana)
    assert "not in a team" in client.get(NEW).content.decode()
    for path in (NEW, PARAMETERS, QUOTE):
        assert client.post(path, {"model": "runway"}).status_code == 404
    client.force_login(sam)
    assert reverse("admin:index") in client.get(NEW).content.decode()

"""Comparing models: what each makes of the same wishes, one press, one task per column."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from threading import Event
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override

from midsync_portal.models import ModelOffer, Quote, Task
from midsync_portal.models.status import Status
from midsync_portal.submission import finish_sends
from tests.ordering import PICTURE
from tests.pages import Page
from tests.test_presses import at_once, browser_of
from tests.wire import ACCEPTED

pytestmark = pytest.mark.django_db(transaction=True)

COMPARE = "/compare/"
POINTS = {
    "seedance-1.5-pro": 40,
    "kling-2.5-turbo": 35,
    "runway": 48,
    "veo-3.1-fast": 60,
    "grok-video": 20,
}
TWO = ["runway", "kling-2.5-turbo"]  # in the order of the catalogue


@pytest.fixture
def studio(client, ana, wire):
    """Ana's browser, at a MidSync that has a price for each model."""
    wire.answers["quote"] = lambda asked: (200, {"pointsCharged": price_of(asked)})
    wire.answers["generate"] = lambda asked: (
        200,
        ACCEPTED | {"taskId": f"ms-{uuid4()}", "providerTaskId": f"pv-{uuid4()}"},
    )
    client.force_login(ana)
    return client


def price_of(asked):
    """MidSync's price of what is asked for."""
    return POINTS[json.loads(asked.body)["model"]]


def wishes(models=TWO, **typed):
    """What step one sends."""
    return {"models": models, "prompt": "a red fox", **typed}


def priced(client, models=TWO, **typed):
    """Step two: its page, and what its form would send."""
    answer = client.post(COMPARE, wishes(models, **typed))
    assert answer.status_code == 200
    page = Page(answer)
    return page, page.form("compare-order") | {"generate": ["1"]}


def form_in(answer, number=0):
    """What the form of a column that was refused would send."""
    forms = re.findall(r'<form class="column__foot".*?</form>', answer.content.decode(), re.S)
    sent = Page(forms[number].replace("<form", '<form id="again"', 1)).form("again")
    return sent | {"generate": ["1"]}


def results(*tasks):
    """The address of their comparison."""
    return reverse("compare-results", args=[[task.public_id for task in tasks]])


# --- choosing ------------------------------------------------------------------------------------


def test_it_begins_with_what_the_studio_holds(studio):
    form = Page(studio.get("/", {"model": "runway"})).form()
    wished = {"prompt": ["a red fox"], "quality": ["1080p"], "duration": ["5"]}
    studio.post("/quote/", form | wished, headers={"HX-Request": "true"})
    sent = Page(studio.get(COMPARE)).form("compare-form")
    assert (sent["models"], sent["prompt"]) == (["runway"], ["a red fox"])
    assert (sent["duration"], sent["resolution"]) == (["5"], ["1080p"])
    assert COMPARE in studio.get("/").content.decode()


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ([], "two, three or four"),
        (["runway"], "two, three or four"),
        (["runway", "runway"], "two, three or four"),
        ([*POINTS], "two, three or four"),
        (["runway", "never-heard-of"], "cannot be ordered"),
    ],
)
def test_two_to_four_models_that_are_offered_are_compared(studio, wire, models, said):
    answer = studio.post(COMPARE, wishes(models, duration="7"))
    page = Page(answer)
    assert answer.status_code == 422
    assert said in page.text_of("compare-problem")
    assert page.form("compare-form")["duration"] == ["7"]  # nothing typed is lost
    assert wire.count("quote") == 0


def test_a_model_that_this_customer_is_not_offered_is_neither_shown_nor_taken(studio):
    ModelOffer.objects.create(video_model="runway", offered_to=ModelOffer.To.NOBODY)
    assert 'value="runway"' not in studio.get(COMPARE).content.decode()
    assert studio.post(COMPARE, wishes()).status_code == 422


def test_a_missing_prompt_and_a_bad_link_are_said_at_their_fields(studio):
    page = Page(studio.post(COMPARE, wishes(prompt="", image="http://10.0.0.1/a.jpg")))
    assert page.text_of("id_prompt-error")
    assert page.text_of("id_image-error")


def test_after_a_look_at_the_prices_the_wishes_can_be_changed(studio):
    _, form = priced(studio, duration="10")
    form.pop("generate")
    sent = Page(studio.post(COMPARE, form | {"change": "1"})).form("compare-form")
    assert (sent["models"], sent["prompt"]) == (TWO, ["a red fox"])
    assert sent["duration"] == ["10"]
    assert Page(studio.get("/")).form()["prompt"] == ["a red fox"]


# --- what each model makes of it, and what it costs ----------------------------------------------


def test_each_column_says_what_was_adapted(studio):
    models = ["seedance-1.5-pro", "kling-2.5-turbo", "veo-3.1-fast", "grok-video"]
    page, _ = priced(studio, models, duration="12", resolution="1080p", aspectRatio="16:9")
    said = {page.text_of(f"column-{n}-name"): page.text_of(f"column-{n}") for n in range(1, 5)}
    assert "12 s · 1080p · 16:9 Takes everything as it is." in said["Seedance 1.5 Pro"]
    assert "Duration: “12” is not offered; it is 10 now." in said["Kling 2.5 Turbo"]
    assert "Resolution: “1080p” was left out." in said["Kling 2.5 Turbo"]
    assert "Duration: “12” was left out." in said["Veo 3.1 Fast"]
    assert "12 s · 720p" in said["Grok Video"]
    assert "Resolution: “1080p” is not offered; it is 720p now." in said["Grok Video"]


def test_wishes_that_a_model_cannot_put_together_stop_all(studio):
    answer = studio.post(COMPARE, wishes(duration="10", resolution="1080p"))
    assert answer.status_code == 422
    assert "1080p is not possible with 10 s" in Page(answer).text_of("column-1")
    assert "Generate all" not in answer.content.decode()


def test_a_model_that_hides_a_wish_says_so(studio):
    page, _ = priced(studio, ["grok-video", "kling-2.5-turbo"], image=PICTURE, aspectRatio="9:16")
    assert "Aspect ratio: “9:16” was left out." in page.text_of("column-2")
    assert "Takes everything as it is." in page.text_of("column-1")
    assert "1 image" in page.text_of("column-1")


def test_each_price_is_asked_for_the_body_that_is_then_sent(studio, wire):
    page, form = priced(studio, duration="5", resolution="720p")
    assert "48 points" in page.text_of("column-1")
    assert "35 points" in page.text_of("column-2")
    assert "Generate all for 83 points" in page.text_of("compare-order")
    studio.post(COMPARE, form)
    sent = [
        {name: value for name, value in body.items() if name != "callbackUrl"}
        for body in wire.bodies("generate")
    ]
    by_model = {body["model"]: body for body in wire.bodies("quote")}
    assert sorted(by_model) == sorted(body["model"] for body in sent) == sorted(TWO)
    assert all(body == by_model[body["model"]] for body in sent)
    assert by_model["runway"]["quality"] == "720p"
    assert "resolution" not in by_model["kling-2.5-turbo"]


def test_where_a_model_needs_what_is_not_there_nothing_can_be_ordered(studio, wire):
    answer = studio.post(COMPARE, wishes(["runway", "kling-2.6-i2v"]))
    assert answer.status_code == 422
    assert "Images" in Page(answer).text_of("column-2")
    assert "Generate all" not in answer.content.decode()
    form = Page(answer).form("compare-order")
    studio.post(COMPARE, form | {"generate": "1"})  # pressed all the same: only what fits
    assert [task.video_model for task in Task.objects.all()] == ["runway"]


def test_where_midsync_names_no_price_the_button_says_so(studio, wire):
    wire.answers["quote"] = (500, {})
    page, _ = priced(studio)
    assert "Generate all; prices are shown afterwards" in page.text_of("compare-order")


def test_where_midsync_names_some_prices_the_button_says_how_many(studio, wire):
    named = wire.answers["quote"]
    wire.answers["quote"] = lambda asked: (500, {}) if price_of(asked) == 48 else named(asked)
    page, _ = priced(studio)
    assert "Generate all for 35 points and one price" in page.text_of("compare-order")


def test_a_price_that_is_not_told_says_why_in_the_readers_language(studio, settings):
    settings.QUOTE_RATE = 0
    english = "That were many price questions in one minute. Please wait a moment."
    with override("ja"):
        japanese = gettext(english)
    answer = studio.post(COMPARE, wishes(), headers={"Accept-Language": "ja"})
    assert answer.content.decode().count(japanese) == 2
    assert english not in answer.content.decode()


# --- one press -----------------------------------------------------------------------------------


def test_promise_01_one_press_makes_one_task_per_column_however_often_it_arrives(studio, ana, wire):
    _, form = priced(studio)
    answers = at_once(*((browser_of(ana), form) for _ in range(4)), path=COMPARE)
    tasks = {task.video_model: task for task in Task.objects.all()}
    address = results(*(tasks[model] for model in TWO))
    assert {answer["Location"] for answer in answers} == {address}
    assert studio.post(COMPARE, form)["Location"] == address  # Back, and pressed once more
    assert Task.objects.count() == wire.count("generate") == 2
    assert {task.points_quoted for task in tasks.values()} == {Decimal(35), Decimal(48)}


def test_promise_01_after_a_crash_in_the_middle_the_same_page_orders_only_what_is_missing(
    studio, wire
):
    _, form = priced(studio)
    studio.post(COMPARE, form | {"only": "runway"})
    assert Task.objects.get().video_model == "runway"
    answer = studio.post(COMPARE, form)
    assert answer.status_code == 302
    assert Task.objects.count() == wire.count("generate") == 2


def test_a_page_that_was_pressed_leads_to_its_tasks_also_when_a_model_is_offered_no_more(studio):
    _, form = priced(studio)
    place = studio.post(COMPARE, form)["Location"]
    ModelOffer.objects.create(video_model="runway", offered_to=ModelOffer.To.NOBODY)
    assert studio.post(COMPARE, form)["Location"] == place


def test_all_are_sent_at_the_same_time_and_waited_for_once(studio, wire, settings):
    both = {model: Event() for model in TWO}
    accept = wire.answers["generate"]

    def meet(asked):
        both[json.loads(asked.body)["model"]].set()
        assert all(one.wait(10) for one in both.values())  # the other is under way, too
        return accept(asked)

    wire.answers["generate"] = meet
    _, form = priced(studio)
    assert studio.post(COMPARE, form).status_code == 302
    assert {task.status for task in Task.objects.all()} == {Status.QUEUED}


def test_what_midsync_takes_too_long_to_answer_goes_on_by_itself(studio, wire, settings):
    settings.SUBMIT_WAIT = 0
    answered, accept = Event(), wire.answers["generate"]
    wire.answers["generate"] = lambda asked: answered.wait(10) and accept(asked)
    _, form = priced(studio)
    answer = studio.post(COMPARE, form)
    answered.set()
    finish_sends()
    assert answer.status_code == 302
    assert Task.objects.count() == 2


def test_without_keys_of_our_page_nothing_is_ordered(studio):
    assert studio.post(COMPARE, wishes() | {"generate": "1"}).status_code == 404
    assert not Task.objects.exists()


# --- one column is refused -----------------------------------------------------------------------


def test_a_price_that_has_changed_stops_its_column_only(studio, wire, monkeypatch):
    _, form = priced(studio)
    first = Quote.objects.get(video_model="runway")
    Quote.objects.create(
        customer=first.customer, video_model="runway", body_hash=first.body_hash, points=50
    )
    answer = studio.post(COMPARE, form)
    assert answer.status_code == 200
    task = Task.objects.get()
    page = Page(answer)
    assert task.video_model == "kling-2.5-turbo"
    assert f"columns={task.public_id}" in page.by_id["feed"]["data-stream"]
    said = answer.content.decode()
    assert "The price has changed from 48 points to 50 points." in said
    assert "Order this one for 50 points" in said
    again = form_in(answer)
    assert again["only"] == ["runway"]
    place = studio.post(COMPARE, again)["Location"]
    other = Task.objects.exclude(pk=task.pk).get()
    assert place == results(other, task)
    assert other.points_quoted == 50
    assert wire.count("generate") == 2


def test_a_limit_stops_the_columns_beyond_it(studio, settings):
    _, form = priced(studio)
    settings.OPEN_TASKS_MAX = 1
    answer = studio.post(COMPARE, form)
    assert "of at most 1 at once" in answer.content.decode()
    assert Task.objects.get().video_model == "runway"
    settings.OPEN_TASKS_MAX = 9
    assert studio.post(COMPARE, form_in(answer)).status_code == 302
    assert Task.objects.count() == 2


def test_where_all_are_refused_each_can_be_tried_alone(studio, settings):
    _, form = priced(studio)
    settings.OPEN_TASKS_MAX = 0
    answer = studio.post(COMPARE, form)
    assert answer.status_code == 422
    settings.OPEN_TASKS_MAX = 9
    answer = studio.post(COMPARE, form_in(answer, 1))
    assert Task.objects.get().video_model == "kling-2.5-turbo"
    assert "This one was not ordered yet." in answer.content.decode()
    assert "Order this one for 48 points" in answer.content.decode()


def test_what_was_ordered_a_moment_ago_is_ordered_again_only_when_asked_for(studio):
    studio.post(COMPARE, priced(studio)[1])
    answer = studio.post(COMPARE, priced(studio)[1])
    assert Task.objects.count() == 2
    assert answer.status_code == 422
    assert "You ordered exactly this a moment ago." in answer.content.decode()
    studio.post(COMPARE, form_in(answer))
    assert sorted(task.video_model for task in Task.objects.all()) == sorted([TWO[0], *TWO])


def test_prices_that_are_too_old_are_asked_together_and_stand_where_they_are_the_same(
    studio, wire, settings
):
    _, form = priced(studio)
    too_old = timezone.now() - timedelta(seconds=settings.QUOTE_MAX_AGE + 1)
    Quote.objects.update(created_at=too_old)
    assert studio.post(COMPARE, form).status_code == 302
    assert wire.count("quote") == 4


# --- the results ---------------------------------------------------------------------------------


def test_results_stand_in_the_order_of_the_address_and_are_live(studio, make_task):
    left = make_task(status=Status.SUCCEEDED, points_quoted=35)
    right = make_task(video_model="runway", points_quoted=48)
    answer = studio.get(results(right, left))
    page, said = Page(answer), answer.content.decode()
    assert page.text_of("column-1-name") == "Runway"
    assert f"task-{left.public_id}-player" in page.by_id
    assert f"task-{right.public_id}" in page.by_id
    assert "Quoted 83 points in all" in said
    wanted = f"/stream/?team={right.customer_id}&columns={right.public_id},{left.public_id}"
    assert page.by_id["feed"]["data-stream"] == wanted


def test_results_of_others_and_too_many_do_not_exist(studio, make_task, ben):
    own = make_task()
    foreign = make_task(customer=ben.customers.first(), ordered_by=ben)
    assert studio.get(results(own)).status_code == 200
    assert studio.get(results(own, foreign)).status_code == 404
    assert studio.get(f"/compare/{uuid4()}/").status_code == 404
    five = ",".join(str(make_task().public_id) for _ in range(5))
    assert studio.get(f"/compare/{five}/").status_code == 404
    assert studio.post(results(own)).status_code == 405

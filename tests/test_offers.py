"""What operators decide about models: to whom, in which order, with which note; and what holds."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from midsync_portal.catalog import get_catalog
from midsync_portal.catalog.differences import compare
from midsync_portal.models import CatalogCopy, ModelOffer, Task
from midsync_portal.models.status import Status
from tests.clock import let_pass
from tests.pages import Page

pytestmark = pytest.mark.django_db

CATALOG = reverse("admin:catalog")
ADD = reverse("admin:midsync_portal_modeloffer_add")
STUDIO = reverse("task-new")
TURBO, RUNWAY = "kling-2.5-turbo", "runway"


@pytest.fixture
def listed():
    """MidSync lists three models; about one it says other things than our rules."""
    models = [
        {"model": TURBO, "parameters": [{"name": "duration", "options": [5, 10, 15]}]},
        {"model": RUNWAY, "parameters": [{"name": "images", "type": "array", "minItems": 0}]},
        {"model": "brand-new", "parameters": [{"name": "prompt", "type": "string"}]},
    ]
    CatalogCopy.objects.create(pk=1, raw=json.dumps({"models": models}), fetched_at=timezone.now())


@pytest.fixture
def customer(ana):
    return ana.customers.get()


def offered(customer):
    """The ids of what a customer is offered, in order."""
    return [model.id for model in get_catalog(customer).models]


def test_without_decisions_everybody_is_offered_what_midsync_lists(listed, customer):
    assert offered(customer) == [one.id for one in get_catalog().models]
    assert set(offered(customer)) == {TURBO, RUNWAY, "brand-new"}


def test_a_model_for_nobody_and_a_model_for_named_customers(listed, customer, ben):
    ModelOffer.objects.create(video_model=RUNWAY, offered_to="nobody")
    ModelOffer.objects.create(video_model=TURBO, offered_to="named").customers.add(customer)
    assert offered(customer) == [TURBO, "brand-new"]
    assert offered(ben.customers.get()) == ["brand-new"]
    assert len(get_catalog().models) == 3, "operators still see all"


def test_places_come_first_and_notes_are_shown(listed, customer, client, ana):
    ModelOffer.objects.create(video_model="brand-new", place=1, note="New & <b>fast</b>.")
    ModelOffer.objects.create(video_model=RUNWAY, place=0)
    assert offered(customer) == [RUNWAY, "brand-new", TURBO]
    client.force_login(ana)
    page = client.get(f"{STUDIO}?model=brand-new")
    assert Page(page).text_of("model-note") == "New & <b>fast</b>."
    assert "model-note" not in Page(client.get(f"{STUDIO}?model={TURBO}")).by_id


def test_a_decision_offers_nothing_that_midsync_does_not_list(listed, customer):
    ModelOffer.objects.create(video_model="seedance-1.5-pro", offered_to="everybody", place=1)
    assert "seedance-1.5-pro" not in offered(customer)


def test_it_costs_one_query_more(listed, customer, django_assert_num_queries):
    for number in range(5):
        ModelOffer.objects.create(video_model=f"m-{number}", offered_to="named")
    with django_assert_num_queries(2):
        get_catalog(customer)


@pytest.mark.parametrize("decided", ["nobody", "named"])
@pytest.mark.parametrize("path", [STUDIO, reverse("task-quote"), reverse("task-parameters")])
def test_a_crafted_post_gets_no_model_that_is_not_offered(listed, client, ana, wire, decided, path):
    ModelOffer.objects.create(video_model=TURBO, offered_to=decided)
    client.force_login(ana)
    sent = {"model": TURBO, "prompt": "a fox", "duration": "5", "aspectRatio": "16:9"}
    answer = client.post(path, sent | {"submit_key": "0d9d6e3e-6a0e-4b1f-9f0a-0d8f8c1f1a11"})
    assert "This model cannot be ordered" in answer.content.decode()
    names = [one.get("value") for one in Page(answer).elements if one.get("name") == "model"]
    assert RUNWAY in names
    assert TURBO not in names
    assert not Task.objects.exists()
    assert wire.count("generate") == wire.count("quote") == 0


def test_a_customer_to_whom_nothing_is_offered_is_told_so(listed, client, ana):
    for model in (TURBO, RUNWAY, "brand-new"):
        ModelOffer.objects.create(video_model=model, offered_to="nobody")
    client.force_login(ana)
    assert "Nothing can be ordered right now" in client.get(STUDIO).content.decode()
    assert client.post(STUDIO, {"model": TURBO}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_tasks_from_before_go_on_sent_or_not(listed, make_task, wire, worker, clock):
    unsent = make_task(status=Status.SUBMITTING, next_check_at=clock.now())
    ready = make_task(midsync_task_id="ms-9", next_check_at=clock.now() + timedelta(seconds=1))
    wire.answers["status"] = {
        "taskId": "ms-9", "status": "completed", "output": {"url": "https://cdn.example.com/a.mp4"},
    }  # fmt: skip
    ModelOffer.objects.create(video_model=unsent.video_model, offered_to="nobody")
    let_pass(clock, 5, worker)
    unsent.refresh_from_db()
    ready.refresh_from_db()
    assert (unsent.status, ready.status) == (Status.QUEUED, Status.SUCCEEDED)
    assert wire.count("generate") == 1


def test_an_unknown_audience_is_refused_by_the_database():
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelOffer.objects.create(video_model="x", offered_to="friends")


def test_the_comparison_says_where_midsync_and_the_rules_differ(listed):
    found = {model.id: model for model in compare().models}
    duration = next(field for field in found[TURBO].fields if field.name == "duration")
    assert "5, 10, 15" in duration.midsync
    assert "5, 10" in duration.rules
    assert [field.name for field in found[TURBO].differences] == ["duration"]
    assert found[RUNWAY].differences == []
    assert (found["brand-new"].is_known, found["brand-new"].is_offered) == (False, True)
    unlisted = found["seedance-1.5-pro"]
    assert (unlisted.is_listed, unlisted.is_offered) == (False, False)


def test_before_midsyncs_list_was_read_the_rules_are_compared_with_nothing(db):
    assert compare().read_at is None
    assert all(model.is_offered and not model.differences for model in compare().models)


def test_an_operator_decides_and_the_catalogue_shows_it(listed, client, olga, customer):
    client.force_login(olga)
    page = client.get(CATALOG).content.decode()
    assert "1 setting differs; the form follows MidSync." in page
    assert f"{ADD}?video_model={TURBO}" in page
    sent = {"video_model": TURBO, "offered_to": "named", "place": "2", "note": "Ask first."}
    answer = client.post(ADD, sent)
    assert "Name at least one customer" in answer.content.decode()
    answer = client.post(ADD, sent | {"customers": [customer.pk]})
    assert answer["Location"] == CATALOG
    page = client.get(CATALOG).content.decode()
    assert "Offered only to:" in page
    assert "<q>Ask first.</q>" in page
    offer = ModelOffer.objects.get()
    change = reverse("admin:midsync_portal_modeloffer_change", args=[offer.pk])
    client.post(change, {"video_model": RUNWAY, "offered_to": "nobody", "note": ""})
    offer.refresh_from_db()
    assert (offer.video_model, offer.offered_to) == (TURBO, "nobody"), "it stays about its model"
    history = client.get(reverse("admin:midsync_portal_modeloffer_history", args=[offer.pk]))
    assert olga.get_full_name() in history.content.decode()


def test_a_decision_about_a_model_that_nobody_knows_is_refused(listed, client, olga):
    client.force_login(olga)
    assert client.post(ADD, {"video_model": "made-up", "offered_to": "nobody"}).status_code == 200
    assert not ModelOffer.objects.exists()


def test_an_operator_has_midsyncs_list_read_now(client, olga, tess, wire):
    client.force_login(tess)
    assert client.post(CATALOG).status_code == 403
    assert wire.count("models") == 0
    client.force_login(olga)
    assert client.post(CATALOG)["Location"] == CATALOG
    assert wire.count("models") == 1
    assert CatalogCopy.objects.exists()
    wire.answers["models"] = (503, {})
    assert "no list that can be used" in client.post(CATALOG, follow=True).content.decode()


def test_hostile_names_from_midsync_are_inert(client, olga):
    raw = {"models": [{"model": "<script>x</script>", "parameters": [{"name": "<img src=x>"}]}]}
    CatalogCopy.objects.create(pk=1, raw=json.dumps(raw), fetched_at=timezone.now())
    client.force_login(olga)
    page = client.get(CATALOG).content.decode()
    assert "<script>x" not in page
    assert "<img src=x" not in page

"""Drafts: what was typed comes back, whole or with a word about what was dropped."""

import json

import pytest
from django.utils import timezone

from midsync_portal import drafts
from midsync_portal.changes import changes_between
from midsync_portal.models import CatalogCopy, Draft, Membership, Task
from tests.conftest import make_customer
from tests.pages import Page
from tests.test_views_new import HTMX, NEW, PARAMETERS, QUOTE, filled, ordered_form

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def studio(client, ana, wire):
    """Ana's browser."""
    client.force_login(ana)
    return client


def offer(*models):
    """MidSync's list of models, as it was last read."""
    raw = json.dumps({"models": list(models)})
    CatalogCopy.objects.update_or_create(pk=1, defaults={"raw": raw, "fetched_at": timezone.now()})


@pytest.mark.parametrize("path", [PARAMETERS, QUOTE, NEW])
def test_what_was_typed_is_there_on_another_device(studio, client_class, ana, path):
    form = filled(studio, "seedance-1.5-pro", prompt="half a tho", generateAudio="true")
    studio.post(path, form | {"duration": ["12"]}, headers=HTMX)
    phone = client_class()
    phone.force_login(ana)
    page = Page(phone.get(NEW))
    assert page.form()["model"] == ["seedance-1.5-pro"]
    assert page.form()["prompt"] == ["half a tho"]
    assert page.form()["duration"] == ["12"]
    assert page.form()["generateAudio"] == ["true"]
    assert page.form()["submit_key"] != form["submit_key"]
    assert not Task.objects.exists()


@pytest.fixture
def client_class():
    """A further browser."""
    from django.test import Client

    return Client


def test_a_draft_belongs_to_one_person_and_one_team(studio, ana, ben):
    studio.post(PARAMETERS, filled(studio, prompt="for Alder Films"), headers=HTMX)
    other = make_customer("Ash Studio", ana)
    Membership.objects.create(user=ben, customer=ana.customers.get(name="Alder Films"))
    assert drafts.draft_of(ana, other) is None
    assert drafts.draft_of(ben, ana.customers.get(name="Alder Films")) is None
    assert Draft.objects.count() == 1


def test_another_model_by_link_takes_the_prompt_along(studio):
    studio.post(PARAMETERS, filled(studio, prompt="paper boats"), headers=HTMX)
    page = Page(studio.get(NEW, {"model": "runway"}))
    assert page.form()["model"] == ["runway"]
    assert page.form()["prompt"] == ["paper boats"]
    assert "task-dropped" not in page.by_id


def test_a_removed_link_stays_removed(studio):
    links = ["https://example.com/1.jpg", "https://example.com/2.jpg"]
    form = filled(studio, "seedance-1.5-pro", prompt="x", images=links)
    studio.post(PARAMETERS, form | {"remove": ["images-0"]}, headers=HTMX)
    assert Page(studio.get(NEW)).form()["images"] == links[1:]


def test_after_an_order_the_settings_stay_for_the_next_one(studio):
    studio.post(NEW, ordered_form(studio, prompt="a red fox"), headers=HTMX)
    page = Page(studio.get(NEW))
    assert page.form()["prompt"] == ["a red fox"]
    assert page.form()["submit_key"] != [str(Task.objects.get().submit_key)]


def test_start_over_empties_the_form_and_can_be_undone(studio):
    form = filled(studio, prompt="not so bad after all")
    studio.post(QUOTE, form, headers=HTMX)
    page = Page(studio.post(PARAMETERS, form | {"fresh": ["1"]}, headers=HTMX))
    assert not page.by_id["id_prompt"].get("text", "").strip()
    page = Page(studio.get(NEW))
    assert page.form()["prompt"] == [""]
    assert "task-bring-back" in page.by_id
    page = Page(studio.post(PARAMETERS, page.form() | {"fresh": ["undo"]}))
    assert page.form()["prompt"] == ["not so bad after all"]


def test_what_is_sent_is_never_taken_for_a_press(studio):
    studio.post(QUOTE, filled(studio, prompt="x") | {"again": ["1"]}, headers=HTMX)
    assert drafts.NOT_KEPT.isdisjoint(Draft.objects.get().form)


def test_control_characters_do_not_keep_a_draft_from_being_kept(studio):
    studio.post(PARAMETERS, filled(studio, prompt="a\x00b"), headers=HTMX)
    assert Page(studio.get(NEW)).form()["prompt"][0].startswith("ab")


# --- a draft that no longer fits -----------------------------------------------------------------


def test_a_value_that_is_not_offered_any_more_is_told(studio):
    form = filled(studio, "runway", prompt="boats", quality="1080p")
    studio.post(PARAMETERS, form, headers=HTMX)
    offer({"id": "runway", "parameters": {"quality": {"type": "string", "enum": ["720p"]}}})
    page = Page(studio.get(NEW))
    assert "Quality: “1080p” is not offered; it is 720p now." in page.text_of("task-dropped")
    assert page.form()["quality"] == ["720p"]
    assert page.form()["prompt"] == ["boats"]


def test_a_setting_that_is_gone_is_told(studio, ana):
    texts = {"model": ["runway"], "fields-of": ["runway"], "prompt": ["boats"], "loop": ["yes"]}
    drafts.keep_draft(ana, ana.customers.get(), texts)
    assert "Loop: “yes” was left out." in Page(studio.get(NEW)).text_of("task-dropped")


def test_a_model_that_is_gone_is_told_with_what_it_took_along(studio):
    studio.post(PARAMETERS, filled(studio, "runway", prompt="boats", quality="1080p"), headers=HTMX)
    offer("kling-2.5-turbo")
    answer = studio.get(NEW)
    page = Page(answer)
    assert "Runway cannot be ordered at present." in answer.content.decode()
    assert page.form()["model"] == ["kling-2.5-turbo"]
    assert page.form()["prompt"] == ["boats"]
    assert "Quality: “1080p” was left out." in page.text_of("task-dropped")


def test_a_draft_that_fits_says_nothing(studio):
    studio.post(PARAMETERS, filled(studio, "runway", prompt="boats"), headers=HTMX)
    assert "task-dropped" not in Page(studio.get(NEW)).by_id


# --- from an earlier task ------------------------------------------------------------------------


def test_a_task_made_from_another_says_so_and_what_changed(studio, make_task):
    old = make_task(prompt="paper boats")
    form = Page(studio.get(NEW, {"from": old.public_id})).form()
    form |= {"prompt": ["paper boats at dusk"], "duration": ["10"]}
    studio.post(QUOTE, form, headers=HTMX)
    studio.post(NEW, form, headers=HTMX)
    new = Task.objects.exclude(pk=old.pk).get()
    assert new.based_on == old
    page = Page(studio.get(new.get_absolute_url()))
    said = page.text_of(f"task-{new.public_id}-origin")
    assert "Promptwas paper boats → is paper boats at dusk" in said
    assert "Durationwas 5 s → is 10 s" in said
    assert any(one.get("href") == old.get_absolute_url() for one in page.elements)
    assert f"task-{old.public_id}-origin" not in Page(studio.get(old.get_absolute_url())).by_id


def test_the_order_after_that_is_based_on_nothing(studio, make_task):
    old = make_task()
    form = Page(studio.get(NEW, {"from": old.public_id})).form()
    studio.post(QUOTE, form, headers=HTMX)
    page = Page(studio.post(NEW, form, headers=HTMX))
    assert Task.objects.exclude(pk=old.pk).get().based_on == old
    assert "based_on" not in page.form()
    assert "based_on" not in Page(studio.get(NEW)).form()


def test_settings_of_a_task_do_not_bury_what_was_being_written(studio, make_task):
    studio.post(PARAMETERS, filled(studio, prompt="half a tho"), headers=HTMX)
    task = make_task(prompt="paper boats")
    form = Page(studio.get(NEW, {"from": task.public_id})).form()
    assert form["prompt"] == ["paper boats"]
    studio.post(QUOTE, form, headers=HTMX)
    page = Page(studio.get(NEW, {"from": task.public_id}))
    assert page.form()["based_on"] == [str(task.public_id)]
    page = Page(studio.post(PARAMETERS, page.form() | {"fresh": ["undo"]}))
    assert page.form()["prompt"] == ["half a tho"]


def test_edits_of_a_task_s_settings_survive_a_reload(studio, make_task):
    task = make_task(prompt="paper boats")
    form = Page(studio.get(NEW, {"from": task.public_id})).form()
    studio.post(QUOTE, form | {"prompt": ["paper boats at dusk"]}, headers=HTMX)
    page = Page(studio.get(NEW, {"from": task.public_id}))
    assert page.form()["prompt"] == ["paper boats at dusk"]


@pytest.mark.parametrize("number", ["odd", "00000000-0000-4000-8000-000000000000"])
def test_what_nobody_of_the_team_made_is_no_origin(studio, number):
    form = ordered_form(studio) | {"based_on": [number]}
    studio.post(NEW, form, headers=HTMX)
    assert Task.objects.get().based_on is None


def test_another_teams_task_is_no_origin(client, ben, wire, make_task):
    task = make_task(prompt="a secret of Ana's")
    client.force_login(ben)
    form = ordered_form(client) | {"based_on": [str(task.public_id)]}
    answer = client.post(NEW, form, headers=HTMX)
    assert "a secret" not in answer.content.decode()
    assert Task.objects.exclude(pk=task.pk).get().based_on is None


def test_changes_are_told_in_words_and_what_is_off_is_as_if_not_there():
    before = {"model": "kling-2.5-turbo", "prompt": "a", "duration": 5, "generateAudio": False}
    after = {"model": "runway", "prompt": "a", "duration": 10, "watermark": "Alder"}
    assert [change[1:] for change in changes_between(before, after)] == [
        ("Model", "Kling 2.5 Turbo", "Runway"),
        ("Duration", "5 s", "10 s"),
        ("Watermark", "", "Alder"),
    ]

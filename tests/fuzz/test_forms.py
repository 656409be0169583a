"""Promise 15 at every form: 2,000 of them, 0 answers of 5xx, and nothing ordered by accident."""

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.models import Task
from tests.properties.examples import undone

from . import hostile
from .batches import FORMS, Answers, batches, many

pytestmark = pytest.mark.django_db

ORDER = ["model", "prompt", "duration", "resolution", "aspectRatio", "images-0", "images-1"]
ORDER += ["submit_key", "quote_key", "again", "generateAudio", "multiShots", "cfgScale", "seeds"]
ORDER += ["multiPrompt-0-prompt", "multiPrompt-0-duration", "klingElements-0-name"]
DOORS = {
    "/": ORDER,
    "/quote/": ORDER,
    "/parameters/": ORDER,
    "/team/": ["customer", "next"],
    "/accounts/login/": ["login", "password", "remember", "next"],
    "/admin/midsync_portal/task/": ["action", "_selected_action", "reason", "index", "q"],
}
MODELS = ["kling-2.5-turbo", "kling-3.0", "grok-video", "veo-3.1-fast", "seedance-1.5-pro"]
TYPE = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("door", DOORS)
def test_promise_15_no_form_makes_a_5xx(ana, sam, wire, door):
    browser, answers = Client(), Answers()
    if door != "/accounts/login/":
        browser.force_login(sam if door.startswith("/admin/") else ana)
    begins = st.sampled_from([*(f"model={model}&" for model in MODELS), ""])
    from_htmx = st.sampled_from([{}, {"HX-Request": "true"}])

    @batches(FORMS / len(DOORS))
    @given(many(st.tuples(begins, hostile.pairs(DOORS[door]), from_htmx)))
    def post(batch):
        with undone():
            for begin, typed, headers in batch:
                answers.take(browser.post(door, begin + typed, content_type=TYPE, headers=headers))
            assert Task.objects.count() <= wire.count("generate")

    post()
    assert answers.count >= FORMS / len(DOORS)

"""Promise 15 at the callback door: 4,000 bodies under right and wrong tokens, 0 answers of 5xx."""

from uuid import uuid4

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.callback_urls import callback_url
from midsync_portal.models import CallbackDelivery
from midsync_portal.models.status import Status
from tests.properties.examples import undone

from . import hostile
from .batches import CALLBACKS, Answers, batches, many

pytestmark = pytest.mark.django_db

TYPES = ["application/json", "text/plain", "", "multipart/form-data"]
TOKENS = ["right", "right", "right", "right", "cut", "odd"]
BEGINS = [Status.QUEUED, Status.SUBMITTING, Status.REJECTED]


def test_promise_15_no_callback_makes_a_5xx(client, make_task):
    answers = Answers()
    callback = st.tuples(hostile.bodies, st.sampled_from(TYPES), st.sampled_from(TOKENS))

    @batches(CALLBACKS)
    @given(st.sampled_from(BEGINS), many(callback))
    def post(begins, batch):
        with undone():
            task = make_task(status=begins, submit_key=uuid4())
            for body, content_type, token in batch:
                path = callback_url(task.public_id).removeprefix(settings.PORTAL_URL)
                if token == "cut":
                    path = path[:-3] + "/"
                elif token == "odd":
                    path = path.rsplit("/", 2)[0] + "/%F0%9F%92%A5%00/"
                answer = client.post(path, body, content_type=content_type)
                answers.take(answer)
                assert answer.status_code == (200 if token == "right" else 404)
            kept = CallbackDelivery.objects.filter(task=task).count()
            assert kept <= sum(token == "right" for _, _, token in batch)

    post()
    assert answers.count >= CALLBACKS

"""The callback URLs: who may come in, and what they are answered."""

import logging
import time
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from midsync_portal.callback_urls import token_is_valid
from midsync_portal.figures import count
from midsync_portal.midsync.signature import BadSignature, verify

from .inbox import apply_delivery
from .storing import NotKept, store
from .strangers import strangers

log = logging.getLogger("midsync_portal.callbacks")


@csrf_exempt
@login_not_required
@require_POST
def receive_callback(request: HttpRequest, public_id: UUID, token: str) -> HttpResponse:
    """Take one callback for one task: 404 for a wrong token, 401 for a wrong signature, 413 for
    a body over CALLBACK_BODY_MAX bytes, 503 while the database is away, else 200.
    """
    if not token_is_valid(public_id, token):
        strangers.note(request, "wrong token")
        count("callback", "task", "wrong token")
        raise Http404
    return _take(request, public_id)


@csrf_exempt
@login_not_required
def receive_account_callback(request: HttpRequest) -> HttpResponse:
    """Take one callback for whichever task it names. Only where MidSync signs is there such a
    URL; what comes by it proves nothing, it makes the worker ask MidSync.
    """
    if settings.CALLBACK_SIGNATURE == "none":
        raise Http404
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    return _take(request, None)


def _take(request: HttpRequest, public_id: UUID | None) -> HttpResponse:
    door = "account" if public_id is None else "task"
    # Not request.body: its limit is the one of forms.
    body = request.read(settings.CALLBACK_BODY_MAX + 1)
    if len(body) > settings.CALLBACK_BODY_MAX:
        count("callback", door, "too large")
        return _plain("too large", 413)
    if not _is_signed(request, body):
        count("callback", door, "wrong signature")
        return _plain("wrong signature", 401)
    try:
        delivery, is_repeat = store(public_id, body, request.headers)
        answer = apply_delivery(delivery, body, is_repeat=is_repeat)
    except (Error, NotKept) as problem:
        log.error("callback for %s could not be stored: %s", public_id, problem)
        count("callback", door, "not stored")
        come_again = _plain("come again", 503)
        come_again["Retry-After"] = "5"
        return come_again
    count("callback", door, "repeat" if is_repeat else "new")
    return _plain(answer or "ok", 200)


def _is_signed(request: HttpRequest, body: bytes) -> bool:
    """Whether the request is signed as the setting wants. Costs no query."""
    if settings.CALLBACK_SIGNATURE == "none":
        return True
    try:
        verify(
            settings.CALLBACK_SIGNATURE,
            settings.CALLBACK_SIGNATURE_SECRET,
            dict(request.headers),
            body,
            time.time(),
        )
    except BadSignature as error:
        strangers.note(request, str(error))
        return False
    except Exception as error:  # a verifier that breaks on hostile input has verified nothing
        strangers.note(request, f"the signature broke the check: {type(error).__name__}")
        return False
    return True


def _plain(text: str, status: int) -> HttpResponse:
    # Not compressed: whoever sent a challenge compares it as it comes.
    plain = {"Content-Encoding": "identity"}
    return HttpResponse(text, "text/plain; charset=utf-8", status, headers=plain)

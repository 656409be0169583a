"""Tell a person by e-mail that their task has ended: at most once.

A worker takes the row before it sends, so that a worker that dies in between loses the e-mail and
no other sends it again: the task's page tells the truth in any case, and two e-mails about one
video would be taken for two charges. Only where no mail server was reached, so that certainly
nothing was sent, it is tried again.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.template.loader import render_to_string
from django.utils import timezone, translation

from .models import EndMail, Task

log = logging.getLogger("midsync_portal.mails")

TRY_AGAIN_AFTER = timedelta(minutes=1)
TRIED_FOR = timedelta(hours=1)  # after the end of the task; then nobody waits for it any more


def send_end_mail(mail: EndMail) -> bool:
    """Send one e-mail that is due; False where another worker has it or it was not sent."""
    now = timezone.now()
    if not EndMail.objects.filter(pk=mail.pk, sent_at__isnull=True).update(sent_at=now):
        return False
    task = Task.objects.select_related("ordered_by").get(pk=mail.task_id)
    if not (task.ordered_by.tells_by_email and task.ordered_by.is_active):
        return False  # changed their mind meanwhile
    if task.finished_at and now - task.finished_at > TRIED_FOR:
        log.warning("no mail server was reached in time for task %s", task.public_id)
        return False
    connection = get_connection()
    try:
        connection.open()
    except OSError as error:
        log.warning("the mail server cannot be reached: %s", type(error).__name__)
        again_at = now + TRY_AGAIN_AFTER
        EndMail.objects.filter(pk=mail.pk).update(sent_at=None, due_at=again_at)
        return False
    try:
        connection.send_messages([end_message(task)])
    except OSError as error:  # it may have gone out
        log.warning("task %s: the mail may not have arrived: %s", task.public_id, error)
        return False
    finally:
        connection.close()
    return True


def end_message(task: Task) -> EmailMessage:
    """What the person reads, in their language: how it ended, what it cost, where to look."""
    context = {"task": task, "address": f"{settings.PORTAL_URL}{task.get_absolute_url()}"}
    with translation.override(task.ordered_by.language or settings.LANGUAGE_CODE):
        subject = " ".join(render_to_string("mail/ended_subject.txt", context).split())
        body = render_to_string("mail/ended.txt", context)
    return EmailMessage(subject[:150], body, to=[task.ordered_by.email])

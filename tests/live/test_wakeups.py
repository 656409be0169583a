"""How a change is told to the hubs: what travels, by which mailbox, and what a message may hold."""

import asyncio
import errno
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from midsync_portal.live import datagrams
from midsync_portal.live.rendering import message
from midsync_portal.live.sources import tell
from midsync_portal.live.wakeups import Change, SessionEnd, decode, digest_of
from midsync_portal.models.status import Status
from tests.serving import PATIENCE

from .people import run_on

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_announcement_without_any_hub_does_nothing(make_task):
    run_on(make_task())


def test_mailboxes_of_processes_that_died_are_cleared_away(tmp_path):
    folder = datagrams.folder_of(str(tmp_path / "portal.sqlite3"))
    Path(folder).mkdir()
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(f"{folder}/dead")
    dead.close()
    datagrams.send_to_all(folder, lambda: "1 1 0 1")
    assert os.listdir(folder) == []


def test_who_cannot_tell_the_hubs_has_changed_the_task_all_the_same(make_task, site, monkeypatch):
    def no_socket(*kind):
        raise OSError(errno.EMFILE, "Too many open files")

    task = make_task()
    monkeypatch.setattr(datagrams.socket, "socket", no_socket)
    run_on(task)
    task.refresh_from_db()
    assert task.status == Status.RUNNING


def test_a_database_far_down_in_the_folders_still_has_mailboxes(tmp_path):
    database = tmp_path / ("deep" * 40) / "portal.sqlite3"
    folder = datagrams.folder_of(str(database))
    assert len(os.fsencode(folder)) + 1 + datagrams.LONGEST_NAME <= datagrams.LONGEST_PATH
    assert folder != datagrams.folder_of(str(database) + "2")


def test_a_mailbox_in_a_place_without_sockets_is_no_reason_to_stop(tmp_path):
    (tmp_path / "file").write_text("")

    async def open_mailbox() -> bool:
        return datagrams.Mailbox(str(tmp_path / "file"), print).open()

    assert asyncio.run(open_mailbox()) is False


def test_a_wake_up_travels_as_ids():
    change = Change(task=12, customer=3, is_new=True, event=45)
    assert change.encode() == "12 3 1 45"
    assert decode("12 3 1 45") == change
    end = SessionEnd(digest_of("a-session-key"))
    assert decode(end.encode()) == end
    assert "a-session-key" not in end.encode()


def test_a_row_travels_with_its_ids():
    change = Change(12, 3, False, 45, "ja", "data: <li>狐\ndata: </li>\n\n")
    assert decode(change.encode()) == change
    for part in ("12", "45", "ja", "狐"):
        assert not decode(change.encode().replace(part, "9", 1)).has_row
    for row in ("x" * 8000, "\0"):
        assert replace(change, row=row).encode() == "12 3 0 45"


def test_where_a_long_message_does_not_fit_its_ids_travel_alone(tmp_path, monkeypatch):
    class Small(socket.socket):
        def sendto(self, message, path):
            if len(message) > 50:
                raise OSError(errno.EMSGSIZE, "Message too long")
            return super().sendto(message, path)

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mailbox:
        mailbox.settimeout(PATIENCE)
        mailbox.bind(str(tmp_path / "mailbox"))
        monkeypatch.setattr(datagrams.socket, "socket", Small)
        change = Change(12, 3, False, 45, "ja", "data: a long row of letters\n\n")
        datagrams.send_to_all(str(tmp_path), change.encode)
        assert decode(mailbox.recv(100).decode()) == Change(12, 3, False, 45)


@pytest.mark.parametrize(
    "text", ["", "1", "1 2", "a b c", "end", "end a b", "1 2 1", "1 2 3 4", "é\x00"]
)
def test_a_wake_up_that_is_none_of_ours_is_left_out(text):
    heard = []
    tell(heard.append, text)
    assert heard == []


def test_no_text_can_break_out_of_its_message():
    assert message("a\r\nevent: x\rid: 1\n\nb") == (
        b"data: a\ndata: event: x\ndata: id: 1\ndata: \ndata: b\n\n"
    )

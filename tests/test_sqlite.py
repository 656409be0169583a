"""The queue of SQLite's writers: order, fairness to other processes, and no turn ever lost."""

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError, connections, transaction

from midsync_portal.sqlite.turns import Turns, turns_of

PATIENCE = 20  # seconds that nothing here ever takes
ALIAS = "queue"


@pytest.fixture
def database(tmp_path, django_db_blocker):
    """A database of its own, opened as the portal opens its own."""
    file = tmp_path / "queue.sqlite3"
    connections.settings[ALIAS] = connections.configure_settings(
        {
            "default": {},
            ALIAS: {
                "ENGINE": "midsync_portal.sqlite",
                "NAME": str(file),
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": PATIENCE,
                    "init_command": "PRAGMA journal_mode=WAL",
                },
            },
        }
    )[ALIAS]
    with django_db_blocker.unblock():
        run("CREATE TABLE counter (n INTEGER NOT NULL CHECK (n < 1000000))")
        run("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        run(
            "CREATE TABLE child (parent INTEGER REFERENCES parent (id)"
            " DEFERRABLE INITIALLY DEFERRED)"
        )
        run("INSERT INTO counter VALUES (0)")
        yield file
        connections[ALIAS].close()
        del connections[ALIAS]
    del connections.settings[ALIAS]


def run(sql: str, *values: int):
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def in_thread(work) -> threading.Thread:
    """Run the work in a thread with a connection of its own."""

    def closing() -> None:
        try:
            work()
        finally:
            connections[ALIAS].close()

    thread = threading.Thread(target=closing, daemon=True)
    thread.start()
    return thread


def assert_turn_is_free(file: Path) -> None:
    turns = turns_of(str(file), is_shared=True)
    assert turns.take(0)
    turns.give_back()


def test_thirty_two_writers_at_once_are_never_told_that_the_database_is_locked(database):
    problems: list[Exception] = []

    def add_twenty() -> None:
        try:
            for _ in range(20):
                with transaction.atomic(using=ALIAS):
                    ((n,),) = run("SELECT n FROM counter")
                    run("UPDATE counter SET n = %s", n + 1)
        except OperationalError as problem:
            problems.append(problem)

    for thread in [in_thread(add_twenty) for _ in range(32)]:
        thread.join(PATIENCE)
    assert problems == []
    assert run("SELECT n FROM counter") == [(640,)]


def test_a_writer_waits_until_the_transaction_before_it_has_ended(database):
    started, order = threading.Event(), []

    def second() -> None:
        started.set()
        with transaction.atomic(using=ALIAS):
            order.append(("second", run("SELECT n FROM counter")[0][0]))

    with transaction.atomic(using=ALIAS):
        thread = in_thread(second)
        assert started.wait(PATIENCE)
        run("UPDATE counter SET n = 7")
        order.append(("first", 7))
    thread.join(PATIENCE)
    assert order == [("first", 7), ("second", 7)]


def test_a_single_writing_statement_waits_its_turn_and_gives_it_back(database):
    started, done = threading.Event(), threading.Event()

    def second() -> None:
        started.set()
        run("UPDATE counter SET n = n + 1")
        done.set()

    with transaction.atomic(using=ALIAS):
        run("UPDATE counter SET n = 10")
        thread = in_thread(second)
        assert started.wait(PATIENCE)
        assert not done.is_set()
    thread.join(PATIENCE)
    assert run("SELECT n FROM counter") == [(11,)]
    assert_turn_is_free(database)


def test_readers_do_not_queue(database):
    seen = []
    with transaction.atomic(using=ALIAS):
        run("UPDATE counter SET n = 5")
        in_thread(lambda: seen.append(run("SELECT n FROM counter"))).join(PATIENCE)
    assert seen == [[(0,)]]


def test_a_transaction_inside_a_transaction_keeps_the_one_turn(database):
    with transaction.atomic(using=ALIAS):
        with transaction.atomic(using=ALIAS):
            run("UPDATE counter SET n = 3")
        assert not turns_of(str(database), is_shared=True).take(0)
    assert_turn_is_free(database)


def test_the_turn_comes_back_after_an_error_inside(database):
    with suppress(ZeroDivisionError), transaction.atomic(using=ALIAS):
        run("UPDATE counter SET n = 3")
        run("UPDATE counter SET n = %s", 1 // 0)
    assert_turn_is_free(database)
    assert run("SELECT n FROM counter") == [(0,)]


def test_the_turn_comes_back_after_a_statement_that_fails(database):
    with pytest.raises(IntegrityError):
        run("UPDATE counter SET n = 1000000")
    assert_turn_is_free(database)


def test_the_turn_comes_back_after_a_commit_that_fails(database):
    with pytest.raises(IntegrityError), transaction.atomic(using=ALIAS):
        run("INSERT INTO child VALUES (99)")
    assert_turn_is_free(database)


def test_the_turn_comes_back_when_the_connection_closes_inside_a_transaction(database):
    with transaction.atomic(using=ALIAS):
        run("UPDATE counter SET n = 3")
        connections[ALIAS].close()
    assert_turn_is_free(database)


def test_the_turn_comes_back_when_the_transaction_cannot_begin(database):
    connection = connections[ALIAS]
    connection.ensure_connection()
    connection.transaction_mode = "NONSENSE"
    with pytest.raises(OperationalError), transaction.atomic(using=ALIAS):
        pass
    connection.close()
    assert_turn_is_free(database)


def test_a_writer_that_waited_in_vain_writes_all_the_same(database):
    turns = turns_of(str(database), is_shared=True)
    assert turns.take(0)
    connections[ALIAS].settings_dict["OPTIONS"]["timeout"] = 0.01
    run("UPDATE counter SET n = 4")
    turns.give_back()
    assert run("SELECT n FROM counter") == [(4,)]


def test_turns_come_in_the_order_of_asking(tmp_path):
    turns = Turns(str(tmp_path / "lock"))
    assert turns.take(0)
    order: list[int] = []

    def wait(number: int) -> None:
        assert turns.take(PATIENCE)
        order.append(number)
        turns.give_back()

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=wait, args=[number], daemon=True))
        threads[-1].start()
        while len(turns._waiting) <= number:  # until it stands in the queue
            pass
    turns.give_back()
    for thread in threads:
        thread.join(PATIENCE)
    assert order == [0, 1, 2, 3, 4]


def test_who_gives_up_waiting_leaves_the_queue(tmp_path):
    turns = Turns(str(tmp_path / "lock"))
    assert turns.take(0)
    assert not turns.take(0.01)
    turns.give_back()
    assert turns.take(0)


HOLDER = """
import sys
from midsync_portal.sqlite.turns import Turns
turns = Turns(sys.argv[1])
print(turns.take(0), flush=True)
sys.stdin.readline()
"""


def test_another_process_keeps_its_turn_until_it_ends_however_it_ends(tmp_path):
    lock = str(tmp_path / "lock")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout.readline() == "True\n"
        turns = Turns(lock)
        assert not turns.take(0.01)
        holder.kill()
        assert turns.take(PATIENCE)


def test_a_database_in_memory_has_no_lock_file():
    assert turns_of(":memory:", is_shared=False)._file == -1

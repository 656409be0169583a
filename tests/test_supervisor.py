"""The server's parent process: a process that is killed is started again at once."""

import threading
import time

from uvicorn import Config
from uvicorn._subprocess import spawn

from midsync_portal.serving.supervisor import WatchedProcess

FOR_EVER = 3600  # seconds


def test_of_a_killed_process_no_answer_is_waited_for() -> None:
    watched = WatchedProcess(Config("midsync_portal.asgi:application"), [])
    # Just started: alive, and not so far that it answers.
    watched.process = spawn.Process(target=time.sleep, args=(FOR_EVER,))
    watched.start()
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(watched.ping(FOR_EVER)), daemon=True)
    asking.start()
    watched.process.kill()
    asking.join(60)
    watched.kill()
    assert answers == [False]

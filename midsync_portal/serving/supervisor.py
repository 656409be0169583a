"""uvicorn, whose parent process notices at once that one of its processes has died.

uvicorn's parent asks each process in turn whether it lives, and waits for the answer. Of one that
was killed between question and answer it waits for the whole time-out, as it holds the other end of
the pipe itself: meanwhile it starts no other again and hears no SIGTERM. Here it also waits for the
end of the process.
"""

import pickle
from multiprocessing.connection import wait

from uvicorn.main import main
from uvicorn.supervisors import multiprocess


class WatchedProcess(multiprocess.Process):
    """One of the server's processes, as its parent sees it."""

    def _healthcheck(self, timeout: float) -> bool | None:
        """Whether it has started; None if it has died or does not answer within `timeout` s."""
        try:
            self.parent_conn.send(b"ping")
            if self.parent_conn in wait([self.parent_conn, self.process.sentinel], timeout):
                started: bool = self.parent_conn.recv()
                return started
        except (OSError, EOFError, pickle.UnpicklingError):
            pass
        return None


def run() -> None:
    """Run uvicorn's command line with processes of our kind."""
    multiprocess.Process = WatchedProcess  # type: ignore[misc]
    main()


if __name__ == "__main__":
    run()

"""The commands in bin/ and the demo's supervisor, as far as that goes without a whole demo."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from midsync_portal import demo, processes

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("bash", "basename", "cat", "dirname", "env", "id", "mkdir", "rm", "touch")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone that has only bin/ and the requirements, and no .venv."""
    shutil.copytree(ROOT / "bin", tmp_path / "clone" / "bin")
    for file in ROOT.glob("requirements*.txt"):
        shutil.copy(file, tmp_path / "clone")
    return tmp_path / "clone"


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with a few tools of the system and no Python."""
    folder = tmp_path / "path"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


def script(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def run(command: list[str], cwd: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )


def fake_venv(project: Path) -> Path:
    """A .venv that counts as complete: a Python and a stamp for each requirements file."""
    script(project / ".venv/bin/python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for file in project.glob("requirements*.txt"):
        stamp = subprocess.run(
            [
                sys.executable,
                "-c",
                "import hashlib,pathlib,sys;print(hashlib.sha256(pathlib.Path(sys.argv[1])"
                ".read_bytes()).hexdigest(),sys.version.split()[0])",
                str(file),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        (project / ".venv/installed").mkdir(exist_ok=True)
        (project / ".venv/installed" / file.name).write_text(stamp)
    return project / ".venv"


@pytest.mark.parametrize("file", sorted((ROOT / "bin").iterdir()), ids=lambda file: file.name)
def test_every_command_is_valid_shell_and_can_be_run(file: Path) -> None:
    subprocess.run(["bash", "-n", str(file)], check=True)
    assert file.name.startswith("_") or os.access(file, os.X_OK)


def test_setup_without_python_says_so_in_one_sentence(project: Path, bare_path: Path) -> None:
    done = run(["bin/setup"], project, bare_path)
    assert done.returncode == 1
    assert done.stderr.startswith("bin/setup: ")
    assert "Python 3.11 or newer" in done.stderr
    assert done.stderr.count("\n") == 1


def test_setup_passes_over_a_python_that_is_too_old(project: Path, bare_path: Path) -> None:
    script(bare_path / "python3", "#!/bin/bash\nexit 1\n")
    done = run(["bin/setup"], project, bare_path)
    assert "Python 3.11 or newer" in done.stderr
    assert not (project / ".venv").exists()


def test_setup_without_the_venv_module_names_the_package(project: Path, bare_path: Path) -> None:
    script(bare_path / "python3", '#!/bin/bash\n[[ "$*" != *ensurepip* ]]\n')
    done = run(["bin/setup"], project, bare_path)
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (project / ".venv").exists()


def test_a_second_setup_does_nothing_and_needs_no_network(project: Path, bare_path: Path) -> None:
    fake_venv(project)
    for options in ([], ["--demo"], ["--test"], ["--demo", "--test"]):
        done = run(["bin/setup", *options], project, bare_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("damage", ["unfinished", "other requirements", "no python"])
def test_a_venv_that_is_not_whole_is_not_trusted(
    project: Path, bare_path: Path, damage: str
) -> None:
    venv = fake_venv(project)
    if damage == "unfinished":
        (venv / "installed/unfinished").touch()
    elif damage == "no python":
        (venv / "bin/python").unlink()
    else:
        (project / "requirements.txt").write_text("django==1.0\n")
    done = run(["bin/setup"], project, bare_path)
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr  # it set out to make a new one


def test_worker_stops_with_one_sentence_where_a_setting_is_missing() -> None:
    done = subprocess.run(
        [ROOT / "bin/worker"],
        env={"PATH": os.environ["PATH"], "SECRET_KEY": "", "PORTAL_URL": "http://127.0.0.1:8000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "SECRET_KEY" in done.stderr


# --- the demo's folder and ports --------------------------------------------------------------


def listener(port: int = 0) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    return server


def test_a_taken_port_is_replaced_by_the_next_free_one_and_that_is_said() -> None:
    said: list[str] = []
    with listener() as server:
        taken = server.getsockname()[1]
        kept = demo.choose_ports(demo.Kept(), taken, said.append)
    assert kept.port > taken
    assert said == [f"Port {taken} is taken; using {kept.port}."]


def test_the_port_of_the_last_run_is_used_again() -> None:
    said: list[str] = []
    port = processes.free_port()
    kept = demo.choose_ports(demo.Kept(port=port), 0, said.append)
    assert (kept.port, said) == (port, [])


def test_losing_the_port_of_the_last_run_is_said_because_callbacks_name_it() -> None:
    said: list[str] = []
    with listener() as server:
        port = server.getsockname()[1]
        kept = demo.choose_ports(demo.Kept(port=port), 0, said.append)
    assert kept.port != port
    assert f"port {port} will not arrive" in said[1]


def test_portal_and_simulator_never_share_a_port() -> None:
    port = processes.free_port()
    kept = demo.choose_ports(demo.Kept(port=port, simulator_port=port), 0, lambda _: None)
    assert kept.simulator_port != kept.port


def test_keys_outlive_a_run_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    kept = demo.read_kept(tmp_path)
    demo.write_kept(tmp_path, kept)
    assert demo.read_kept(tmp_path) == kept
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert len({kept.secret_key, kept.callback_key, kept.midsync_api_key}) == 3


def test_fresh_demos_have_keys_of_their_own(tmp_path: Path) -> None:
    assert demo.read_kept(tmp_path).secret_key != demo.read_kept(tmp_path).secret_key


@pytest.mark.parametrize("content", ["{", "[]", '{"unknown": 1}'])
def test_unreadable_keys_stop_the_demo_with_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "demo.json").write_text(content)
    with pytest.raises(demo.DemoStopped, match="cannot be read"):
        demo.read_kept(tmp_path)


def test_the_demo_never_talks_to_a_real_midsync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDSYNC_BASE_URL", "https://api.midsync.dev")
    monkeypatch.setenv("MIDSYNC_API_KEY", "a-real-key")
    monkeypatch.setenv("DATABASE_URL", "postgres://production/portal")
    monkeypatch.setenv("DAILY_POINTS_MAX", "1")
    env = demo.environment(tmp_path, demo.Kept(port=8000, simulator_port=8900))
    assert env["MIDSYNC_BASE_URL"] == env["RESULT_ORIGINS_TRUSTED"] == "http://127.0.0.1:8900"
    assert env["DATABASE_URL"] == f"sqlite:///{tmp_path}/portal.sqlite3"
    assert "a-real-key" not in json.dumps(env)
    assert "DAILY_POINTS_MAX" not in env


def test_the_demo_s_callbacks_are_signed_so_that_the_account_s_url_exists(tmp_path: Path) -> None:
    env = demo.environment(tmp_path, demo.Kept(port=8000, simulator_port=8900))
    signature = f"{env['CALLBACK_SIGNATURE']}:{env['CALLBACK_SIGNATURE_SECRET']}"
    assert signature == env["SIMULATOR_SIGNATURE"]
    assert env["SIMULATOR_ACCOUNT_CALLBACK"] == f"{env['PORTAL_URL']}/callbacks/"


def test_two_demos_in_one_folder_are_refused(tmp_path: Path) -> None:
    demo.write_kept(tmp_path, demo.Kept(port=8123))
    with (
        demo.only_one(tmp_path),
        pytest.raises(demo.DemoStopped, match=r"already runs at http://127\.0\.0\.1:8123/"),
    ):
        demo.only_one(tmp_path)


# --- processes --------------------------------------------------------------------------------

FAMILY = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True);"
    "signal.pause()"])
print(child.pid, flush=True)
signal.pause()
"""


def start(tmp_path: Path, code: str) -> processes.Process:
    return processes.Process(
        "child", [sys.executable, "-c", code], os.environ, tmp_path / "child.log", tmp_path
    )


def until_logged(process: processes.Process, word: str) -> list[str]:
    pause = threading.Event()
    while word not in process.log.read_text():
        process.check()
        pause.wait(0.02)
    return process.log.read_text().split()


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_process_that_ends_by_itself_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    process = start(tmp_path, "import sys; print('the disk is full'); sys.exit(3)")
    assert process.wait(30)
    with pytest.raises(processes.ProcessEnded, match=r"child ended by itself \(code 3\)") as gone:
        process.check()
    assert "the disk is full" in str(gone.value)


def test_ending_a_process_ends_its_children_too_even_deaf_ones(tmp_path: Path) -> None:
    process = start(tmp_path, FAMILY)
    child = next(int(word) for word in until_logged(process, "deaf") if word.isdigit())
    processes.end_all([process], seconds=0.2)
    pause = threading.Event()
    while not is_gone(child):  # killed; the system takes it away in its own time
        pause.wait(0.02)
    assert process.wait(0)


def test_ending_what_has_ended_is_fine(tmp_path: Path) -> None:
    process = start(tmp_path, "")
    assert process.wait(30)
    processes.end_all([process])
    process.signal(signal.SIGTERM)


def test_waiting_for_a_server_ends_when_its_process_does(tmp_path: Path) -> None:
    process = start(tmp_path, "import sys; sys.exit('no port for me')")
    with pytest.raises(processes.ProcessEnded, match="no port for me"):
        processes.wait_until_answers(
            f"http://127.0.0.1:{processes.free_port()}/", [process], seconds=30
        )


def test_waiting_for_a_server_is_not_endless_and_says_what_it_saw(tmp_path: Path) -> None:
    process = start(tmp_path, "import signal; signal.pause()")
    try:
        with pytest.raises(processes.ProcessEnded, match="did not come up in 0 s"):
            processes.wait_until_answers(
                f"http://127.0.0.1:{processes.free_port()}/", [process], seconds=0.0
            )
    finally:
        processes.end_all([process])


def test_a_command_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(processes.ProcessEnded, match="no such table"):
        processes.run_to_end(
            [sys.executable, "-c", "import sys; sys.exit('no such table')"], os.environ, tmp_path
        )

"""Coverage-guided fuzzing of what reads MidSync's answers; run by bin/fuzz, not by pytest.

Whatever the bytes are, a reader gives back what it understands, within its limits, and raises
nothing but UnreadableBody.
"""

import argparse
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from midsync_portal.midsync.models_reader import read_models
    from midsync_portal.midsync.reader import UnreadableBody, is_challenge, read_body, read_report
    from midsync_portal.midsync.reader.names import RESULTS_MAX

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "tests" / "payloads"
FOUND = ROOT / "data" / "fuzz"


def report(data: bytes) -> None:
    """A callback's body, read as the inbox reads it."""
    try:
        payload = read_body(data)
    except UnreadableBody:
        return
    said = read_report(payload)
    assert is_challenge(payload) is None or is_challenge(payload)
    assert len(said.video_urls) <= RESULTS_MAX
    assert said.points is None or Decimal(0) <= said.points <= 10**9
    assert said.progress is None or 0 <= said.progress <= 100
    assert said.estimated_seconds is None or 0 < said.estimated_seconds <= 86_400
    assert all(one.isascii() and 0 < len(one) <= 200 for one in said.ids)
    for text in (said.status_word, said.failure_code, said.failure_message):
        text.encode()  # storable: no lone surrogate
        assert "\0" not in text
    assert len(said.failure_message) <= 500


def models(data: bytes) -> None:
    """The list of models, as the catalog reads it."""
    try:
        payload = read_body(data)
    except UnreadableBody:
        return
    for model in read_models(payload):
        model.id.encode()
        assert 0 < len(model.id) <= 100


READERS = {"report": report, "models": models}


def fuzz(name: str, seconds: int) -> int:
    """Fuzz one reader in a process of its own; its exit code."""
    corpus = FOUND / name
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = SEEDS / "models" if name == "models" else SEEDS
    for path in seeds.glob("*.json"):
        shutil.copy(path, corpus)
    command = [sys.executable, "-m", "tests.fuzz.readers", "--fuzz", name, str(corpus)]
    command += [f"-max_total_time={seconds}", "-timeout=5", "-rss_limit_mb=1024"]
    command += [
        "-max_len=8192",
        f"-artifact_prefix={corpus.parent}/{name}-",
        "-print_final_stats=1",
    ]
    done = subprocess.run(command, cwd=ROOT, text=True, stderr=subprocess.PIPE, check=False)
    lines = done.stderr.splitlines()
    executed = [line.split()[-1] for line in lines if "number_of_executed_units" in line]
    coverage = [line for line in lines if " cov: " in line][-1:]
    ended = "0 crashes" if done.returncode == 0 else "a CRASH:\n" + "\n".join(lines[-40:])
    units = (executed or ["?"])[0]
    sys.stdout.write(f"{name}: {units} executions in {seconds} s, {ended}\n")
    sys.stdout.writelines(f"    {line}\n" for line in coverage)
    sys.stdout.flush()
    return done.returncode


def main() -> int:
    """Fuzz the readers that were asked for, one after the other."""
    parser = argparse.ArgumentParser(prog="bin/fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--reader", choices=READERS, help="only this one")
    chosen = parser.parse_args()
    names = [chosen.reader] if chosen.reader else list(READERS)
    return max(fuzz(name, chosen.seconds) for name in names)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fuzz"]:
        atheris.Setup([sys.argv[0], *sys.argv[3:]], READERS[sys.argv[2]])
        atheris.Fuzz()
    sys.exit(main())

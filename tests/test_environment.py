"""Settings from the environment: what is missing or wrong is one sentence that names it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from midsync_portal.environment import Environment, host_is_local, host_is_loopback, origin_of

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "Dockerfile"
COMPLETE = {
    "ENV_FILE": os.devnull,
    "SECRET_KEY": "a-secret-key-of-the-tests-which-is-long-enough-for-every-check",
    "CALLBACK_SIGNING_KEYS": "a-callback-key-of-the-tests-that-is-long-enough",
    "PORTAL_URL": "https://portal.example.com",
    "TRUSTED_PROXIES": "1",
    "MIDSYNC_BASE_URL": "https://api.midsync.example",
    "MIDSYNC_API_KEY": "a-key-of-midsync",
}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    monkeypatch.delenv("ENV_FILE", raising=False)
    return Environment(tmp_path / "no-such-file")


def database(env: Environment, is_pooled: bool = False) -> dict:
    return env.database("ANSWER", Path("x"), is_pooled=is_pooled)


def manage(tmp_path: Path, *command: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run a command of manage.py with complete settings and these in place of some of them."""
    own = {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite3'}"}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *command],
        env=own | COMPLETE | values,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


# --- the readers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("Yes", True), (" on ", True), ("1", True), ("FALSE", False), ("", False)],
)
def test_a_boolean_has_a_few_spellings(env, monkeypatch, text, value):
    monkeypatch.setenv("ANSWER", text)
    assert env.boolean("ANSWER", False) is value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (lambda env: env.boolean("ANSWER", False), "maybe"),
        (lambda env: env.number("ANSWER", 5, minimum=1), "0"),
        (lambda env: env.number("ANSWER", 5, minimum=1), "1.5"),
        (lambda env: env.number("ANSWER", 5, minimum=1), "1_000"),
        (lambda env: env.number("ANSWER", 5, minimum=1), "٣"),
        (lambda env: env.number("ANSWER", 5, minimum=1), "9" * 5000),
        (lambda env: env.seconds("ANSWER", 5), "0"),
        (lambda env: env.seconds("ANSWER", 5), "nan"),
        (lambda env: env.seconds("ANSWER", 5), "a while"),
        (lambda env: env.choice("ANSWER", "a", ("a", "b")), "c"),
        (lambda env: env.token("ANSWER"), "short"),
        (lambda env: env.token("ANSWER"), "sixteen letters and a space"),
        (lambda env: env.token("ANSWER"), "sechzehn-zeichen-für-das-tor"),
        (lambda env: env.sentry_dsn("ANSWER"), "sentry.example.com"),
        (lambda env: env.sentry_dsn("ANSWER"), "https://sentry.example.com/1"),
        (lambda env: env.sentry_dsn("ANSWER"), "https://key@sentry.example.com/"),
        (lambda env: env.sentry_dsn("ANSWER"), "https://key@[half/1"),
        (lambda env: env.rates("ANSWER", "1/m/ip"), "5 a minute"),
        (lambda env: env.rates("ANSWER", "1/m/ip"), "0/m/ip"),
        (lambda env: env.rates("ANSWER", "1/m/ip"), "5/m/ip,5/m/user"),
        (lambda env: env.words("ANSWER", None), " , "),
        (lambda env: env.secret("ANSWER", demo=None), "  "),
        (lambda env: env.origin("ANSWER", None), ""),
        (lambda env: env.origin("ANSWER", None), "portal.example.com"),
        (lambda env: env.origin("ANSWER", None), "ftp://portal.example.com"),
        (lambda env: env.origin("ANSWER", None), "https://portal.example.com/path"),
        (lambda env: env.origin("ANSWER", None), "https://user:word@portal.example.com"),
        (lambda env: env.origin("ANSWER", None), "https://:word@portal.example.com"),
        (lambda env: env.origin("ANSWER", None), "https://portal.example.com?"),
        (lambda env: env.origin("ANSWER", None), "https://portal.example.com#top"),
        (lambda env: env.origin("ANSWER", None), "https://portal example.com"),
        (lambda env: env.origin("ANSWER", None), "https://portal.example.com:99999"),
        (lambda env: env.origin("ANSWER", None), "https://pörtal.example.com"),
        (lambda env: env.origin("ANSWER", None), "https://[::1"),
        (lambda env: env.origin("ANSWER", None), "https://"),
        (database, "mysql://root@localhost/portal"),
        (database, "a database"),
        (database, "postgres://localhost:port/portal"),
        (database, "sqlite:////dev/null/portal.sqlite3"),
        (lambda env: env.postgres_url("ANSWER"), "sqlite:////srv/portal.sqlite3"),
        (lambda env: env.postgres_url("ANSWER"), "host=db"),
        (lambda env: env.postgres_url("ANSWER"), "postgres://db/portal?colour=red"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_setting(env, monkeypatch, read, text):
    monkeypatch.setenv("ANSWER", text)
    with pytest.raises(ImproperlyConfigured) as wrong:
        read(env)
    sentence = str(wrong.value)
    assert sentence.startswith("ANSWER")
    assert sentence.endswith((".", ")."))
    assert "\n" not in sentence


@pytest.mark.parametrize("url", ["https://me:hush@portal.example.com", "http://me:hush@ /"])
def test_a_password_in_a_url_is_not_repeated(env, monkeypatch, url):
    monkeypatch.setenv("ANSWER", url)
    with pytest.raises(ImproperlyConfigured) as wrong:
        env.origin("ANSWER", None)
    assert "hush" not in str(wrong.value)


def test_what_is_not_given_or_empty_is_the_default(env, monkeypatch):
    monkeypatch.setenv("EMPTY", "")
    for name in ("EMPTY", "NOT_GIVEN"):
        assert env.text(name, "default") == "default"
        assert env.number(name, 5, minimum=1) == 5
        assert env.seconds(name, 2.5) == 2.5
        assert env.boolean(name, True) is True
        assert env.words(name, ["a"]) == ["a"]
        assert env.path(name, Path("a")) == Path("a")
        assert env.rates(name, "10/m/ip,5/5m/key") == "10/m/ip,5/5m/key"


@pytest.mark.parametrize("secret", ["$ecret", "$PATH", r"\$x", "a=b#c", "{}", "'"])
def test_a_secret_is_taken_as_it_is(env, monkeypatch, secret):
    monkeypatch.setenv("ANSWER", secret)
    assert env.secret("ANSWER", demo=None) == secret


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://Portal.Example.com/", "https://portal.example.com"),
        ("https://portal.example.com:443", "https://portal.example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[0:0::1]:8000", "http://[::1]:8000"),
        ("http://simulator:8900", "http://simulator:8900"),
    ],
)
def test_an_origin_is_written_as_browsers_do(env, monkeypatch, given, origin):
    monkeypatch.setenv("ANSWER", given)
    assert env.origin("ANSWER", None) == origin
    assert origin_of(given).origin == origin


def test_only_midsyncs_address_may_have_a_path(env, monkeypatch):
    monkeypatch.setenv("ANSWER", "https://gateway.example.com/midsync/")
    assert env.origin("ANSWER", None, path_allowed=True) == "https://gateway.example.com/midsync"


@pytest.mark.parametrize(
    ("host", "is_loopback", "is_local"),
    [
        ("localhost", True, True),
        ("127.0.0.1", True, True),
        ("127.8.8.8", True, True),
        ("::1", True, True),
        ("portal.localhost", True, True),
        ("simulator", False, True),
        ("192.168.1.5", False, True),
        ("box.local", False, True),
        ("8.8.8.8", False, False),
        ("portal.example.com", False, False),
        ("localhost.example.com", False, False),
    ],
)
def test_which_hosts_are_near(host, is_loopback, is_local):
    assert host_is_loopback(host) is is_loopback
    assert host_is_local(host) is is_local


def test_a_sqlite_database_survives_power_loss_and_makes_its_folder(env, monkeypatch, tmp_path):
    monkeypatch.setenv("ANSWER", f"sqlite:///{tmp_path}/new/portal.sqlite3")
    config = database(env)
    assert (tmp_path / "new").is_dir()
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in config["OPTIONS"]["init_command"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "psql"])
def test_a_postgresql_database_commits_durably_and_never_waits_for_ever(env, monkeypatch, scheme):
    monkeypatch.setenv("ANSWER", f"{scheme}://me:p%40ss@db.example.com:5433/portal")
    config = database(env)
    assert (config["HOST"], config["PASSWORD"], config["CONN_HEALTH_CHECKS"]) == (
        "db.example.com",
        "p@ss",
        True,
    )
    for option in ("statement_timeout", "lock_timeout", "synchronous_commit=on"):
        assert option in config["OPTIONS"]["options"]


@pytest.mark.parametrize("is_pooled", [True, False])
def test_nothing_is_prepared_behind_a_pooler(env, monkeypatch, is_pooled):
    monkeypatch.setenv("ANSWER", "postgres://me@db.example.com/portal")
    options = database(env, is_pooled)["OPTIONS"]
    assert (options["prepare_threshold"] is None) is is_pooled


# --- the file ---------------------------------------------------------------------------------


def test_the_environment_wins_over_the_file(monkeypatch, tmp_path):
    for name in ("FROM_FILE", "FROM_BOTH"):  # restored afterwards, whatever the file sets
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.delenv("ENV_FILE", raising=False)
    monkeypatch.setenv("FROM_BOTH", "environment")
    file = tmp_path / ".env"
    file.write_text("# a comment\nFROM_FILE='in quotes'\nFROM_BOTH=file\n")
    env = Environment(file)
    assert env.text("FROM_FILE", None) == "in quotes"
    assert env.text("FROM_BOTH", None) == "environment"


def test_a_file_that_is_no_text_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("ENV_FILE", raising=False)
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ImproperlyConfigured, match=r"\.env cannot be read as text"):
        Environment(tmp_path / ".env")


# --- the whole of them ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in COMPLETE if name != "ENV_FILE"])
def test_a_missing_setting_is_one_sentence_at_start(tmp_path, name):
    done = manage(tmp_path, "migrate", **{name: ""})
    assert done.returncode == 2
    assert name in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("PORTAL_URL", {"PORTAL_URL": "http://portal.example.com"}),
        ("PORTAL_URL", {"PORTAL_URL": "http://192.168.1.5:8000"}),
        ("MIDSYNC_BASE_URL", {"MIDSYNC_BASE_URL": "http://api.midsync.example"}),
        ("RESULT_ORIGINS_TRUSTED", {"RESULT_ORIGINS_TRUSTED": "http://127.0.0.1:8900"}),
        ("MIDSYNC_SEND_LEASE", {"MIDSYNC_SEND_LEASE": "60"}),
        ("CALLBACK_SIGNATURE", {"CALLBACK_SIGNATURE": "rot13"}),
        ("CALLBACK_SIGNATURE_SECRET", {"CALLBACK_SIGNATURE": "hmac"}),
        ("LOG_LEVEL", {"LOG_LEVEL": "LOUD"}),
        ("LOG_FORMAT", {"LOG_FORMAT": "xml"}),
        ("METRICS_TOKEN", {"METRICS_TOKEN": "short"}),
        ("CALLBACK_SIGNING_KEYS", {"CALLBACK_SIGNING_KEYS": "a-key-that-is-long-enough,short"}),
        ("SECRET_KEY", {"DEBUG": "true", "SECRET_KEY": ""}),  # what everybody knows signs nothing
        ("CALLBACK_SIGNING_KEYS", {"DEBUG": "true", "CALLBACK_SIGNING_KEYS": ""}),
        ("SECRET_KEY", {"DEBUG": "true", "SECRET_KEY": "", "PORTAL_URL": "http://192.168.1.5"}),
        ("SENTRY_DSN", {"SENTRY_DSN": "https://sentry.example.com/1"}),
        ("LOGIN_FAILED_RATE", {"LOGIN_FAILED_RATE": "often"}),
        ("EMAIL_BACKEND", {"EMAIL_BACKEND": "no.such.Backend"}),
        ("ALLOWED_HOSTS", {"ALLOWED_HOSTS": "other.example.com"}),
        ("DATABASE_URL", {"DATABASE_URL": "oracle://me@db/portal"}),
        ("LISTEN_DATABASE_URL", {"LISTEN_DATABASE_URL": "postgres://me@db/portal"}),  # on SQLite
    ],
)
def test_a_wrong_setting_is_one_sentence_at_start(tmp_path, name, values):
    done = manage(tmp_path, "migrate", **values)
    assert done.returncode == 2
    assert name in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:8000"])
def test_plain_http_is_for_this_machine(tmp_path, url):
    assert manage(tmp_path, "check", PORTAL_URL=url).returncode == 0


def test_plain_http_elsewhere_is_for_development(tmp_path):
    values = {"PORTAL_URL": "http://192.168.1.5:8000", "DEBUG": "true"}
    assert manage(tmp_path, "check", **values).returncode == 0


def test_with_debug_nothing_has_to_be_given(tmp_path):
    values = dict.fromkeys(COMPLETE, "") | {"ENV_FILE": os.devnull, "DEBUG": "true"}
    assert manage(tmp_path, "check", **values).returncode == 0


def test_the_image_is_built_with_settings_that_will_do(tmp_path):
    (line,) = re.findall(r"^RUN SECRET_KEY.*?collectstatic", DOCKERFILE.read_text(), re.S | re.M)
    names = dict(re.findall(r"(\w+)=(\S+)", line))
    nothing = dict.fromkeys(COMPLETE, "") | {"ENV_FILE": os.devnull}
    names |= {"DATABASE_URL": f"sqlite:///{tmp_path / 'build.sqlite3'}"}
    done = manage(tmp_path, "check", **nothing | names)
    assert done.returncode == 0, done.stderr


def test_complete_settings_with_https_leave_nothing_to_say(tmp_path):
    mail = {"EMAIL_HOST": "mail.example.com"}
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **mail)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_mail_server_it_is_said_where_links_for_passwords_go(tmp_path):
    done = manage(tmp_path, "check")
    assert done.returncode == 0
    assert "EMAIL_HOST is not set" in done.stderr
    assert "EMAIL_HOST" not in manage(tmp_path, "check", PORTAL_URL="http://127.0.0.1").stderr

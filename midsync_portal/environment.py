"""Strict readers of environment variables; each refuses a wrong value in one sentence."""

import ipaddress
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
RATE = re.compile(r"[1-9][0-9]*/[0-9]*[smhd]/(ip|key)")


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port of a URL, and the three together in the browser's spelling."""

    scheme: str
    hostname: str | None
    port: int | None
    origin: str


def origin_of(url: str) -> Origin:
    """The origin of an http(s) URL. Raises ValueError where it has none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an http(s) URL")
    if ":" in parts.hostname:
        host = f"[{ipaddress.IPv6Address(parts.hostname)}]"
    elif HOST_NAME.fullmatch(parts.hostname):
        host = parts.hostname
    else:
        raise ValueError("not the name of a host")
    default_port = 443 if parts.scheme == "https" else 80
    port = f":{parts.port}" if parts.port and parts.port != default_port else ""
    return Origin(parts.scheme, parts.hostname, parts.port, f"{parts.scheme}://{host}{port}")


def host_is_local(host: str) -> bool:
    """Whether a host name can only be on this machine or in this private network."""
    if host == "localhost" or ("." not in host and ":" not in host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.endswith((".localhost", ".local", ".internal"))
    return address.is_loopback or address.is_private


def host_is_loopback(host: str) -> bool:
    """Whether a host name can only be this very machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Environment:
    """The process's environment, completed from a file of NAME=value lines where there is one.

    What the environment itself says wins over the file; ENV_FILE names another file than
    `env_file`. An empty value counts as not given.
    """

    def __init__(self, env_file: Path) -> None:
        file = Path(os.environ.get("ENV_FILE") or env_file)
        try:
            if file.is_file():
                environ.Env.read_env(str(file))
        except (OSError, UnicodeDecodeError):
            raise ImproperlyConfigured(f"{file} cannot be read as text.") from None

    def _read(self, name: str, default: Any) -> str:
        # Not by django-environ, which takes a value that begins with $ for another's name.
        value = os.environ.get(name, "").strip()
        if value == "" and default is None:
            raise ImproperlyConfigured(f"{name} is missing: set it in the environment or in .env.")
        return value

    def text(self, name: str, default: str | None) -> str:
        """A string; required where the default is None."""
        return self._read(name, default) or default or ""

    def choice(self, name: str, default: str, choices: Collection[str]) -> str:
        """One of a few words."""
        value = self.text(name, default)
        if value not in choices:
            raise ImproperlyConfigured(
                f"{name} must be one of {', '.join(choices)}, not {value!r}."
            )
        return value

    def secret(self, name: str, demo: str | None) -> str:
        """A string that must be set, except where a demo value is given (DEBUG)."""
        return self.text(name, demo)

    def token(self, name: str) -> str:
        """A secret of at least 16 visible characters; may be left out."""
        value = self.text(name, "")
        if value and (len(value) < 16 or not value.isascii() or " " in value):
            raise ImproperlyConfigured(
                f"{name} must have at least 16 characters, all of them visible ASCII."
            )
        return value

    def sentry_dsn(self, name: str) -> str:
        """The address that Sentry gives a project, key included; may be left out."""
        value = self.text(name, "")
        try:
            parts = urlsplit(value)
            project = parts.path.rpartition("/")[2]
            is_whole = all((parts.scheme in ("http", "https"), parts.hostname, parts.username))
            is_whole = is_whole and project.isdigit()
        except ValueError:
            is_whole = False
        if value and not is_whole:
            raise ImproperlyConfigured(f"{name} must be a DSN such as https://key@host/1.")
        return value

    def boolean(self, name: str, default: bool) -> bool:
        """true/false, yes/no, on/off, 1/0."""
        match self._read(name, default).lower():
            case "":
                return default
            case "true" | "yes" | "on" | "1":
                return True
            case "false" | "no" | "off" | "0":
                return False
            case other:
                raise ImproperlyConfigured(f"{name} must be true or false, not {other!r}.")

    def number(self, name: str, default: int, minimum: int) -> int:
        """A whole number that is not below the minimum."""
        value = self._read(name, default)
        if value and not WHOLE_NUMBER.fullmatch(value):
            raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.")
        number = int(value) if value else default
        if number < minimum:
            raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {number}.")
        return number

    def seconds(self, name: str, default: float) -> float:
        """A positive number of seconds; fractions are allowed."""
        value = self._read(name, default)
        try:
            number = float(value) if value else float(default)
        except ValueError:
            number = -1.0
        if not 0 < number < 10**9:
            raise ImproperlyConfigured(f"{name} must be a number of seconds, not {value!r}.")
        return number

    def words(self, name: str, default: list[str] | None) -> list[str]:
        """Comma-separated words; required where the default is None."""
        value = self._read(name, default)
        words = [word.strip() for word in value.split(",") if word.strip()]
        if not words and default is None:
            raise ImproperlyConfigured(f"{name} is missing: set it in the environment or in .env.")
        return words or list(default or [])

    def rates(self, name: str, default: str) -> str:
        """Limits such as 10/m/ip,5/5m/key: how many in how long, per address or per account."""
        value = self.text(name, default)
        if not all(RATE.fullmatch(rate.strip()) for rate in value.split(",")):
            raise ImproperlyConfigured(
                f"{name} must be limits such as 10/m/ip,5/5m/key, not {value!r}."
            )
        return value

    def path(self, name: str, default: Path) -> Path:
        """A path of the file system."""
        return Path(self._read(name, str(default)) or default)

    def origin(self, name: str, default: str | None, path_allowed: bool = False) -> str:
        """An http(s) URL without its final slash; only an origin unless a path is allowed."""
        value = self.text(name, default).rstrip("/")
        try:
            parts = urlsplit(value)
            plain = origin_of(value).origin
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} must be an http(s) URL such as https://example.com."
            ) from None
        if set(value) & set("@?#") or (parts.path and not path_allowed):
            raise ImproperlyConfigured(f"{name} must be a plain URL such as {plain}.")
        return plain + parts.path

    def postgres_url(self, name: str) -> str:
        """The URL of a PostgreSQL database as its own programs read it; may be left out."""
        url = self.text(name, "")
        if url:
            import psycopg.conninfo  # here, because SQLite needs none of it

            try:
                if not url.startswith(("postgres://", "postgresql://")):
                    raise psycopg.ProgrammingError
                psycopg.conninfo.conninfo_to_dict(url)
            except psycopg.Error:
                raise ImproperlyConfigured(
                    f"{name} must be postgres://user:password@host/name."
                ) from None
        return url

    def database(self, name: str, default_file: Path, *, is_pooled: bool) -> dict[str, Any]:
        """Django's settings of the database, with the options that our promises need.

        `is_pooled`: whether a pooler stands before PostgreSQL, so that one statement and the next
        may reach different connections; else statements may be prepared.
        """
        url = self.text(name, "")
        try:
            config = environ.Env.db_url_config(url or f"sqlite:///{default_file}")
        except Exception:  # django-environ raises whatever the parts of the URL provoke
            config = {}
        engine = config.get("ENGINE", "")
        if engine.endswith("sqlite3"):
            if config["NAME"] != ":memory:":
                folder = Path(config["NAME"]).parent
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                except OSError:
                    raise ImproperlyConfigured(
                        f"{name}: the folder {folder} is not there and cannot be made."
                    ) from None
            return {
                **config,
                "ENGINE": "midsync_portal.sqlite",
                # A charged task must survive power loss (FULL); writers queue instead of failing
                # with "database is locked" (IMMEDIATE); readers never wait (WAL).
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
                },
                "CONN_MAX_AGE": None,
            }
        if "postgres" in engine or "psycopg" in engine:
            return {
                **config,
                "ENGINE": "django.db.backends.postgresql",
                "CONN_MAX_AGE": 60,
                "CONN_HEALTH_CHECKS": True,
                "OPTIONS": {
                    **config.get("OPTIONS", {}),
                    "prepare_threshold": None if is_pooled else 2,  # see `models.rows`
                    "options": "-c statement_timeout=15000 -c lock_timeout=5000 "
                    "-c idle_in_transaction_session_timeout=30000 -c synchronous_commit=on",
                },
            }
        raise ImproperlyConfigured(
            f"{name} must be a sqlite:///… or postgres://… URL (SQLite or PostgreSQL)."
        )

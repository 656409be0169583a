"""The catalogs of translations: what is to be translated, kept in step with the sources.

`bin/translations` collects the sentences of the portal into locale/*/LC_MESSAGES/django.po, says
what has no translation, and compiles. It needs no gettext of the system. The admin and the
simulator speak English only.
"""

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.template.base import Lexer, TokenType
from django.utils.translation import templatize, to_locale

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("ja", "zh-hant")
ENGLISH_ONLY = (
    "midsync_portal/admin",
    "midsync_portal/admin_site.py",
    "midsync_portal/figures",
    "midsync_portal/management",
    "midsync_portal/migrations",
    "midsync_portal/models/failures.py",
    "midsync_portal/models/catalog.py",
    "midsync_portal/simulator",
    "midsync_portal/templatetags/support.py",
    "midsync_portal/worklists.py",
    "templates/admin",
    "templates/simulator",
)
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
VISIBLE = {
    "alt", "aria-label", "placeholder", "title", "data-copied", "data-failed", "data-lost",
    "data-paused", "data-ready", "data-running", "data-says", "data-unreachable", "data-allow",
    "data-minutes", "data-seconds", "data-hello",
}  # fmt: skip
FIRST_MADE = datetime(2026, 11, 25, tzinfo=UTC)
WORD = re.compile(r"[A-Za-z]{2,}")


def sources() -> Iterator[Path]:
    """Every Python file and template with sentences for customers."""
    for path in [*ROOT.glob("midsync_portal/**/*.py"), *ROOT.glob("templates/**/*.*")]:
        name = path.relative_to(ROOT).as_posix()
        if not any(name == left or name.startswith(left + "/") for left in ENGLISH_ONLY):
            yield path


def collected() -> Catalog:
    """The sentences as they are in the sources."""
    catalog = Catalog(project="Midsync Portal", fuzzy=False)
    for path in sorted(sources()):
        name, text = path.relative_to(ROOT).as_posix(), path.read_text()
        if path.suffix != ".py":
            text = re.sub(r"^[ \t]+", "", templatize(text, origin=name), flags=re.MULTILINE)
        for _, message, _, context in extract("python", io.BytesIO(text.encode()), KEYWORDS):
            catalog.add(message, locations=[(name, 1)], context=context)
    return catalog


def path_of(language: str) -> Path:
    """The file of a language's translations."""
    return ROOT / "locale" / to_locale(language) / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """The translations as they are."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=to_locale(language))


def compiled(catalog: Catalog) -> bytes:
    """The catalog as Django reads it."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def update(language: str) -> Catalog:
    """Take new sentences in, drop those that are gone, compile; the new catalog."""
    path = path_of(language)
    if path.exists():
        catalog = read(language)
    else:
        catalog = Catalog(locale=to_locale(language), project="Midsync Portal", fuzzy=False)
        path.parent.mkdir(parents=True, exist_ok=True)
    catalog.update(collected(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.creation_date = FIRST_MADE  # a second run changes nothing
    catalog.header_comment = f"# Midsync Portal in {catalog.locale.english_name}."
    with path.open("wb") as file:
        write_po(file, catalog, no_location=True, sort_output=True, width=100, ignore_obsolete=True)
    path.with_suffix(".mo").write_bytes(compiled(read(language)))
    return catalog


class _Words(HTMLParser):
    """Finds the words that a page shows, and those in attributes that are read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script", "svg")
        self.found += [value for name, value in attrs if name in VISIBLE and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script", "svg")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data)


def unmarked(path: Path) -> list[str]:
    """Words of a template that nothing marks as to be translated."""
    parts, inside = [], False
    for token in Lexer(path.read_text()).tokenize():
        if token.token_type == TokenType.BLOCK:
            inside = token.contents.startswith("blocktranslate") or (
                inside and not token.contents.startswith("endblocktranslate")
            )
        elif token.token_type == TokenType.TEXT and not inside:
            parts.append(token.contents)
    words = _Words()
    words.feed("".join(parts))
    return [text.strip() for text in words.found if WORD.search(text)]


def main() -> int:
    """Update both catalogs; say what is still to be done."""
    for path in sorted(sources()):
        if path.suffix != ".py":
            for text in unmarked(path):
                sys.stdout.write(f"not marked: {path.relative_to(ROOT)}: {text[:80]}\n")
    for language in LANGUAGES:
        catalog = update(language)
        missing = [message.id for message in catalog if message.id and not message.string]
        sys.stdout.write(f"{language}: {len(catalog)} sentences, {len(missing)} not translated\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Every sentence for customers is there in every language."""

import re

import pytest

from tests.catalogs import LANGUAGES, ROOT, collected, compiled, path_of, read, sources, unmarked

# What is the same in every language.
SAME = {"%(hours)s %(minutes)s"}
PLACE = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
# Words of a template that are names, or that nobody reads.
NAMES = {
    "Midsync Portal",
    "· Midsync Portal",
    "UTC",
    "https://…",
    'aria-invalid="true" aria-describedby="-error -help -count"',
}


@pytest.fixture(scope="module")
def wanted():
    return {(message.context, message.id) for message in collected() if message.id}


@pytest.mark.parametrize(
    "path", [path for path in sources() if path.suffix != ".py"], ids=lambda path: path.name
)
def test_no_word_of_a_template_is_unmarked(path):
    assert [text for text in unmarked(path) if text not in NAMES] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_missing_and_nothing_is_left_over(language, wanted):
    assert {(message.context, message.id) for message in read(language) if message.id} == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated(language):
    for message in read(language):
        if not message.id:
            continue
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        assert all(texts), f"{message.id} is not translated"
        assert not message.fuzzy, f"{message.id} is in doubt"
        for text in texts:
            assert text not in sources or text in SAME, f"{text} is not translated"
            # One of the plural forms says which values belong into all of them.
            assert set(PLACE.findall(text)) in [set(PLACE.findall(each)) for each in sources]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_django_reads_is_what_was_translated(language):
    path = path_of(language)
    assert path.with_suffix(".mo").read_bytes() == compiled(read(language)), (
        f"run bin/translations: {path.relative_to(ROOT)} has changed"
    )

"""The documents: what they show is there, and what they tell people to type is understood."""

import re
from pathlib import Path

import pytest

from midsync_portal.simulator.scenarios import Scenario, words_in

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PICTURE_MAX = 120_000  # bytes


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_what_a_document_links_to_is_there(document):
    text = document.read_text()
    for target in re.findall(r"\]\(([^)#]+)|src=\"([^\"]+)\"", text):
        path = "".join(target)
        assert "://" in path or (document.parent / path).exists(), path


def test_each_picture_is_shown_somewhere_and_small():
    shown = "".join(document.read_text() for document in DOCUMENTS)
    pictures = list((ROOT / "docs" / "pictures").iterdir())
    assert pictures
    for picture in pictures:
        assert f"pictures/{picture.name}" in shown
        assert picture.stat().st_size < PICTURE_MAX, picture.name


def test_the_ten_cases_of_support_name_words_that_the_simulator_knows():
    cases = re.findall(r"^### (\d+)\. .+?$(.+?)(?=^##)", _handbook(), re.M | re.S)
    assert [int(number) for number, _ in cases] == list(range(1, 11))
    words = {word for _, text in cases for line in _code(text) for word in words_in(line)}
    assert words
    assert words <= {str(one) for one in Scenario}


def _handbook() -> str:
    return (ROOT / "docs" / "support.md").read_text()


def _code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)

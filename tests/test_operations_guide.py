"""docs/operations.md explains every reason of a review and every word of `/readyz`."""

import ast
import re
from pathlib import Path

import pytest

from midsync_portal.operations import NOT_READY

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "operations.md").read_text()
TREES = {
    path: ast.parse(path.read_text())
    for path in (ROOT / "midsync_portal").rglob("*.py")
    if "simulator" not in path.parts
}
CONSTANTS = {
    target.id: node.value.value
    for tree in TREES.values()
    for node in tree.body
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    for target in node.targets
    if isinstance(target, ast.Name)
}


def calls(name, among=TREES):
    """The first argument of every call of a function or method of this name, and its module."""
    for tree in among.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args:
                called = node.func
                if getattr(called, "attr", getattr(called, "id", "")) == name:
                    yield tree, node.args[0]


def texts_of(tree, value):
    """What an argument may say: a text, a constant's text, or what a function may return."""
    if isinstance(value, ast.Constant):
        return [value.value]
    assert isinstance(value, ast.Name), f"say it as a constant: {ast.unparse(value)}"
    if value.id in CONSTANTS:
        return [CONSTANTS[value.id]]
    asked = next(
        node.value.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.NamedExpr) and node.target.id == value.id
    )
    function = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == asked
    )
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return [text.value for text in returned if text.value]


REASONS = sorted({text for tree, value in calls("flag") for text in texts_of(tree, value)})
OPERATIONS = {path: tree for path, tree in TREES.items() if path.name == "operations.py"}
WORDS = sorted(
    {text for tree, value in calls("Problem", OPERATIONS) for text in texts_of(tree, value)}
)


def test_the_reasons_and_words_are_found():
    assert len(REASONS) >= 10
    assert {"worker", "paused", "breaker", "trouble", "deliveries"} <= set(WORDS)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_a_review_is_explained(reason):
    assert f"| {reason} |" in GUIDE


@pytest.mark.parametrize("word", sorted({*WORDS, *NOT_READY}))
def test_every_word_of_readyz_is_explained_with_its_status(word):
    (row,) = re.findall(rf"^\| `{word}` \| (.*?) \|", GUIDE, re.M)
    assert row == ("503" if word in NOT_READY else "200, degraded")


def test_every_setting_that_the_guide_names_exists():
    known = (ROOT / ".env.example").read_text()
    for name in set(re.findall(r"`([A-Z][A-Z_]+_[A-Z_]+)`", GUIDE)):
        assert f"{name}=" in known, name

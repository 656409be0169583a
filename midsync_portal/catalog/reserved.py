"""Names that the page sends beside a model's own fields; no field can have one of them."""

CONTROL_FIELDS = frozenset(
    {
        "csrfmiddlewaretoken", "submit_key", "model", "fields-of", "quote_key", "confirm", "again",
        "quote", "generate", "update", "add", "remove", "move", "next", "based_on", "fresh",
        "compare", "portal_team",
    }
)  # fmt: skip
# What belongs to one rendering of the form or to one press, not to what was typed into it.
NOT_KEPT = frozenset(
    {
        "csrfmiddlewaretoken", "submit_key", "quote_key", "confirm", "again", "quote", "generate",
        "update", "next", "fresh", "compare", "portal_team",
    }
)  # fmt: skip
KEPT = "kept-"  # values of fields that are not shown now
WAS = "was-"  # beside each box: it was shown, and this was its default then
PREFIXES = (KEPT, WAS)


def is_reserved(name: str) -> bool:
    """Whether the page itself sends something under this name."""
    return name in CONTROL_FIELDS or name.startswith(PREFIXES)

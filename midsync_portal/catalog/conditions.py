"""Conditions over the values of a form: the small vocabulary in which the rules are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Values = Mapping[str, Any]


class Condition(Protocol):
    """Something that holds, or does not, for the values given so far."""

    def holds(self, values: Values) -> bool:
        """Whether it holds for these values (typed, by name; absent means not given)."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """The field has a value; for a yes/no field: it says yes."""

    name: str

    def holds(self, values: Values) -> bool:
        """Whether the field has a value."""
        return values.get(self.name) not in (None, "", False, (), [])


@dataclass(frozen=True, slots=True)
class Is:
    """The field has one of these values; 10, "10" and 10.0 are the same."""

    name: str
    values: tuple[str | int, ...]

    def __init__(self, name: str, *values: str | int) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", values)

    def holds(self, values: Values) -> bool:
        """Whether the value is one of them."""
        value = values.get(self.name)
        return value is not None and str(value) in map(str, self.values)


@dataclass(frozen=True, slots=True)
class Count:
    """The list has at least `least` and at most `most` entries."""

    name: str
    least: int
    most: int

    def holds(self, values: Values) -> bool:
        """Whether the number of entries is in the range."""
        return self.least <= len(values.get(self.name) or ()) <= self.most


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold."""

    condition: Condition

    def holds(self, values: Values) -> bool:
        """Whether the condition fails."""
        return not self.condition.holds(values)


@dataclass(frozen=True, slots=True)
class All:
    """All of the conditions hold."""

    conditions: tuple[Condition, ...]

    def __init__(self, *conditions: Condition) -> None:
        object.__setattr__(self, "conditions", conditions)

    def holds(self, values: Values) -> bool:
        """Whether none fails."""
        return all(condition.holds(values) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the conditions holds."""

    conditions: tuple[Condition, ...]

    def __init__(self, *conditions: Condition) -> None:
        object.__setattr__(self, "conditions", conditions)

    def holds(self, values: Values) -> bool:
        """Whether one holds."""
        return any(condition.holds(values) for condition in self.conditions)

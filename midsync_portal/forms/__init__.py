"""The form of one order: its fields and its rules come from the catalog."""

from .generation import CONTROL_FIELDS, GenerationForm
from .shown import Dropped, ShownField, ShownInput, ShownOption, ShownRow

__all__ = [
    "CONTROL_FIELDS",
    "Dropped",
    "GenerationForm",
    "ShownField",
    "ShownInput",
    "ShownOption",
    "ShownRow",
]

"""The γ that a method tries: a named grid, numbers of the user's own, or one fixed number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nudge_core.errors import InputError

PAPER = tuple(0.02 * step for step in range(25))
FINE = tuple(0.005 * step for step in range(201))
ANGLES = tuple(2 - 2 * math.cos(math.radians(3.75 * step)) for step in range(17))
"""Turns of 0, 3.75, …, 60 degrees: dense where γ is small. As good as FINE on real data, with a twelfth of the γ."""


def parse(given: Any, named: Mapping[str, tuple[float, ...] | str], largest: float) -> Any:
    """A float (fixed), a tuple of floats (tried), or the name of something else that a method knows.

    Raises:
        InputError: Not a number, below zero, above `largest`, an empty list or an unknown name.
    """
    allowed = f"a number from 0 to {largest:g}, several of them, or one of {', '.join(map(repr, named))}"
    if isinstance(given, str):
        if given not in named:
            raise InputError(f"gammas is {given!r}; expected {allowed}")
        return named[given]
    values = tuple(given) if isinstance(given, Sequence) or hasattr(given, "__iter__") else (given,)
    for value in values:
        if (
            isinstance(value, bool)
            or not hasattr(value, "__float__")
            or not 0 <= float(value) <= largest
            or math.isnan(float(value))
        ):
            raise InputError(f"gammas holds {value!r}; expected {allowed}")
    if not values:
        raise InputError(f"gammas is empty; expected {allowed}")
    return (
        float(values[0])
        if not isinstance(given, Sequence) and not hasattr(given, "__iter__")
        else tuple(map(float, values))
    )


def tried(gammas: Any) -> tuple[float, ...]:
    """All γ to try."""
    return (gammas,) if isinstance(gammas, float) else tuple(gammas)

"""Numbers that a method takes: one, or several of which questions held out choose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from nudge_core.errors import InputError


def one(name: str, value: Any, least: float, most: float, *, whole: bool = False) -> float:
    """A number within its limits.

    Raises:
        InputError: It is none, or outside.
    """
    good = not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    if not good or not least <= value <= most or (whole and value != int(value)):
        raise InputError(
            f"{name} is {value!r}; expected a {'whole ' if whole else ''}number from {least:g} to {most:g}"
        )
    return float(value)


def numbers(name: str, given: float | Sequence[float], least: float, most: float) -> tuple[float, ...]:
    """One number or several, as a tuple.

    Raises:
        InputError: None is given, or one is no number or outside the limits.
    """
    plain: Any = np.asarray(given).tolist() if hasattr(given, "tolist") else given
    values = tuple(plain) if isinstance(plain, Sequence) and not isinstance(plain, str) else (plain,)
    if not values:
        raise InputError(f"{name} is empty; expected a number from {least:g} to {most:g}, or several")
    return tuple(one(name, value, least, most) for value in values)

"""Numbers that a method takes: one, or several of which validation questions choose; and the grids of γ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from nudge_core.errors import InputError

PAPER = tuple(0.02 * step for step in range(25))
FINE = tuple(0.005 * step for step in range(201))
ANGLES = tuple(2 - 2 * math.cos(math.radians(3.75 * step)) for step in range(17))
"""Turns of 0, 3.75, …, 60 degrees: dense where γ is small. As good as FINE on real data, with a twelfth of the γ."""


def one(name: str, value: Any, least: float, most: float, *, whole: bool = False) -> float:
    """A number within its limits."""
    good = not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    if not good or not least <= value <= most or (whole and value != int(value)):
        raise InputError(
            f"{name} is {value!r}; expected a {'whole ' if whole else ''}number from {least:g} to {most:g}"
        )
    return float(value)


def numbers(name: str, given: float | Sequence[float], least: float, most: float) -> tuple[float, ...]:
    """One number or several, as a tuple."""
    plain: Any = np.asarray(given).tolist() if hasattr(given, "tolist") else given
    values = tuple(plain) if isinstance(plain, Sequence) and not isinstance(plain, str) else (plain,)
    if not values:
        raise InputError(f"{name} is empty; expected a number from {least:g} to {most:g}, or several")
    return tuple(one(name, value, least, most) for value in values)


def set_numbers(method: object, **limits: tuple[float, float]) -> None:
    """Make tuples of the options of a frozen method: of each one number or several, within its limits."""
    for name, (least, most) in limits.items():
        object.__setattr__(method, name, numbers(name, getattr(method, name), least, most))


def parse_gammas(given: Any, named: Mapping[str, tuple[float, ...] | str], largest: float) -> Any:
    """A float (fixed), a tuple of floats (tried), or the name of something else that a method knows."""
    allowed = f"a number from 0 to {largest:g}, several of them, or one of {', '.join(map(repr, named))}"
    if isinstance(given, str):
        if given not in named:
            raise InputError(f"gammas is {given!r}; expected {allowed}")
        return named[given]
    several = isinstance(given, Sequence) or hasattr(given, "__iter__")
    values = tuple(given) if several else (given,)
    for value in values:
        number = not isinstance(value, bool) and hasattr(value, "__float__")
        if not number or not 0 <= float(value) <= largest:
            raise InputError(f"gammas holds {value!r}; expected {allowed}")
    if not values:
        raise InputError(f"gammas is empty; expected {allowed}")
    return tuple(map(float, values)) if several else float(values[0])

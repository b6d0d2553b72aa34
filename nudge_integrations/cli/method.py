"""From the options of `nudge tune` to a method."""

from __future__ import annotations

from typing import Any

from nudge_core import Auto, Contrastive, LinearMap, NudgeM, NudgeN
from nudge_core.errors import InputError
from nudge_core.methods.base import Method
from nudge_integrations.cli.options import MethodName


def method_of(name: MethodName, gamma: list[float] | None, fine: bool, validate: str | None) -> Method:
    """The method that the options speak of.

    Raises:
        InputError: Options that do not go together.
    """
    if fine and (gamma or name is not MethodName.n):
        raise InputError("--fine is a grid of γ for nudge-n: leave out --gamma, or give all γ with --gamma")
    if gamma and name not in (MethodName.n, MethodName.m):
        raise InputError(
            f"--gamma bounds the moves of nudge-n and nudge-m; {name.value} chooses settings of its own: leave it out"
        )
    given: Any = None if not gamma else gamma[0] if len(gamma) == 1 else gamma
    by: Any = {} if validate is None else {"measure": validate}
    if name is MethodName.n:
        return NudgeN(("fine" if fine else "paper") if given is None else given, **by)
    if name is MethodName.m:
        return NudgeM("exact" if given is None else given, **by)
    if name is MethodName.contrastive:
        return Contrastive(**by)
    if name is MethodName.linear_map:
        return LinearMap(**by)
    return Auto(allow_map=name is MethodName.auto_map, **by)

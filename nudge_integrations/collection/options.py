"""The method of a nudge: the one that is given, else `Auto`; and whether it may move documents that have no labels."""

from __future__ import annotations

from dataclasses import replace

from nudge_core import Auto
from nudge_core.arguments import expect
from nudge_core.errors import InputError
from nudge_core.methods.base import Method


def chosen_method(method: Method | None, measure: str | None, *, allow_map: bool) -> Method:
    """The method, with another measure if one is given.

    Args:
        method: The one that is given; `Auto` without.
        measure: By what its setting is chosen, in place of the measure that it has.
        allow_map: Whether `Auto` may map all documents where no method is given.

    Raises:
        InputError: No method, an unknown measure, or an `allow_map` that is neither True nor False.
    """
    expect(allow_map, bool, "allow_map", "True lets a method move every document")
    method = Auto(allow_map=allow_map) if method is None else method
    expect(method, Method, "method", "for example method=Auto()")
    method = method if measure is None else replace(method, measure=measure)  # type: ignore[type-var]
    _ = method.validation  # an unknown measure is refused here
    return method


def check_map(method: Method, *, allow_map: bool) -> None:
    """Refuse a method that maps all documents where that is not allowed.

    Raises:
        InputError: It does.
    """
    if not allow_map and any(steps.maps for chain in method.chains for steps in chain):
        raise InputError(
            f"{method!r} moves every document, so the whole collection would be written anew: allow it with allow_map=True, or use "
            "Contrastive() or Auto(), which move labelled documents only"
        )

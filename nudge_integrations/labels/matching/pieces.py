"""Which chunks are the pieces of a reference that was cut: those that hold a part of it which better pieces do not hold."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nudge_integrations.labels.matching import fuzzy
from nudge_integrations.labels.matching.folding import Text
from nudge_integrations.labels.matching.found import Found
from nudge_integrations.labels.matching.runs import covered

_OWN = 0.5  # of what a chunk shares with the reference; repeated phrases elsewhere in a store share what others hold better


def choose(reference: Text, found: Iterable[Found], least: float | None) -> list[Found]:
    """Leave out chunks that share no more with the reference than a phrase of it which others hold too.

    Args:
        reference: The text that was cut.
        found: Chunks that hold enough of it.
        least: Similarity from which texts that differ are taken for one another.
    """
    held = np.zeros(len(reference), bool)
    chosen, parts = list[Found](), list[tuple[int, Found, NDArray[np.bool_]]]()
    for each in found:
        if each.rule == "containment":
            place = reference.folded.find(each.chunk.text.folded)
            held[place : place + len(each.chunk.text)] = True
            chosen.append(each)
        else:
            part = _part(reference, each, least)
            parts.append((int(part.sum()), each, part))
    for size, each, part in sorted(parts, key=lambda entry: -entry[0]):
        copy = any(each.chunk.text.folded == other.chunk.text.folded for other in chosen)
        if copy or (part & ~held).sum() >= _OWN * size:
            held |= part
            chosen.append(each)
    return chosen


def _part(reference: Text, found: Found, least: float | None) -> NDArray[np.bool_]:
    """The characters of the reference that the chunk holds."""
    chunk = found.chunk.text
    if found.rule == "fuzzy" and least is not None and len(chunk) < len(reference):
        place = fuzzy.place(chunk, reference, least)
        if place is not None:
            part = np.zeros(len(reference), bool)
            part[slice(*place)] = True
            return part
    return covered(reference, chunk, reference.gram)

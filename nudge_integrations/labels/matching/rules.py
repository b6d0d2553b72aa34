"""Rule: the shorter text is much like a part of the longer one. Letters may be wrong, missing or too many."""

from __future__ import annotations

import numpy as np

from nudge_core.errors import MissingExtraError
from nudge_integrations.labels.matching.text import Text

_SHORT, _LONG = 64, 20_000
"""Up to how many characters every place is tried, and above how many none is: by then common runs say enough."""


def check_installed() -> None:
    """Raise what says how to install it."""
    try:
        import rapidfuzz  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "rapidfuzz", "labels", "matching texts that differ (fuzzy=None goes without)"
        ) from error


def score(reference: Text, chunk: Text, least: float = 0.0) -> float:
    """The likeness of the shorter one and the part of the longer one that it is most like.

    Args:
        reference: One text.
        chunk: The other one.
        least: Below it, 0 is said.
    """
    shorter, longer = sorted((reference, chunk), key=len)
    found = _part(shorter, longer, least) if 0 < len(shorter) <= _LONG else None
    return 0.0 if found is None else likeness(shorter.folded, longer.folded[slice(*found)], least)


def place(needle: Text, text: Text, least: float) -> tuple[int, int] | None:
    """Where in a text something much like a needle stands; None if nowhere."""
    found = _part(needle, text, least) if 0 < len(needle) <= min(len(text), _LONG) else None
    return found if found and likeness(needle.folded, text.folded[slice(*found)], least) else None


def likeness(first: str, second: str, least: float = 0.0) -> float:
    """The share of the longer string that both have, in the same order; 0 below `least`."""
    from rapidfuzz.distance import LCSseq

    return float(LCSseq.normalized_similarity(first, second, score_cutoff=least))


def _part(shorter: Text, longer: Text, least: float) -> tuple[int, int] | None:
    """Where the shorter text lies in the longer one: by the best place if it is short, else by the runs that both have."""
    if len(shorter) <= _SHORT:
        from rapidfuzz import fuzz

        best = fuzz.partial_ratio_alignment(shorter.folded, longer.folded, score_cutoff=100 * least)
        return None if best is None else (best.dest_start, best.dest_end)
    size = shorter.gram
    same, there = shorter.grams(size).places(longer.grams(size))
    if not len(same):
        return 0, min(len(longer), len(shorter))
    shift = there - same
    slack = len(shorter) // 10 + 5
    near = np.abs(shift - np.median(shift)) <= slack
    if not near.any():
        near = shift == shift[0]
    first, last = np.flatnonzero(near)[[0, -1]]
    start = max(0, int(there[first] - same[first]))
    return start, min(len(longer), max(start, int(there[last] + len(shorter) - same[last])))

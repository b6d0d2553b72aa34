"""Rule: the shorter text is much like a part of the longer one. Letters may be wrong, missing or too many."""

from __future__ import annotations

import numpy as np

from nudge_core.errors import MissingExtraError
from nudge_integrations.labels.matching.folding import Text

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
    """The similarity of the shorter one to the part of the longer one that it is most like: 1 - insertions and deletions / both lengths.

    Args:
        reference: One text.
        chunk: The other one.
        least: Below it, 0 is said.
    """
    from rapidfuzz import fuzz

    shorter, longer = sorted((reference, chunk), key=len)
    if not len(shorter) or len(shorter) > _LONG:
        return 0.0
    if len(shorter) <= _SHORT:
        return float(fuzz.partial_ratio(shorter.folded, longer.folded, score_cutoff=100 * least)) / 100
    start, end = _part(shorter, longer)
    return float(fuzz.ratio(shorter.folded, longer.folded[start:end], score_cutoff=100 * least)) / 100


def place(needle: Text, text: Text, least: float) -> tuple[int, int] | None:
    """Where in a text something much like a needle stands; None if nowhere."""
    from rapidfuzz import fuzz

    if not len(needle) or len(needle) > min(len(text), _LONG):
        return None
    if len(needle) > _SHORT:
        start, end = _part(needle, text)
        return (start, end) if 100 * least <= fuzz.ratio(needle.folded, text.folded[start:end]) else None
    found = fuzz.partial_ratio_alignment(needle.folded, text.folded, score_cutoff=100 * least)
    return None if found is None else (found.dest_start, found.dest_end)


def likeness(first: str, second: str) -> float:
    """The similarity of two strings, whole."""
    from rapidfuzz import fuzz

    return float(fuzz.ratio(first, second)) / 100


def _part(shorter: Text, longer: Text) -> tuple[int, int]:
    """Where the shorter text lies in the longer one, by the runs that both have."""
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

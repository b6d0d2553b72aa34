"""The rules by which the text of a chunk matches a reference: containment, overlap, and likeness of texts that differ."""

from __future__ import annotations

import numpy as np

from nudge_core.errors import MissingExtraError
from nudge_integrations.labels.matching.text import Text, covered

WHOLE_WORDS = 24
"""Letters below which a text must stand as whole words, and a chunk is no piece of a reference that happens to hold it."""
_SHORT, _LONG = 64, 20_000
"""Up to how many characters every place is tried, and above how many none is: by then common runs say enough."""


def check_rapidfuzz() -> None:
    """Refuse to compare texts that differ where rapidfuzz is not installed, and say how to install it."""
    try:
        import rapidfuzz  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "rapidfuzz", "labels", "matching texts that differ (fuzzy=None goes without)"
        ) from error


def holds(chunk: Text, reference: Text) -> bool:
    """Whether the chunk holds the whole reference."""
    if not len(reference) or len(reference) > len(chunk):
        return False
    return bool(chunk.places(reference, 1)) if reference.weight < WHOLE_WORDS else reference.folded in chunk.folded


def is_piece(chunk: Text, reference: Text) -> bool:
    """Whether the reference holds the whole chunk."""
    return chunk.weight >= WHOLE_WORDS and len(chunk) < len(reference) and chunk.folded in reference.folded


def overlap(reference: Text, chunk: Text) -> float:
    """The share of the shorter text that stands in long runs which both have, as where a reference was cut into chunks."""
    shorter, longer = sorted((reference, chunk), key=len)
    return float(covered(shorter, longer, reference.gram).mean()) if len(shorter) else 0.0


def similarity(reference: Text, chunk: Text, least: float = 0.0) -> float:
    """The likeness of the shorter text and the part of the longer one that is most like it; 0 below `least`."""
    shorter, longer = sorted((reference, chunk), key=len)
    found = _part(shorter, longer, least) if 0 < len(shorter) <= _LONG else None
    return 0.0 if found is None else likeness(shorter.folded, longer.folded[slice(*found)], least)


def locate(needle: Text, text: Text, least: float) -> tuple[int, int] | None:
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
    near = np.abs(shift - np.median(shift)) <= len(shorter) // 10 + 5
    if not near.any():
        near = shift == shift[0]
    first, last = np.flatnonzero(near)[[0, -1]]
    start = max(0, int(there[first] - same[first]))
    return start, min(len(longer), max(start, int(there[last] + len(shorter) - same[last])))

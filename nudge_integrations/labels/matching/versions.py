"""Questions that are labelled with two versions of one text."""

from __future__ import annotations

from itertools import combinations

from nudge_integrations.labels.matching.folding import Text
from nudge_integrations.labels.matching.hashing import Grams

_SKETCH, _MOST = 64, 20
_SHARE = 0.4  # of all runs of both; of two texts in which each tenth sentence differs it is about 0.7


def versions(references: dict[int, Text], sketches: dict[int, frozenset[int]]) -> list[tuple[int, int]]:
    """Pairs of texts that are nearly the same and not quite.

    Args:
        references: The texts of one question, by number.
        sketches: The smallest hashes of texts seen so far, to which those of these texts are added.
    """
    found = []
    for a, b in combinations(sorted(references)[:_MOST], 2):
        first, second = references[a], references[b]
        if first.folded == second.folded or first.folded in second.folded or second.folded in first.folded:
            continue
        ours, theirs = (_sketch(number, text, sketches) for number, text in ((a, first), (b, second)))
        smallest = sorted(ours | theirs)[:_SKETCH]
        if smallest and len(ours.intersection(theirs, smallest)) >= _SHARE * len(smallest):
            found.append((a, b))
    return found


def _sketch(number: int, text: Text, sketches: dict[int, frozenset[int]]) -> frozenset[int]:
    if number not in sketches:
        hashes = sorted(set(Grams(text.folded, text.gram).hashes.tolist()))
        sketches[number] = frozenset(hashes[:_SKETCH])
    return sketches[number]

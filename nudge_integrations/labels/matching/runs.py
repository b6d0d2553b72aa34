"""Which characters of one text stand in runs that another text holds too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nudge_integrations.labels.matching.folding import Text
from nudge_integrations.labels.matching.hashing import Grams


def covered(piece: Text, whole: Text, size: int) -> NDArray[np.bool_]:
    """Which characters of `piece` stand in a run that `whole` holds too, of at least two times `size` characters, or of all it has."""
    return mask(piece.grams(size), whole.grams(size), len(piece))


def mask(piece: Grams, whole: Grams, length: int) -> NDArray[np.bool_]:
    """The same of a text of that length by its runs."""
    size, begin = piece.size, piece.places(whole)[0]
    marks = np.zeros(length + 1, np.int64)
    marks[begin] += 1
    marks[begin + size] -= 1
    held: NDArray[np.bool_] = np.cumsum(marks)[:length] > 0
    edges = np.flatnonzero(np.diff(held.astype(np.int8), prepend=0, append=0))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start < min(2 * size, length):
            held[start:end] = False
    return held

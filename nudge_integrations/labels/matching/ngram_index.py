"""Which references share runs of characters with a chunk: an inverted index of hashes, which chunks pass by in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from nudge_core.data.vectors import distinct
from nudge_integrations.labels.matching.text import Text, codes, hashes

COMMON, KEPT, STRIDE = 64, 8, 4
"""A run that stands in more references than COMMON counts only where a reference has fewer than KEPT others. Of long references every STRIDE-th
run is entered."""


class Index:
    """References by the hashes of their runs, for runs of one length."""

    def __init__(self, size: int, references: Sequence[Text], numbers: Sequence[int]) -> None:
        """Enter references of at least `size` characters; `numbers` are what `shared` calls them."""
        self.size = size
        grams, owners = [], []
        for text, number in zip(references, numbers, strict=True):
            own = distinct(hashes(codes(text.folded), size)[:: STRIDE if len(text) > 20 * STRIDE else 1])
            grams.append(own)
            owners.append(np.full(len(own), number, np.int64))
        hashed, owner = np.concatenate(grams), np.concatenate(owners)
        order = np.argsort(hashed, kind="stable")
        hashed, owner = hashed[order], owner[order]
        kept = _rare(hashed, owner)
        hashed, self._owner = hashed[kept], owner[kept]
        self._grams, first = np.unique(hashed, return_index=True)
        self._first = np.append(first, len(hashed))
        self.lengths = np.zeros(max(numbers) + 1, np.int64)
        self.lengths[list(numbers)] = [len(text) for text in references]
        self.entered = np.bincount(self._owner, minlength=max(numbers) + 1)
        bits = (np.ceil(np.log2(slots * len(self._grams))) for slots in (16, 2))
        self._maybe_shift, self._shift = (np.uint64(64 - int(np.clip(each, 12, 26))) for each in bits)
        self._maybe = np.zeros(2 ** int(64 - self._maybe_shift), bool)
        self._maybe[self._grams >> self._maybe_shift] = True
        filled = np.bincount(self._grams >> self._shift, minlength=2 ** int(64 - self._shift))
        self._slots, self._deepest = np.append(0, np.cumsum(filled)).astype(np.int32), int(filled.max())

    def shared(
        self, points: NDArray[np.uint64], starts: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Which chunks, joined as by `joined`, share runs with which references.

        Returns:
            The number of the chunk, the reference and how many of the runs entered of it the chunk holds (a run twice counts twice).
        """
        hashed = hashes(points, self.size)
        places = np.flatnonzero(self._maybe[hashed >> self._maybe_shift])
        row = self._rows(hashed[places])
        there = row >= 0
        row, chunk = row[there], np.searchsorted(starts, places[there], side="right") - 1
        counts = self._first[row + 1] - self._first[row]
        ends = np.cumsum(counts)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
        owner = self._owner[np.repeat(self._first[row], counts) + within]
        width = len(self.entered)
        pairs, hits = np.unique(np.repeat(chunk, counts) * width + owner, return_counts=True)
        return pairs // width, pairs % width, np.minimum(hits, self.entered[pairs % width])

    def _rows(self, hashed: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Where each hash stands among those entered, -1 if nowhere; by its first bits, which few others share."""
        slot = hashed >> self._shift
        row, end = self._slots[slot], self._slots[slot + np.uint64(1)]
        found = np.full(len(hashed), -1, np.int64)
        left = np.flatnonzero(row < end)
        for _ in range(self._deepest):
            same = self._grams[row[left]] == hashed[left]
            found[left[same]] = row[left[same]]
            row[left] += 1
            left = left[~same & (row[left] < end[left])]
        return found


def _rare(hashed: NDArray[np.uint64], owner: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which entries to keep: runs that few references have, and of each reference the rarest ones."""
    _, inverse, counts = np.unique(hashed, return_inverse=True, return_counts=True)
    spread = counts[inverse]
    kept: NDArray[np.bool_] = spread <= COMMON
    if not kept.all():
        order = np.lexsort((spread, owner))
        _, first = np.unique(owner[order], return_index=True)
        rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
        kept[order[rank < KEPT]] = True
    return kept


def build(references: Sequence[Text], shortest: int) -> list[Index]:
    """An index for each length of runs: 12 letters, 6 signs, and the whole of shorter references of at least that weight."""
    by_size: dict[int, list[int]] = {}
    for number, text in enumerate(references):
        if len(text) and text.weight >= shortest:
            by_size.setdefault(min(text.gram, len(text)), []).append(number)
    return [Index(size, [references[number] for number in numbers], numbers) for size, numbers in by_size.items()]


def joined(texts: Iterable[Text]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The code points of texts one after the other with a 0 after each, and where each begins."""
    folded = [text.folded for text in texts]
    starts = np.cumsum([0, *(len(text) + 1 for text in folded)])[:-1]
    return codes("\0".join(folded) + "\0"), starts.astype(np.int64)

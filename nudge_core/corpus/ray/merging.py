"""Merging: what the pieces of a corpus found, two neighbours at a time, into what the whole would have found."""

from __future__ import annotations

import torch

from nudge_core.corpus.background import Background, top_k


class Merger:
    """Takes the backgrounds of numbered pieces in any order. Which are merged with which depends on their numbers alone: so does the result."""

    def __init__(self, count: int) -> None:
        """Wait for `count` pieces."""
        self._counts = [count]
        while self._counts[-1] > 1:
            self._counts.append((self._counts[-1] + 1) // 2)
        self._waiting: dict[tuple[int, int], Background] = {}

    def add(self, number: int, found: Background) -> None:
        """Take one piece, and merge it with its neighbour if that is there, and so on."""
        for level, count in enumerate(self._counts[:-1]):
            other = number ^ 1
            if other < count:
                if (level, other) not in self._waiting:
                    self._waiting[level, number] = found
                    return
                pair = (self._waiting.pop((level, other)), found)
                found = merged(*(pair if other < number else pair[::-1]))
            number //= 2
        self._waiting[len(self._counts) - 1, 0] = found

    def result(self) -> Background:
        """The background of all pieces together, once every one was added."""
        return self._waiting[len(self._counts) - 1, 0]


def merged(first: Background, later: Background) -> Background:
    """The background of two parts of a corpus, the second of which has the higher rows.

    Args:
        first: (queries, k) of the lower rows.
        later: (queries, k) of the higher rows; of equal scores it comes last.

    Returns:
        (queries, k).
    """
    scores, order = top_k(torch.cat([first.scores, later.scores], 1), first.scores.shape[1])
    rows = torch.cat([first.rows, later.rows], 1).gather(1, order)
    sums = None
    if first.logsumexp is not None and later.logsumexp is not None:
        sums = torch.logaddexp(first.logsumexp, later.logsumexp)
    lengths = min(first.lengths[0], later.lengths[0]), max(first.lengths[1], later.lengths[1])
    return Background(scores, torch.where(torch.isneginf(scores), -1, rows), sums, lengths)

"""What the searches of stores have in common."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Hits(NamedTuple):
    """What a search found, best first.

    Attributes:
        ids: (found,) the documents.
        scores: (found,) float32 dot products of the question with them; on cosine with their directions.
    """

    ids: Sequence[str]
    scores: NDArray[np.float32]

    def without(self, dropped: Container[str], k: int) -> Hits:
        """The k best of those that are not dropped."""
        kept = [i for i, name in enumerate(self.ids) if name not in dropped][:k]
        return Hits([self.ids[i] for i in kept], self.scores[kept])


NOTHING = Hits((), np.zeros(0, np.float32))


def scores_of(distances: NDArray[Any], vector: NDArray[np.float32], metric: str) -> NDArray[np.float32]:
    """Dot products of a question with documents, from the distances that databases tell.

    Args:
        distances: 1 − cosine; minus the dot product; or, of documents of unit length, the L2 distance, not squared.
        vector: (dim,) the question.
        metric: Which of them.
    """
    distances = np.asarray(distances, np.float64)
    squared = float(vector.astype(np.float64) @ vector)
    if metric == "cosine":
        scores = (1 - distances) * squared**0.5
    elif metric == "dot":
        scores = -distances
    else:
        scores = (squared + 1 - distances**2) / 2
    return np.asarray(scores, np.float32)


def search_without(
    search: Callable[[NDArray[np.float32], int], list[Hits]],
    vectors: NDArray[np.float32],
    k: int,
    exclude: Sequence[str],
    count: int,
    excluding: Callable[[NDArray[np.float32], int], list[Hits]] | None = None,
) -> list[Hits]:
    """Ask for some more than k and drop, where to exclude by id costs much or cannot be done; and ask again where too few are left.

    Args:
        search: The k nearest of each vector: search(vectors, k).
        vectors: (queries, dim).
        k: How many are wanted.
        exclude: Documents to drop.
        count: At least as many as the store holds, which ends the search.
        excluding: The k nearest without those to drop, for the few that lack; without it more and more are asked for.
    """
    dropped = set(exclude)
    found = [NOTHING for _ in vectors]
    most = min(count, k + len(dropped))
    lacking, asked = list(range(len(vectors))), min(most, k + min(len(dropped), 3 * k))
    while lacking and asked:
        for place, hits in zip(lacking, search(vectors[lacking], asked), strict=True):
            found[place] = hits.without(dropped, k)
        if asked >= most:
            break
        lacking = [place for place in lacking if len(found[place].ids) < k]
        asked = min(most, 4 * asked)
        if excluding is not None and lacking:
            for place, hits in zip(lacking, excluding(vectors[lacking], k), strict=True):
                found[place] = hits
            break
    return found

"""One pass over the stored documents, in which every reference gathers the chunks that share something with it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from nudge_core.errors import InputError
from nudge_integrations.labels.matching.found import Chunk, Thresholds
from nudge_integrations.labels.matching.metadata import Place, agree, place
from nudge_integrations.labels.matching.ngram_index import STRIDE, Index, build, joined
from nudge_integrations.labels.matching.references import Wanted
from nudge_integrations.labels.matching.text import Text

DOCUMENTS = "(id, text, metadata) of each stored document, as index_documents(index) and adapter_of(store) give them"
_BATCH = 500_000  # characters at once
_NEAR, _LEAST = 16, 0.05
_HELD, _AT_PLACE = 5000, 200  # chunks kept for one reference, and for one place


@dataclass(eq=False)
class Pool:
    """Chunks that share runs of characters with one reference.

    Attributes:
        chunks: Those that share enough of it.
        more: How many more there are than are kept.
        near: The others that share most, with what they share: (share, number, chunk), a heap.
    """

    chunks: list[Chunk] = field(default_factory=list)
    more: int = 0
    near: list[tuple[float, int, Chunk]] = field(default_factory=list)

    def add(self, chunk: Chunk, most: int = _HELD) -> None:
        """Keep it, or count it."""
        if len(self.chunks) < most:
            self.chunks.append(chunk)
        else:
            self.more += 1

    @property
    def all(self) -> list[Chunk]:
        """All that are kept, the nearest first."""
        return self.chunks + [chunk for _, _, chunk in sorted(self.near, key=lambda entry: -entry[0])]


@dataclass(eq=False)
class Gathered:
    """What one pass found.

    Attributes:
        pools: For each reference its chunks.
        by_id: The chunks whose ids are asked for.
        by_place: For each place asked for its chunks.
        documents: How many documents went by.
        empty: How many of them hold no text.
    """

    pools: list[Pool]
    by_id: dict[str, Chunk] = field(default_factory=dict)
    by_place: Mapping[Place, Pool] = field(default_factory=dict)
    documents: int = 0
    empty: int = 0


def gather(documents: Iterable[tuple[str, str, Mapping[str, Any]]], wanted: Wanted, thresholds: Thresholds) -> Gathered:
    """Let all documents pass by, in memory only a batch of them and what the references keep.

    Args:
        documents: Id, text and metadata of each.
        wanted: What is looked for.
        thresholds: See `Thresholds`.

    Raises:
        InputError: A document that is not (id, text, metadata).
    """
    gathered = Gathered([Pool() for _ in wanted.references], by_place={where: Pool() for where in wanted.places})
    indexes, number = build(wanted.references, thresholds.shortest), count()
    whole: dict[
        str, list[int]
    ] = {}  # references by all of their text: also finds those that are too short for an index
    for reference, text in enumerate(wanted.references):
        if len(text) and text.weight < max(thresholds.shortest, 24):
            whole.setdefault(text.folded, []).append(reference)
    short = {reference for references in whole.values() for reference in references}
    by_name: dict[tuple[str, ...], list[Place]] = {}
    for asked in wanted.places:
        by_name.setdefault(asked.source[:1], []).append(asked)
    for batch in _batches(documents, gathered):
        for chunk in batch:
            if chunk.id in wanted.ids:
                gathered.by_id[chunk.id] = chunk
            for reference in whole.get(chunk.text.folded, ()):
                gathered.pools[reference].add(chunk)
            if wanted.places:
                where = place(chunk.metadata)
                named = by_name.get(where.source[:1], []) if where.source else []
                for asked in named + by_name.get((), []):
                    if agree(asked, where):
                        gathered.by_place[asked].add(chunk, _AT_PLACE)
        points, starts = joined(chunk.text for chunk in batch)
        for index in indexes:
            _share(index, points, starts, batch, wanted.references, gathered.pools, thresholds.enough, short, number)
    return gathered


def _share(
    index: Index,
    points: Any,
    starts: Any,
    batch: list[Chunk],
    references: list[Text],
    pools: list[Pool],
    enough: float,
    short: set[int],
    number: Iterator[int],
) -> None:
    """Give the chunks of a batch to the references with which they share runs."""
    chunk, owner, hits = index.shared(points, starts)
    if not len(chunk):
        return
    lengths, full = np.asarray([len(c.text) for c in batch])[chunk], index.lengths[owner]
    stride = np.where(full > 20 * STRIDE, STRIDE, 1)
    of_reference = hits / index.entered[owner]
    of_chunk = hits * stride / np.maximum(np.minimum(lengths, full) - index.size + 1, 1)
    share = np.minimum(np.maximum(of_reference, of_chunk), 1.0)
    strong = share >= enough / 2
    for c, r in zip(chunk[strong].tolist(), owner[strong].tolist(), strict=True):
        if r not in short or batch[c].text.folded != references[r].folded:  # else it is there already
            pools[r].add(batch[c])
    weak = np.flatnonzero(~strong & (share >= _LEAST))
    for i in weak[np.argsort(-share[weak])].tolist():
        near, entry = pools[owner[i]].near, (float(share[i]), -next(number), batch[chunk[i]])
        if len(near) < _NEAR:
            heapq.heappush(near, entry)
        elif near[0] < entry:
            heapq.heapreplace(near, entry)


def _batches(documents: Iterable[tuple[str, str, Mapping[str, Any]]], gathered: Gathered) -> Iterator[list[Chunk]]:
    batch, size = list[Chunk](), 0
    for place_, document in enumerate(documents):
        chunk = _chunk(document, place_)
        gathered.documents += 1
        gathered.empty += not len(chunk.text)
        batch.append(chunk)
        size += len(chunk.text) + 1
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _chunk(document: Any, number: int) -> Chunk:
    if not isinstance(document, tuple | list) or len(document) != 3:
        raise InputError(f"documents[{number}] is {str(document)[:120]!r}; expected {DOCUMENTS}")
    name, text, metadata = document
    if not isinstance(text, str) and text is not None:
        raise InputError(f"documents[{number}] (id {name!r}) has a text of type {type(text).__name__}; expected a str")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InputError(
            f"documents[{number}] (id {name!r}) has metadata of type {type(metadata).__name__}; expected a mapping"
        )
    return Chunk(str(name), Text(text or ""), metadata or {})

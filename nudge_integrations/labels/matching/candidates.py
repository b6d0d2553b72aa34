"""One pass over the stored documents, in which every reference gathers the chunks that share something with it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError
from nudge_integrations.labels.matching.found import Chunk, Thresholds
from nudge_integrations.labels.matching.ngram_index import STRIDE, Index, build, joined
from nudge_integrations.labels.matching.references import Place, Wanted, clues_of, flat
from nudge_integrations.labels.matching.rules import WHOLE_WORDS
from nudge_integrations.labels.matching.text import Text

DOCUMENTS = "(id, text, metadata) of each stored document, as index_documents(index) and adapter_of(store) give them"
_BATCH = 500_000  # characters at once
_NEAR, _LEAST = 16, 0.05
_HELD, _AT_PLACE = 5000, 200  # chunks kept for one reference, and for one place


@dataclass(eq=False)
class Pool:
    """Chunks that share runs of characters with one reference: those that share enough, and how many more than are kept.

    `near` is a heap of the others that share most: (share, number, chunk).
    """

    chunks: list[Chunk] = field(default_factory=list)
    more: int = 0
    near: list[tuple[float, int, Chunk]] = field(default_factory=list)
    _met: int = 0

    def add(self, chunk: Chunk, most: int = _HELD) -> None:
        """Keep it, or count it."""
        if len(self.chunks) < most:
            self.chunks.append(chunk)
        else:
            self.more += 1

    def add_near(self, share: float, chunk: Chunk) -> None:
        """Keep it if it is among those that share most; of equal ones the first."""
        self._met += 1
        entry = (share, -self._met, chunk)
        if len(self.near) < _NEAR:
            heapq.heappush(self.near, entry)
        elif self.near[0] < entry:
            heapq.heapreplace(self.near, entry)

    @property
    def all(self) -> list[Chunk]:
        """All that are kept, the nearest first."""
        return self.chunks + [chunk for _, _, chunk in sorted(self.near, key=lambda entry: -entry[0])]


@dataclass(eq=False)
class Gathered:
    """What one pass found: the chunks of each reference, id and place; keys of metadata; how many documents there are, and how many without text."""

    pools: list[Pool]
    by_id: dict[str, Chunk] = field(default_factory=dict)
    by_place: Mapping[Place, Pool] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    documents: int = 0
    empty: int = 0


def gather(documents: Iterable[tuple[str, str, Mapping[str, Any]]], wanted: Wanted, thresholds: Thresholds) -> Gathered:
    """Let all documents pass by, in memory only a batch of them and what the references keep."""
    gathered = Gathered([Pool() for _ in wanted.references], by_place={where: Pool() for where in wanted.places})
    indexes = build(wanted.references, thresholds.shortest)
    # references by all of their text: also finds those that are too short for an index
    whole: dict[str, list[int]] = {}
    for reference, text in enumerate(wanted.references):
        if len(text) and text.weight < max(thresholds.shortest, WHOLE_WORDS):
            whole.setdefault(text.folded, []).append(reference)
    short = {reference for references in whole.values() for reference in references}
    by_clue: dict[tuple[str, ...], list[Place]] = {}
    for asked in wanted.places:
        for clue in asked.clues:
            by_clue.setdefault(clue, []).append(asked)
    named = {key for asked in wanted.places for key, _ in asked.facts}
    for batch in _batches(documents, gathered):
        for chunk in batch:
            if chunk.id in wanted.ids:
                gathered.by_id[chunk.id] = chunk
            for reference in whole.get(chunk.text.folded, ()):
                gathered.pools[reference].add(chunk)
            gathered.keys.update(flat(chunk.metadata))
            if wanted.places:
                found = {asked: None for clue in clues_of(chunk.metadata, named) for asked in by_clue.get(clue, ())}
                for asked in found:
                    if asked.covers(chunk.metadata):
                        gathered.by_place[asked].add(chunk, _AT_PLACE)
        points, starts = joined(chunk.text for chunk in batch)
        lengths = np.asarray([len(chunk.text) for chunk in batch])
        for index in indexes:
            chunks, owners, share = _shares(index, points, starts, lengths)
            strong = share >= thresholds.enough / 2
            for c, r in zip(chunks[strong].tolist(), owners[strong].tolist(), strict=True):
                if r not in short or batch[c].text.folded != wanted.references[r].folded:  # else it is there already
                    gathered.pools[r].add(batch[c])
            weak = np.flatnonzero(~strong & (share >= _LEAST))
            for i in weak[np.argsort(-share[weak])].tolist():
                gathered.pools[owners[i]].add_near(float(share[i]), batch[chunks[i]])
    return gathered


def _shares(index: Index, points: Any, starts: Any, lengths: NDArray[np.int64]) -> tuple[Any, Any, NDArray[np.float64]]:
    """Numbers of chunks, the references with which they share runs, and how much of the shorter of both."""
    chunks, owners, hits = index.shared(points, starts)
    full = index.lengths[owners]
    stride = np.where(full > 20 * STRIDE, STRIDE, 1)
    of_reference = hits / index.entered[owners]
    of_chunk = hits * stride / np.maximum(np.minimum(lengths[chunks], full) - index.size + 1, 1)
    return chunks, owners, np.minimum(np.maximum(of_reference, of_chunk), 1.0)


def _batches(documents: Iterable[tuple[str, str, Mapping[str, Any]]], gathered: Gathered) -> Iterator[list[Chunk]]:
    batch, size = list[Chunk](), 0
    for number, document in enumerate(documents):
        chunk = _chunk(document, number)
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
    for what, value, kind, called in (("a text", text, str, "str"), ("metadata", metadata, Mapping, "mapping")):
        if value is not None and not isinstance(value, kind):
            given = type(value).__name__
            raise InputError(f"documents[{number}] (id {name!r}) has {what} of type {given}; expected a {called}")
    return Chunk(str(name), Text(text or ""), metadata or {})

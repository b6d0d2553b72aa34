"""What a journal tells: runs, and what stands in the store beside it; and what safe writing asks of a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import first_few

State: TypeAlias = Literal["writing", "done", "undone"]
Direction: TypeAlias = Literal["finish", "rollback", "forward", "back"]
"""What becomes of an interrupted run; the last two are the older words for the first two."""


@dataclass(frozen=True, repr=False)
class Run:
    """One run over a collection.

    Attributes:
        number: 1 for the first of the collection.
        kind: "nudge" or "restore".
        state: "writing" while it is under way or after it was killed; "done"; or "undone" after `recover("rollback")`.
        started: When, in ISO 8601, UTC.
        finished: When; None while writing.
        documents: How many documents it concerns.
        written: How many of them had been written when last noted.
        settings: What it was made with: method, γ, measure and its means before and after, number of questions, embedding model, note.
    """

    number: int
    kind: str
    state: State
    started: str
    finished: str | None
    documents: int
    written: int
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        made, told = self.settings, [f"{self.kind}, {self.state}", f"{self.written} of {self.documents} documents"]
        if made.get("method"):
            told.append(str(made["method"]))
        if made.get("before") is not None and made.get("after") is not None:
            asked = f" on {made['questions']} questions" if made.get("questions") else ""
            told.append(f"{made.get('measure')} {100 * made['before']:.2f} -> {100 * made['after']:.2f}{asked}")
        if made.get("note"):
            told.append(f"note {made['note']!r}")
        return f"Run({self.number}: {', '.join(told)}, begun {self.started})"


@dataclass(frozen=True, eq=False)
class Survey:
    """The documents that the journal knows, compared with what the store holds now.

    Attributes:
        originals: {id: (dim,) original vector} of the documents that stand moved.
        unmoved: ids whose original vector stands in the store.
        changed: ids that hold a vector which no run wrote: they were embedded again since.
        missing: ids that are no longer in the store.
        held: {id: hash of the vector that it held} of the first two.
    """

    originals: Mapping[str, NDArray[Any]]
    unmoved: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    held: Mapping[str, bytes] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, repr=False)
class Outcome:
    """What a run did.

    Attributes:
        run: The run; None where there was nothing to write.
        documents: How many documents stand as the run wanted.
        changed: ids left alone, because they hold a vector that no run wrote.
        missing: ids that are no longer in the store.
        put_back: How many documents that an earlier run had moved got their original back, as this one does not move them.
        overwritten: ids of documents that somebody changed in the very moment of writing, in a store that cannot compare and write at once: they
            hold a vector of what they were before. The journal no longer knows them. Add them again.
    """

    run: Run | None
    documents: int
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    put_back: int = 0
    overwritten: tuple[str, ...] = ()

    def __repr__(self) -> str:
        run = "nothing to write" if self.run is None else f"{self.run.kind}, run {self.run.number} {self.run.state}"
        left = {"changed": self.changed, "missing": self.missing, "overwritten": self.overwritten}
        more = "".join(f", {name}={first_few(ids, 3)}" for name, ids in left.items() if ids)
        return f"Outcome({run}: {self.documents} documents stand as wanted{more})"


class Target(Protocol):
    """A collection of vectors that can be read and replaced by id.

    Attributes:
        kind: What it is called in messages, for example "Chroma".
        dim: Dimension of the vectors.
        dtype: The number type in which the collection holds them, float16, float32 or float64.
        batch: How many vectors one write takes; None where it takes any number.
        rounding: How far, over its length, a vector may be read from what was written: 0 where every bit is kept.
    """

    kind: str
    dim: int
    dtype: np.dtype[Any]
    batch: int | None
    rounding: float

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors, (dim,) of `dtype`, of those of the ids that are there."""

    def replace(self, ids: Mapping[str, NDArray[Any]], vectors: NDArray[Any]) -> Iterable[str] | None:
        """Put vectors (len(ids), dim) of `dtype` in the place of those of documents that are there and hold what `ids` says.

        Nothing else changes. What comes back are the ids of documents that somebody changed between that comparison and the write.
        """

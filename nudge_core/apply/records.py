"""What a journal tells: runs, and what stands in the store beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

from nudge_core.errors import first_few

State: TypeAlias = Literal["writing", "done", "undone"]


@dataclass(frozen=True)
class Run:
    """One run over a collection.

    Attributes:
        number: 1 for the first of the collection.
        kind: "nudge" or "restore".
        state: "writing" while it is under way or after it was killed; "done"; or "undone" after `recover("back")`.
        started: When, in ISO 8601, UTC.
        finished: When; None while writing.
        documents: How many documents it concerns.
        written: How many of them had been written when last noted.
        settings: What it was made with: method, γ, scores, embedding model.
    """

    number: int
    kind: str
    state: State
    started: str
    finished: str | None
    documents: int
    written: int
    settings: Mapping[str, Any] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, eq=False)
class Survey:
    """The documents that the journal knows, compared with what the store holds now.

    Attributes:
        originals: {id: (dim,) original vector} of the documents that stand moved.
        unmoved: ids whose original vector stands in the store.
        changed: ids that hold a vector which no run wrote: they were embedded again since.
        missing: ids that are no longer in the store.
    """

    originals: Mapping[str, NDArray[Any]]
    unmoved: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Outcome:
    """What a run did.

    Attributes:
        run: The run; None where there was nothing to write.
        documents: How many documents stand as the run wanted.
        changed: ids left alone, because they hold a vector that no run wrote.
        missing: ids that are no longer in the store.
    """

    run: Run | None
    documents: int
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __repr__(self) -> str:
        run = (
            "Outcome(nothing to write"
            if self.run is None
            else f"Outcome({self.run.kind}, run {self.run.number} {self.run.state}"
        )
        left = [
            f"{name}={first_few(ids, 3)}" for name, ids in (("changed", self.changed), ("missing", self.missing)) if ids
        ]
        return ", ".join([f"{run}: {self.documents} documents stand as wanted", *left]) + ")"

"""Why there is nothing to restore, in words: the journal is gone, is elsewhere, or is of another collection; or no run was made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nudge_core.apply import Journal
from nudge_integrations.collection import places
from nudge_integrations.stores import StoreAdapter

_ELSEWHERE = "on another machine, by another user or with another $NUDGE_HOME"


def gone(adapter: StoreAdapter, path: Path) -> str:
    """That a journal is gone, and what to do."""
    return (
        f"the journal of this {adapter.kind} collection, {str(path)!r}, is gone: put it back there, or say where it is now, "
        "journal=FILE"
    )


def why_none(
    adapter: StoreAdapter,
    journal: Journal | None,
    named: Path | str | None,
    usual: Callable[[StoreAdapter], Path | str],
) -> str:
    """Why there is no run to speak of, and what to do where there should be one.

    Args:
        adapter: The collection.
        journal: Its journal, without a run; None where none is found.
        named: Where somebody said that it is.
        usual: Where it would be made.
    """
    this, name, mark = f"this {adapter.kind} collection", places.usual_name(adapter), places.mark_of(adapter)
    lost = places.missed(adapter) if journal is None or name is None else None
    if lost is not None:
        return gone(adapter, lost)
    if journal is not None:
        return f"no run was made over {this} (its journal is {str(journal.path)!r})"
    if mark is not None:
        return (
            f"the vectors of {this} may have been moved with a journal that is not here (its id is {mark}), {_ELSEWHERE}: bring that file, and "
            "say where it is: journal=FILE"
        )
    if name is None:
        where = "" if named is None else f" at {str(named)!r}"
        return (
            f"{this} has no journal{where}, and none in {str(places.home())!r} knows what it holds. If a run moved it with a journal that is "
            "elsewhere, say where: journal=FILE"
        )
    if before := [path for path in places.named(name) if places.has_runs(path)]:
        return (
            f"{this} was made anew since its last run, and holds none of the vectors of the journal {str(before[-1])!r}, "
            "which is kept"
        )
    none = f"{this} has no journal at {str(usual(adapter))!r}"
    if adapter.keeps_mark:
        return f"{none}, and as far as it tells no run was made over it. If one was, say where its journal is: journal=FILE"
    return f"{none}. If its vectors were moved {_ELSEWHERE}, bring that journal and say where it is: journal=FILE"

"""Comparing and writing in stores that write whatever a document holds.

What each must hold is read right before the write, and read again right after it, of few documents at a time, so that little time is left to
others in between. Somebody who adds a document anew in that time changes its text or metadata too: so it is found, though its own vector is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

from nudge_core.apply.equality import near
from nudge_integrations.stores.base import holding

TOGETHER = 100
"""Documents that are compared, written and looked at again together."""
Marks: TypeAlias = Mapping[str, tuple[NDArray[Any], str]]
"""{id: (vector, what tells its text and metadata from others)}."""


def payload_mark(*parts: Any) -> str:
    """A text that is the same for equal payloads, whatever the order of their keys, also where a number is not equal to itself."""
    return json.dumps(parts, sort_keys=True, default=repr)


def compare_and_put(
    must: Mapping[str, NDArray[Any]],
    vectors: NDArray[Any],
    look: Callable[[Sequence[str]], Marks],
    put: Callable[[Sequence[str], Sequence[int]], None],
    rounding: float,
) -> list[str]:
    """Write vectors of documents that hold what they must.

    Args:
        must: What each must hold.
        vectors: (len(must), dim) what each shall hold.
        look: Reads those of the ids that are there.
        put: Writes: ids, and the rows of their vectors.
        rounding: That of the adapter.

    Returns:
        The ids of documents whose payload changed around the write, but which hold what was written: their own vectors are lost.
    """
    lost, ids = [], list(must)
    for start in range(0, len(ids), TOGETHER):
        part = ids[start : start + TOGETHER]
        before = look(part)
        rows = holding({name: must[name] for name in part}, {name: vector for name, (vector, _) in before.items()})
        names = [part[row] for row in rows]
        if not names:
            continue
        put(names, [start + row for row in rows])
        new = dict(zip(names, vectors[[start + row for row in rows]], strict=True))
        for name, (vector, payload) in look(names).items():
            if payload != before[name][1] and near(vector, new[name], rounding):
                lost.append(name)
    return lost

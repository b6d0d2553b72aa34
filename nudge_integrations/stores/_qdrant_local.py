"""How the local mode of Qdrant changes the last bits of vectors in cosine collections, and which vectors it leaves as they are.

Added since it was opened, a vector is held in float32; read from its file, in float64. A write divides it by its length in float32. A search
divides all vectors in place by their lengths, those in float32 with another order of summation. None of this ever comes to rest for some rows.

`remote` and `place` tell whether a client is in local mode at all, and where.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nudge_integrations.stores.place import address

Floats: TypeAlias = NDArray[np.float32]
Flags: TypeAlias = NDArray[np.bool_]


def steady(rows: NDArray[Any]) -> Floats:
    """The unit vectors next to these, a few last bits away, that no write, search or opening changes. Steady rows come back as they are."""
    found = rows.astype(np.float32)
    left = np.flatnonzero(_changed(found))
    wanted = rows[left].astype(np.float64)
    for row in np.flatnonzero((wanted == found[left]).all(axis=1)):  # perhaps in float32: searches go on changing it
        wanted[row] = _resting(found[left[row]])
    found[left], failed = _nudged(wanted, _changed)
    left = left[failed]
    if len(left):  # so few numbers that none fits: let opening change them
        found[left], _ = _nudged(wanted[failed], _changed_in_memory)
        again, failed = _nudged(found[left].astype(np.float64), _changed)
        found[left[~failed]] = again[~failed]
    return found


def _nudged(rows: NDArray[np.float64], changed: Callable[[Floats], Flags]) -> tuple[Floats, Flags]:
    """The rows, or vectors next to them, that are not changed; and for which there was none."""
    found, left = rows.astype(np.float32), np.arange(len(rows))
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    nudges = np.random.default_rng(0)  # the same for each row, whatever it is read with
    for attempt in range(300):
        if attempt:  # most vectors of this length have the length 1 in any sum
            found[left] = units[left] * (1 + 1.5e-8 + (attempt - 1) * nudges.uniform(-1e-8, 1e-8, rows.shape[1]))
        left = left[changed(found[left])]
        if not len(left):
            break
    return found, np.isin(np.arange(len(rows)), left)


def _changed(rows: Floats) -> Flags:
    """Which rows a write or a search changes, in float32 or after opening in float64."""
    exact = rows.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    opened = (exact / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    changed: Flags = (opened != rows).any(axis=1)
    return changed | _changed_in_memory(rows)


def _changed_in_memory(rows: Floats) -> Flags:
    """Which rows a write or a search in float32 changes."""
    written = np.asarray([np.linalg.norm(row) for row in rows], np.float32)
    return np.asarray(((written != 1) | (np.linalg.norm(rows, axis=-1) != 1)) & (written != 0))


def _resting(row: Floats) -> Floats:
    """Where searches in float32 lead a row: they may go round between a few, of which the first by bits stands for all."""
    seen = {row.tobytes(): row}
    for _ in range(32):
        row = row / np.linalg.norm(row[None], axis=-1)
        if row.tobytes() in seen:
            return seen[min(list(seen)[list(seen).index(row.tobytes()) :])]
        seen[row.tobytes()] = row
    return next(iter(seen.values()))


def remote(client: Any) -> bool:
    """Whether the client is one of a server, not in local mode."""
    return bool(client.init_options["location"] != ":memory:" and client.init_options["path"] is None)


def place(client: Any) -> str | None:
    """The address of the server or the folder; None in memory."""
    if remote(client):
        url = str(client.http.client.host)
        return f"{url.partition('://')[0]}://{address(url, 6333)}"
    folder = client.init_options["path"]
    return folder and str(Path(folder).resolve())

"""The ids of a corpus, and the row of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from nudge_core.data.vectors import distinct
from nudge_core.errors import InputError, first_few

Packed: TypeAlias = "tuple[bytes, NDArray[np.int64], NDArray[np.uint32]]"
"""Some texts in UTF-8, one after the other; the bytes that each has; and a hash of each."""


class Ids:
    """Unique integer or string ids in row order. Ten million texts take a few hundred megabytes, where a dictionary takes gigabytes.

    Attributes:
        integers: Whether they are integers.

    Example:
        >>> ids = Ids(["a", "bc"], 2)
        >>> ids.take(np.asarray([1])), ids.find(np.asarray(["bc", "b"], dtype=object))
        (array(['bc'], dtype=object), array([ 1, -1]))
    """

    def __init__(self, ids: Sequence[Any] | NDArray[Any], count: int) -> None:
        """Check the ids of `count` documents."""
        if isinstance(ids, str | bytes):
            raise InputError(f"ids is the text {ids!r}; expected a list of ids, one for each document")
        if len(ids) != count:
            raise InputError(f"{len(ids)} ids for {count} documents: give one id for each document")
        self._build([checked(ids)])

    @classmethod
    def of_parts(cls, parts: Iterable[NDArray[np.int64] | Packed], where: Callable[[int], str]) -> Ids:
        """Ids that come in parts, each `checked` already."""
        ids = cls.__new__(cls)
        ids._build(list(parts), where)
        return ids

    def _build(self, parts: list[NDArray[np.int64] | Packed], where: Callable[[int], str] | None = None) -> None:
        numbers = [part for part in parts if isinstance(part, np.ndarray)]
        texts = [part for part in parts if isinstance(part, tuple)]
        if numbers and texts:
            raise InputError("document ids are integers in some files and strings in others: use one kind in all")
        self.integers = not texts
        if self.integers:
            self._values = keys = np.concatenate([np.zeros(0, np.int64), *numbers])
        else:
            self._data = b"".join(data for data, _, _ in texts)
            self._ends = np.cumsum(np.concatenate([[0], *(lengths for _, lengths, _ in texts)]), dtype=np.int64)
            keys = np.concatenate([hashes for _, _, hashes in texts])
        order = np.argsort(keys, kind="stable")
        self._order, self._sorted = order.astype(np.int32 if len(order) < 1 << 31 else np.int64), keys[order]
        self._check_unique(where)

    def _check_unique(self, where: Callable[[int], str] | None) -> None:
        same = np.flatnonzero(self._sorted[1:] == self._sorted[:-1])
        rows = distinct(np.concatenate([self._order[same], self._order[same + 1]]))
        first: dict[Any, int] = {}
        twice: dict[Any, tuple[int, int]] = {}
        for name, row in zip(self.take(rows).tolist(), rows.tolist(), strict=True):
            if first.setdefault(name, row) != row:
                twice.setdefault(name, (first[name], row))
        if twice:
            a, b = next(iter(twice.values()))
            places = "" if where is None else f" (the first in rows {a} of {where(a)} and {b} of {where(b)})"
            raise InputError(f"ids that stand more than once: {first_few(twice)}{places}. Give each an id of its own")

    def __len__(self) -> int:
        return len(self._order)

    @property
    def names(self) -> NDArray[Any]:
        """(docs,) int64, or object array of str, which is made anew."""
        return self.take(np.arange(len(self)))

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids of these rows."""
        if self.integers:
            return self._values[rows]
        bounds = zip(self._ends[:-1][rows].tolist(), self._ends[1:][rows].tolist(), strict=True)
        found = np.empty(len(rows), dtype=object)
        found[:] = [self._data[start:end].decode("utf-8", "surrogatepass") for start, end in bounds]
        return found

    def find(self, names: NDArray[Any]) -> NDArray[np.int64]:
        """The row of each name, -1 where there is none."""
        found = np.full(len(names), -1, dtype=np.int64)
        if self.integers != (names.dtype.kind in "iu") or not len(self) or not len(names):
            return found
        keys = names if self.integers else pack(names.tolist())[2]
        at, last = np.searchsorted(self._sorted, keys), np.searchsorted(self._sorted, keys, side="right")
        while len(wanted := np.flatnonzero((found < 0) & (at < last))):  # once, but for texts that share a hash
            rows = self._order[at[wanted]].astype(np.int64)
            found[wanted] = np.where(self.take(rows) == names[wanted], rows, -1)
            at[wanted] += 1
        return found


def checked(ids: Sequence[Any] | NDArray[Any], first: int = 0) -> NDArray[np.int64] | Packed:
    """Ids as an array of integers or packed."""
    if isinstance(ids, np.ndarray) and ids.dtype.kind == "i":
        return ids.astype(np.int64)
    plain = ids.tolist() if isinstance(ids, np.ndarray) else ids
    listed = [name.item() if isinstance(name, np.generic) else name for name in plain]
    types = set(map(type, listed))
    if types and all(issubclass(kind, str) for kind in types):
        return pack(listed)
    if not all(issubclass(kind, int) and kind is not bool for kind in types):
        odd = [row for row, name in enumerate(listed) if isinstance(name, bool) or not isinstance(name, str | int)]
        row = (odd or [row for row, name in enumerate(listed) if type(name) is not type(listed[0])])[0]
        raise InputError(
            f"document ids are of types {sorted(kind.__name__ for kind in types)}, the one of row {first + row} is {listed[row]!r}: "
            "use all integers or all strings"
        )
    if listed and not -(2**63) <= min(listed) <= max(listed) < 2**63:
        raise InputError(f"document ids go from {min(listed)} to {max(listed)}, beyond 64 bits: use strings")
    return np.asarray(listed, dtype=np.int64)


def pack(texts: Sequence[str]) -> Packed:
    """Texts without a Python object of each; the hash is the same in every process."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths, hashes = (np.fromiter(map(of, encoded), np.int64, len(encoded)) for of in (len, crc32))
    return b"".join(encoded), lengths, hashes.astype(np.uint32)

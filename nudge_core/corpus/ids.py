"""The ids of a corpus, and the row of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.corpus.packed import Packed, Piece, pack
from nudge_core.errors import InputError, first_few


class Ids:
    """Unique integer or string ids in row order.

    Attributes:
        integers: Whether they are integers.
    """

    def __init__(self, ids: Sequence[Any] | NDArray[Any], count: int) -> None:
        """Check the ids of `count` documents.

        Raises:
            InputError: Another number of ids, ids that are neither all integers nor all strings, or ids that stand twice.
        """
        if isinstance(ids, str | bytes):
            raise InputError(f"ids is the text {ids!r}; expected a list of ids, one for each document")
        if len(ids) != count:
            raise InputError(f"{len(ids)} ids for {count} documents: give one id for each document")
        self._build([checked(ids)])

    @classmethod
    def of_parts(cls, parts: Iterable[NDArray[np.int64] | Piece], where: Callable[[int], str]) -> Ids:
        """Ids that come in parts, each `checked` or packed already.

        Args:
            parts: In row order.
            where: What holds a row, such as the name of its file: said of an id that stands twice.

        Raises:
            InputError: Integers in one part and strings in another, or ids that stand twice.
        """
        ids = cls.__new__(cls)
        ids._build(list(parts), where)
        return ids

    def _build(self, parts: list[NDArray[np.int64] | Piece], where: Callable[[int], str] | None = None) -> None:
        kinds = {isinstance(part, tuple) for part in parts}
        if len(kinds) > 1:
            raise InputError(
                "document ids are integers in some files and strings in others: use all integers or all strings"
            )
        self.integers = kinds != {True}
        if self.integers:
            self._values = np.concatenate(
                [np.zeros(0, np.int64), *(part for part in parts if isinstance(part, np.ndarray))]
            )
            self._order = np.argsort(self._values, kind="stable")
            self._sorted = self._values[self._order]
            later = np.flatnonzero(self._sorted[1:] == self._sorted[:-1])
            twice = list(zip(self._order[later].tolist(), self._order[later + 1].tolist(), strict=True))
        else:
            self._texts = Packed(part for part in parts if isinstance(part, tuple))
            twice = self._texts.twice
        if twice:
            names = dict.fromkeys(self.take(np.asarray([row for row, _ in twice])).tolist())
            places = ""
            if where is not None:
                places = f" (the first in rows {twice[0][0]} of {where(twice[0][0])} and {twice[0][1]} of {where(twice[0][1])})"
            raise InputError(
                f"document ids that stand more than once: {first_few(names)}{places}. Each document needs an id of its own"
            )

    def __len__(self) -> int:
        return len(self._values) if self.integers else len(self._texts)

    @property
    def names(self) -> NDArray[Any]:
        """(docs,) int64, or object array of str, which is made anew."""
        return self.take(np.arange(len(self)))

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids of these rows."""
        if self.integers:
            return self._values[rows]
        found = np.empty(len(rows), dtype=object)
        found[:] = self._texts[rows]
        return found

    def find(self, names: NDArray[Any]) -> NDArray[np.int64]:
        """The row of each name, -1 where there is none."""
        if self.integers != (names.dtype.kind in "iu") or not len(self):
            return np.full(len(names), -1, dtype=np.int64)
        if not self.integers:
            return self._texts.find(names.tolist())
        at = np.minimum(np.searchsorted(self._sorted, names), len(self) - 1)
        return np.where(self._sorted[at] == names, self._order[at], -1)


def checked(ids: Sequence[Any] | NDArray[Any], first: int = 0) -> NDArray[np.int64] | Piece:
    """Ids as an array of integers or packed.

    Args:
        ids: Ids of consecutive documents.
        first: The row of the first.

    Raises:
        InputError: Neither all integers nor all strings, or integers beyond 64 bits.
    """
    if isinstance(ids, np.ndarray) and ids.dtype.kind == "i":
        return ids.astype(np.int64)
    listed = (
        ids.tolist() if isinstance(ids, np.ndarray) else [i.item() if isinstance(i, np.generic) else i for i in ids]
    )
    if all(isinstance(name, str) for name in listed) and listed:
        return pack(listed)
    if not all(isinstance(name, int) and not isinstance(name, bool) for name in listed):
        odd = [row for row, name in enumerate(listed) if isinstance(name, bool) or not isinstance(name, str | int)]
        row = (odd or [row for row, name in enumerate(listed) if type(name) is not type(listed[0])])[0]
        raise InputError(
            f"document ids are of types {sorted({type(name).__name__ for name in listed})}, the one of row {first + row} is {listed[row]!r}: "
            "use all integers or all strings"
        )
    if listed and not -(2**63) <= min(listed) <= max(listed) < 2**63:
        raise InputError(f"document ids go from {min(listed)} to {max(listed)}, beyond 64 bits: use strings")
    return np.asarray(listed, dtype=np.int64)

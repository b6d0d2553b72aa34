"""The ids of a corpus, and the row of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError, first_few


class Ids:
    """Unique integer or string ids in row order.

    Attributes:
        names: (docs,) int64, or object array of str.
    """

    def __init__(self, ids: Sequence[Any] | NDArray[Any], count: int) -> None:
        """Check the ids of `count` documents.

        Raises:
            InputError: Another number of ids, ids that are neither all integers nor all strings, or ids that stand twice.
        """
        if isinstance(ids, str | bytes):
            raise InputError(f"ids is the text {ids!r}; expected a list of ids, one for each document")
        listed = (
            ids.tolist() if isinstance(ids, np.ndarray) else [i.item() if isinstance(i, np.generic) else i for i in ids]
        )
        if len(listed) != count:
            raise InputError(f"{len(listed)} ids for {count} documents: give one id for each document")
        self.integers = all(isinstance(name, int | np.integer) and not isinstance(name, bool) for name in listed)
        if not self.integers and not all(isinstance(name, str) for name in listed):
            odd = [
                row
                for row, name in enumerate(listed)
                if isinstance(name, bool) or not isinstance(name, str | int | np.integer)
            ]
            row = (odd or [row for row, name in enumerate(listed) if type(name) is not type(listed[0])])[0]
            raise InputError(
                f"document ids are of types {sorted({type(name).__name__ for name in listed})}, the one of row {row} is {listed[row]!r}: "
                "use all integers or all strings"
            )
        if self.integers and listed and not -(2**63) <= min(listed) <= max(listed) < 2**63:
            raise InputError(f"document ids go from {min(listed)} to {max(listed)}, beyond 64 bits: use strings")
        self.names: NDArray[Any] = np.asarray(listed, dtype=np.int64 if self.integers else object)
        if len(set(listed)) != count:
            seen: set[Any] = set()
            twice = dict.fromkeys(name for name in listed if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise InputError(
                f"document ids that stand more than once: {first_few(twice)}. Each document needs an id of its own"
            )

    @cached_property
    def _row_of(self) -> dict[Any, int]:
        return {name: row for row, name in enumerate(self.names.tolist())}

    def find(self, names: NDArray[Any]) -> NDArray[np.int64]:
        """The row of each name, -1 where there is none."""
        return np.fromiter((self._row_of.get(name, -1) for name in names.tolist()), dtype=np.int64, count=len(names))

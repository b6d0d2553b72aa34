"""What a FAISS index is made of: its vectors, labels and kinds, and another index like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

MAPS = (faiss.IndexIDMap, faiss.IndexIDMap2)
_CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class Draft:
    """Another index to be bound in the place of one.

    Attributes:
        index: The one.
        new: The other.
        names: The mapping of labels.
        rows: (count, dim) the vectors of the other.
        places: Where these are not those of the one.
        old: (len(places), dim) what is there in the one.
    """

    index: Any
    new: Any
    names: Mapping[int, str]
    rows: NDArray[np.float32]
    places: NDArray[np.int64]
    old: NDArray[np.float32]

    def stands(self) -> bool:
        """Whether the one still holds what the other was made of."""
        which = np.full(len(self.rows), -1)
        which[self.places] = np.arange(len(self.places))

        def before(places: slice) -> NDArray[np.float32]:
            rows, row = self.rows[places].copy(), which[places]
            rows[row >= 0] = self.old[row[row >= 0]]
            return rows

        return _holds(self.index, len(self.rows), before)

    def untouched(self) -> bool:
        """Whether the other one still holds what it was made with."""
        return _holds(self.new, len(self.rows), lambda places: self.rows[places])


def _holds(index: Any, count: int, rows: Callable[[slice], NDArray[np.float32]]) -> bool:
    """Whether an index holds so many vectors, and these."""
    for start in range(0, count, _CHUNK):
        wanted = rows(slice(start, start + _CHUNK))
        if index.ntotal != count or rows_of(index, np.arange(start, start + len(wanted))).tobytes() != wanted.tobytes():
            return False
    return index.ntotal == count  # type: ignore[no-any-return]


def filled(index: Any, rows: NDArray[np.float32]) -> Any:
    """An index like this one, with other vectors."""
    new, held = faiss.clone_index(index), labels_of(index)
    new.reset()
    order = np.argsort(held) if isinstance(index, faiss.IndexIVF) else np.arange(len(rows))
    if np.array_equal(held[order], np.arange(len(rows))) and not isinstance(index, MAPS):
        new.add(rows[order])
    else:
        new.add_with_ids(rows[order], held[order])
    return new


def base_of(index: Any) -> Any:
    """The index that holds the vectors."""
    return faiss.downcast_index(index.index) if isinstance(index, MAPS) else index


def kind_of(index: Any) -> str:
    """The types of an index and of what it is made of."""
    name = type(index).__name__
    if not getattr(getattr(index, "codes", None), "is_owned", True):
        return f"{name} mapped from a file"  # FAISS ends the process when such an index is cleared
    if isinstance(index, MAPS):
        return f"{name} of {kind_of(base_of(index))}"
    if isinstance(index, faiss.IndexHNSW):
        return f"{name} of {kind_of(faiss.downcast_index(index.storage))}"
    if isinstance(index, faiss.IndexIVF):
        lists = type(faiss.downcast_InvertedLists(index.invlists)).__name__
        return f"{name} of {lists} by {kind_of(faiss.downcast_index(index.quantizer))}"
    return name


def labels_of(index: Any) -> NDArray[np.int64]:
    """The labels of an index in the order of its places."""
    if isinstance(index, MAPS):
        return np.asarray(faiss.vector_to_array(index.id_map))
    if isinstance(index, faiss.IndexIVF):
        return np.concatenate([np.zeros(0, np.int64), *(labels for labels, _ in _lists(index))])
    return np.arange(index.ntotal)


def places_of(index: Any, labels: Sequence[int]) -> NDArray[np.int64]:
    """Where these labels are."""
    if not isinstance(index, (*MAPS, faiss.IndexIVF)):
        return np.asarray(labels, np.int64)
    held = labels_of(index)
    order = np.argsort(held)
    return order[np.searchsorted(held, np.asarray(labels, np.int64), sorter=order)]


def rows_of(index: Any, places: NDArray[np.int64]) -> NDArray[np.float32]:
    """The vectors at these places, every bit as it was added."""
    base = base_of(index)
    rows = np.empty((len(places), index.d), np.float32)
    if isinstance(base, faiss.IndexIVF):  # without a direct map, with which it could not delete
        order, seen = np.argsort(places), 0
        for labels, vectors in _lists(base):
            chosen = order[slice(*np.searchsorted(places, [seen, seen + len(labels)], sorter=order))]
            rows[chosen] = vectors[places[chosen] - seen]
            seen += len(labels)
    elif len(places):
        base.reconstruct_batch(places, rows)
    return rows


def _lists(index: Any) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """The labels and vectors of an inverted file, list by list, as they lie in memory."""
    lists = index.invlists
    for number in range(index.nlist):
        if size := lists.list_size(number):
            codes = faiss.rev_swig_ptr(lists.get_codes(number), size * lists.code_size)
            yield faiss.rev_swig_ptr(lists.get_ids(number), size), codes.view(np.float32).reshape(size, -1)

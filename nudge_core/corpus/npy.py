"""A corpus in `.npy` files: one, or a folder of shards, here or behind a URL. They are streamed: no file is ever held or mapped whole."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.files import READ, FileCorpus, Places
from nudge_core.corpus.ids import Ids, checked
from nudge_core.corpus.places import Place, find, is_folder
from nudge_core.data.vectors import as_matrix
from nudge_core.errors import FileFormatError, InputError

IDS = "ids.npy"

GAP = 64 << 10
"""Bytes between two rows that are rather read than jumped over."""

_HEADER = 1 << 16
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class NpyCorpus(FileCorpus):
    """Document vectors in one `.npy` file or in a folder of them, in the order of their names (0000.npy, 0001.npy, …)."""

    def __init__(
        self,
        path: str | Path,
        ids: Sequence[Any] | NDArray[Any] | None = None,
    ) -> None:
        """Read what the files say of themselves.

        Args:
            path: A `.npy` file of shape (docs, dim), or a folder of such; a path, or a URL that fsspec knows.
            ids: (docs,) integer or string ids. Without them `ids.npy` in the folder is read, or beside every shard `NAME.ids.npy`, if they are there.

        Raises:
            FileFormatError: A file that is missing, truncated or no `.npy`, or an empty folder.
            InputError: Shards whose dimension or type differs, or ids that do not fit.
        """
        found = find(path, ".npy")
        beside = {place.name: place for place in found if f".{place.name}".endswith(f".{IDS}")}
        shards = [place for place in found if place.name not in beside]
        if not shards:
            raise FileFormatError(
                f"the folder {str(path)!r} holds no .npy shards"
                if Path(str(path)).is_dir()
                else f"{str(path)!r} cannot be read as .npy: it is missing"
            )
        if shards != sorted(shards, key=_by_number):
            raise InputError(
                f"the shards in {str(path)!r} are read in the order of their names, in which numbers of different length are mixed up "
                f"({', '.join(place.name for place in shards[:3])}, …): pad the numbers with zeros, as in 0002.npy"
            )
        self.places = shards
        self.arrays = [open_array(place) for place in shards]
        kinds = [as_matrix(array.empty(), f"vectors in {array.place.name}") for array in self.arrays]
        for place, kind in zip(shards, kinds, strict=True):
            if kind.shape[1] != kinds[0].shape[1] or kind.dtype != kinds[0].dtype:
                raise InputError(
                    f"the shard {place.name} has dimension {kind.shape[1]} and type {kind.dtype}, {shards[0].name} has "
                    f"{kinds[0].shape[1]} and {kinds[0].dtype}: write all shards with one model and one type"
                )
        self.dim, self.itemsize = int(kinds[0].shape[1]), self.arrays[0].dtype.itemsize
        self.starts = np.cumsum([0, *(array.shape[0] for array in self.arrays)], dtype=np.int64)
        if not len(self):
            raise InputError(f"{str(path)!r} holds no documents: give at least one vector")
        self.single, self.beside = not is_folder(path), tuple(beside.values())
        self._ids = self._read_ids(str(path), ids, beside)

    def _read_ids(self, path: str, ids: Sequence[Any] | NDArray[Any] | None, beside: dict[str, Place]) -> Ids | None:
        if ids is not None and beside:
            raise InputError(f"{path!r} brings its own ids in {next(iter(beside))}: leave ids out, or remove that file")
        if ids is not None or not beside:
            return None if ids is None else Ids(ids, len(self))
        if IDS in beside:
            return Ids(load(beside[IDS]), len(self))
        parts = []
        for number, place in enumerate(self.places):
            name = f"{place.name.removesuffix('.npy')}.{IDS}"
            if name not in beside:
                raise InputError(
                    f"{next(iter(beside))} holds ids of one shard, but {place.name} has no {name}: give every shard its ids, or none"
                )
            found, count = load(beside[name]), self.arrays[number].shape[0]
            if len(found) != count:
                raise InputError(
                    f"{name} holds {len(found)} ids for the {count} documents of {place.name}: give one id for each document"
                )
            parts.append(checked(found, int(self.starts[number])))
        return Ids.of_parts([part for part in parts if len(part)], self._where)

    def _rows_of(self, number: int, at: NDArray[np.int64]) -> Iterator[tuple[Places, Tensor]]:
        """Rows that lie close together are read at once."""
        width = self.dim * self.itemsize
        run = np.cumsum(np.concatenate([[0], (np.diff(at) - 1) * width > GAP]))
        run += at * width // READ * (run[-1] + 1)  # and no more at once than a block
        with self.places[number].open() as file:
            for part in np.split(np.arange(len(at)), np.flatnonzero(np.diff(run)) + 1):
                first = int(at[part[0]])
                block = self.arrays[number].read(file, first, int(at[part[-1]]) + 1 - first)
                yield part, as_matrix(block, "vectors")[torch.from_numpy(at[part] - first)]

    def _pieces(self, number: int, size: int) -> Iterator[Tensor]:
        array = self.arrays[number]
        with self.places[number].open() as file:
            for start in range(0, array.shape[0], size):
                yield as_matrix(array.read(file, start, min(size, array.shape[0] - start)), "vectors")


def _by_number(place: Place) -> list[str | int]:
    """A key that sorts part10 after part2."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", place.name)]


@dataclass(frozen=True)
class Array:
    """Where the numbers of an array stand in a file: from which byte on, of what shape and type, and whether column by column."""

    place: Place
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int

    def empty(self) -> NDArray[Any]:
        """No rows of it; what is no matrix keeps its shape."""
        if len(self.shape) == 2:
            return np.empty((0, self.shape[1]), self.dtype)
        return np.broadcast_to(np.zeros((), self.dtype), self.shape)

    def read(self, file: BinaryIO, first: int, count: int) -> NDArray[Any]:
        """(count, dim) some consecutive rows."""
        width = self.shape[1]
        if not self.fortran:
            return self._numbers(file, first * width, count * width).reshape(count, width)
        columns = [self._numbers(file, column * self.shape[0] + first, count) for column in range(width)]
        return np.stack(columns, axis=1)

    def _numbers(self, file: BinaryIO, first: int, count: int) -> NDArray[Any]:
        file.seek(self.start + first * self.dtype.itemsize)
        wanted = count * self.dtype.itemsize
        data = np.empty(wanted, np.uint8)
        view, got = memoryview(data), 0  # type: ignore[arg-type]
        while got < wanted:
            more = file.readinto(view[got:])  # type: ignore[attr-defined]
            if not more:
                self.place.check()
                raise FileFormatError(f"{self.place.path!r} ended {wanted - got:,} bytes too early: copy it again")
            got += more
        return data.view(self.dtype)


def open_array(place: Place) -> Array:
    """What the header says."""
    try:
        with place.open() as file:
            head = io.BytesIO(file.read(_HEADER))
        version = npy.read_magic(head)
        if version not in _READERS:
            raise ValueError(f"version {version[0]}.{version[1]}")
        shape, fortran, dtype = _READERS[version](head)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        start, bytes_ = head.tell(), int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if place.size < start + bytes_:
            raise ValueError(f"{place.size:,} bytes, where {start + bytes_:,} are announced")
    except (OSError, ValueError, EOFError) as error:
        raise FileFormatError(
            f"{place.path!r} cannot be read as .npy ({error}): it is missing, truncated, of another format or holds Python objects; "
            "write it again with numpy.save, ids as integers or as numpy.asarray(ids, dtype=str)"
        ) from error
    return Array(place, shape, bool(fortran) and len(shape) > 1, dtype, start)


def load(place: Place) -> NDArray[Any]:
    """A whole array of ids."""
    array = open_array(place)
    with place.open() as file:
        return array._numbers(file, 0, int(np.prod(array.shape, dtype=np.int64))).reshape(array.shape)

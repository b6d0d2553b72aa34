"""The `.npy` format: what a header says, and some rows of an array, from any file that can be read by position."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from nudge_core.corpus.places import Place
from nudge_core.errors import FileFormatError

_HEADER = 1 << 16
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True)
class Array:
    """Where the numbers of an array stand in a file.

    Attributes:
        place: The file.
        shape: The shape of the array.
        fortran: Whether it is stored column by column.
        dtype: The type of its numbers.
        start: The byte with which they begin.
    """

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
        """(count, dim) some consecutive rows.

        Raises:
            FileFormatError: The file ends before them.
        """
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
    """What the header says.

    Raises:
        FileFormatError: No `.npy`, Python objects, or fewer bytes than the header says.
    """
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
    """A whole array of ids.

    Raises:
        FileFormatError: As `open_array`.
    """
    array = open_array(place)
    with place.open() as file:
        return array._numbers(file, 0, int(np.prod(array.shape, dtype=np.int64))).reshape(array.shape)

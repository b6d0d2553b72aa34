"""A corpus in Parquet: an id column and a column of vectors, streamed with pyarrow, here or behind a URL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.background import Background
from nudge_core.corpus.files import READ, FileCorpus, Places
from nudge_core.corpus.ids import Ids, checked
from nudge_core.corpus.places import Place, find, is_folder
from nudge_core.data.vectors import as_matrix
from nudge_core.errors import FileFormatError, InputError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BUFFER = 1 << 20
"""Bytes of a column that are read at a time: without it pyarrow holds whole row groups, and with its `pre_buffer` whole files."""


class ParquetCorpus(FileCorpus):
    """Document vectors in one `.parquet` file or in a folder of them, in the order of their names. Ids are held in memory, vectors are not."""

    groups: Sequence[NDArray[np.int64]]
    """For each file (row groups + 1,) the row of the file with which each begins; the last is the number of its rows."""

    def __init__(
        self,
        path: str | Path,
        *,
        id_column: str = "id",
        vector_column: str | None = None,
    ) -> None:
        """Read the ids and the layout of the files.

        Args:
            path: A `.parquet` file, or a folder of such; a path, or a URL that fsspec knows.
            id_column: Column of integer or string ids.
            vector_column: Column of lists of floats, all of one length; without it the only such column.

        Raises:
            MissingExtraError: pyarrow is not installed.
            FileFormatError: A file that is missing, truncated or no Parquet.
            InputError: A missing column, files whose dimension or type differs, ids that do not fit.
        """
        self.places, self.single = find(path, ".parquet"), not is_folder(path)
        if not self.places:
            raise FileFormatError(f"{str(path)!r} is missing or holds no .parquet files: give one, or a folder of them")
        self.opened = [open_file(place) for place in self.places]
        self.id_column, self.column = id_column, vector_column or the_vector_column(self.opened[0], self.places[0])
        types = []
        for opened, place in zip(self.opened, self.places, strict=True):
            if missing := [one for one in (id_column, self.column) if one not in opened.schema_arrow.names]:
                raise InputError(
                    f"{place.name} has no column {missing[0]!r}; its columns are {', '.join(opened.schema_arrow.names)}: "
                    "name them with ParquetCorpus(path, id_column=…, vector_column=…)"
                )
            types.append(opened.schema_arrow.field(self.column).type)
            if types[-1] != types[0]:
                raise InputError(
                    f"the column {self.column!r} of {place.name} is {types[-1]}, that of {self.places[0].name} {types[0]}: "
                    "write all files with one model and one type"
                )
        if not is_vector(types[0]):
            raise InputError(f"the column {self.column!r} is of type {types[0]}; expected a fixed-size list of floats")
        self.itemsize = types[0].value_type.bit_width // 8
        groups = [[one.metadata.row_group(i).num_rows for i in range(one.num_row_groups)] for one in self.opened]
        self.groups = [np.cumsum([0, *counts], dtype=np.int64) for counts in groups]
        self.starts = np.cumsum([0, *(sum(counts) for counts in groups)], dtype=np.int64)
        if not len(self):
            raise InputError(f"{str(path)!r} holds no documents: give at least one vector")
        self.dim = next((length for number in range(len(self.places)) if (length := self._first_length(number))), 0)
        if not self.dim:
            raise InputError(f"the column {self.column!r} of {str(path)!r} holds no vector: every one is null or empty")
        self._ids = Ids.of_parts(self._id_parts(), self._where)

    def _rows_of(self, number: int, at: NDArray[np.int64]) -> Iterator[tuple[Places, Tensor]]:
        """Only the row groups that hold them are read, some rows at a time."""
        size = max(1, READ // (self.dim * self.itemsize))
        for group in np.unique(np.searchsorted(self.groups[number], at, side="right") - 1).tolist():
            first = int(self.groups[number][group])
            for part in self._batches(number, size, [group], int(self.starts[number]) + first):
                low, high = np.searchsorted(at, [first, first + len(part)])
                if high > low:
                    yield slice(low, high), part[torch.from_numpy(at[low:high] - first)]
                first += len(part)

    def rows_and_background(
        self, rows: NDArray[np.int64], queries: Tensor, k: int, *, progress: bool = True
    ) -> tuple[Tensor, Background]:
        """Both in one pass."""
        found = torch.empty((len(rows), self.dim), dtype=torch.float32)
        return found, self.background(queries, k, exclude=rows, progress=progress, passed=found)

    def _pieces(self, number: int, size: int) -> Iterator[Tensor]:
        return self._batches(number, size, list(range(len(self.groups[number]) - 1)), int(self.starts[number]))

    def _batches(self, number: int, size: int, groups: list[int], first: int) -> Iterator[Tensor]:
        """(at most `size`, dim) the vectors of some row groups, which begin with the row `first` of the corpus."""
        for batch in batches(self.opened[number], self.places[number], size, row_groups=groups, columns=[self.column]):
            yield self.matrix(batch.column(0), first)
            first += batch.num_rows

    def _id_parts(self) -> Iterator[Any]:
        import pyarrow as pa

        first = 0
        for opened, place in zip(self.opened, self.places, strict=True):
            for batch in batches(opened, place, 1 << 17, columns=[self.id_column]):
                if batch.num_rows:
                    column = batch.column(0)
                    plain = pa.types.is_signed_integer(column.type) and not column.null_count
                    yield checked(column.to_numpy() if plain else column.to_pylist(), first)
                first += batch.num_rows

    def _first_length(self, number: int) -> int:
        """The length of the first vector of a file; 0 where there is none."""
        import pyarrow.compute as pc

        for batch in batches(self.opened[number], self.places[number], 256, columns=[self.column]):
            if longest := pc.max(pc.list_value_length(batch.column(0))).as_py():
                return int(longest)
        return 0

    def matrix(self, column: Any, first: int) -> Tensor:
        """(rows, dim) without a copy."""
        import pyarrow.compute as pc

        lengths = pc.list_value_length(column)
        if column.null_count or pc.any(pc.not_equal(lengths, self.dim)).as_py():
            row = next(i for i, length in enumerate(lengths.to_pylist()) if length != self.dim)
            name = self.names(np.asarray([first + row])).tolist()[0]
            raise InputError(
                f"document {name!r} (row {first + row}) has a vector of length {lengths[row].as_py()}, "
                f"expected {self.dim}: embed it again, or leave it out"
            )
        values = column.flatten()
        if values.null_count:
            values = values.fill_null(float("nan"))
        array = values.to_numpy(zero_copy_only=False).reshape(len(column), self.dim)
        return as_matrix(array, self.column)


def open_file(place: Place) -> pq.ParquetFile:
    """A file that is read piece by piece."""
    try:
        from pyarrow import fs, parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "files", "a Parquet corpus") from error
    system = fs.LocalFileSystem() if place.fs is None else fs.PyFileSystem(fs.FSSpecHandler(place.fs))
    with readable(place):
        return parquet.ParquetFile(place.path, filesystem=system, buffer_size=BUFFER, pre_buffer=False)


@contextmanager
def readable(place: Place) -> Iterator[None]:
    """Turns pyarrow's errors into a sentence that names the file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        place.check()
        raise FileFormatError(
            f"{place.path!r} cannot be read as Parquet ({error}): it is missing, truncated or of another format, or a vector in it is null"
        ) from error


def batches(file: pq.ParquetFile, place: Place, size: int, **which: Any) -> Iterator[Any]:
    """Batches of at most `size` rows; row groups and columns by name."""
    with readable(place):
        yield from file.iter_batches(size, use_threads=False, **which)


def is_vector(kind: pa.DataType) -> bool:
    """Whether a column of this type holds lists of floats."""
    import pyarrow as pa

    lists = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(lists and pa.types.is_floating(kind.value_type))


def the_vector_column(file: pq.ParquetFile, place: Place) -> str:
    """The name of the only column of vectors."""
    found = [field.name for field in file.schema_arrow if is_vector(field.type)]
    if len(found) != 1:
        raise InputError(
            f"{place.name} has {len(found)} columns of vectors among {', '.join(file.schema_arrow.names)}; expected one: "
            "name it with ParquetCorpus(path, vector_column=…)"
        )
    return str(found[0])

"""A corpus in Parquet: an id column and a column of vectors, read by row groups with pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.base import Corpus
from nudge_core.corpus.ids import Ids
from nudge_core.errors import FileFormatError, InputError, MissingExtraError
from nudge_core.vectors import as_matrix

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


class ParquetCorpus(Corpus):
    """Document vectors in one `.parquet` file or in a folder of them, in the order of their names. Ids are held in memory, vectors are not."""

    def __init__(self, path: str | Path, *, id_column: str = "id", vector_column: str | None = None) -> None:
        """Read the ids and the layout of the files.

        Args:
            path: A `.parquet` file, or a folder of such.
            id_column: Column of integer or string ids.
            vector_column: Column of lists of floats, all of one length; without it the only such column.

        Raises:
            MissingExtraError: pyarrow is not installed.
            FileFormatError: A file that is missing, truncated or no Parquet.
            InputError: A missing column, files whose dimension or type differs, ids that do not fit.
        """
        parquet = _parquet()
        self.path = Path(path)
        paths = sorted(self.path.glob("*.parquet")) if self.path.is_dir() else [self.path]
        if not paths:
            raise FileFormatError(f"the folder {str(self.path)!r} holds no .parquet files")
        self._files: list[pq.ParquetFile] = []
        for file in paths:
            with _readable(file):
                self._files.append(parquet.ParquetFile(file, memory_map=True))
        self._paths = paths
        self._column = vector_column or _vector_column(self._files[0], paths[0])
        for opened, file in zip(self._files, paths, strict=True):
            for wanted in (id_column, self._column):
                if wanted not in opened.schema_arrow.names:
                    raise InputError(
                        f"{file.name} has no column {wanted!r}; its columns are {', '.join(opened.schema_arrow.names)}: "
                        "name them with ParquetCorpus(path, id_column=…, vector_column=…)"
                    )
        counts = [group.num_rows for group in self._groups()]
        self.starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        if not len(self):
            raise InputError(f"{str(self.path)!r} holds no documents: give at least one vector")
        self._group_list = [
            (file, group) for file, opened in enumerate(self._files) for group in range(opened.num_row_groups)
        ]
        self._check_types()
        ids: list[Any] = []
        for opened, file in zip(self._files, paths, strict=True):
            with _readable(file):
                ids += opened.read(columns=[id_column]).column(0).to_pylist()
        self._ids = Ids(ids, len(self))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows, (len(rows), dim) float32, as stored; only the row groups that hold them are read."""
        found = torch.empty((len(rows), self.dim), dtype=torch.float32)
        group_of = np.searchsorted(self.starts, rows, side="right") - 1
        for number in np.unique(group_of):
            wanted = np.flatnonzero(group_of == number)
            file, group = self._group_list[number]
            with _readable(self._paths[file]):
                column = self._files[file].read_row_group(group, columns=[self._column]).column(0).combine_chunks()
            part = self._matrix(column, int(self.starts[number]))
            found[torch.from_numpy(wanted)] = part[torch.from_numpy(rows[wanted] - self.starts[number])].to(
                torch.float32
            )
        return found

    def blocks(self, size: int) -> Iterator[Tensor]:
        """All vectors in row order, at most `size` rows at a time."""
        first = 0
        for opened, file in zip(self._files, self._paths, strict=True):
            with _readable(file):
                for batch in opened.iter_batches(batch_size=size, columns=[self._column]):
                    yield self._matrix(batch.column(0), first)
                    first += batch.num_rows

    def _groups(self) -> Iterator[Any]:
        for opened in self._files:
            yield from (opened.metadata.row_group(group) for group in range(opened.num_row_groups))

    def _check_types(self) -> None:
        types = [opened.schema_arrow.field(self._column).type for opened in self._files]
        for kind, file in zip(types, self._paths, strict=True):
            if kind != types[0]:
                raise InputError(
                    f"the column {self._column!r} of {file.name} is {kind}, that of {self._paths[0].name} {types[0]}: "
                    "write all files with one model and one type"
                )
        if not _is_vector(types[0]):
            raise InputError(f"the column {self._column!r} is of type {types[0]}; expected a fixed-size list of floats")
        self.dim = self._first_length()
        if not self.dim:
            raise InputError(
                f"the column {self._column!r} of {str(self.path)!r} holds no vector: every one is null or empty"
            )

    def _first_length(self) -> int:
        """The length of the first vector that is there; 0 where there is none."""
        import pyarrow.compute as pc

        for opened, file in zip(self._files, self._paths, strict=True):
            with _readable(file):
                for batch in opened.iter_batches(batch_size=256, columns=[self._column]):
                    longest = pc.max(pc.list_value_length(batch.column(0))).as_py()
                    if longest:
                        return int(longest)
        return 0

    def _matrix(self, column: pa.Array, first: int) -> Tensor:
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
        return as_matrix(array, self._column)


class _readable:  # noqa: N801  # a context, read as a word
    """Turns pyarrow's errors into a sentence that names the file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import pyarrow as pa

        if isinstance(error, pa.ArrowException | OSError):
            raise FileFormatError(
                f"{str(self.file)!r} cannot be read as Parquet ({error}): it is missing, truncated or of another format, or a vector in it is null"
            ) from error


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "files", "a Parquet corpus") from error
    return parquet


def _is_vector(kind: pa.DataType) -> bool:
    import pyarrow as pa

    lists = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(lists and pa.types.is_floating(kind.value_type))


def _vector_column(file: pq.ParquetFile, path: Path) -> str:
    found = [field.name for field in file.schema_arrow if _is_vector(field.type)]
    if len(found) != 1:
        raise InputError(
            f"{path.name} has {len(found)} columns of vectors among {', '.join(file.schema_arrow.names)}; expected one: "
            "name it with ParquetCorpus(path, vector_column=…)"
        )
    return str(found[0])

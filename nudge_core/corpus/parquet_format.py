"""The Parquet format, by pyarrow: opened so that it is streamed, its columns checked, its ids packed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.corpus.ids import checked
from nudge_core.corpus.packed import Piece
from nudge_core.corpus.places import Place
from nudge_core.errors import FileFormatError, InputError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BUFFER = 1 << 20
"""Bytes of a column that are read at a time: without it pyarrow holds whole row groups, and with its `pre_buffer` whole files."""


def open_file(place: Place) -> pq.ParquetFile:
    """A file that is read piece by piece.

    Raises:
        MissingExtraError: pyarrow is not installed.
        FileFormatError: It is truncated or no Parquet.
    """
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


def check_columns(file: pq.ParquetFile, place: Place, wanted: Sequence[str]) -> None:
    """Refuse a file without these columns."""
    names = file.schema_arrow.names
    for column in wanted:
        if column not in names:
            raise InputError(
                f"{place.name} has no column {column!r}; its columns are {', '.join(names)}: "
                "name them with ParquetCorpus(path, id_column=…, vector_column=…)"
            )


def is_vector(kind: pa.DataType) -> bool:
    """Whether a column of this type holds lists of floats."""
    import pyarrow as pa

    lists = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(lists and pa.types.is_floating(kind.value_type))


def the_vector_column(file: pq.ParquetFile, place: Place) -> str:
    """The name of the only column of vectors.

    Raises:
        InputError: There is none, or there are several.
    """
    found = [field.name for field in file.schema_arrow if is_vector(field.type)]
    if len(found) != 1:
        raise InputError(
            f"{place.name} has {len(found)} columns of vectors among {', '.join(file.schema_arrow.names)}; expected one: "
            "name it with ParquetCorpus(path, vector_column=…)"
        )
    return str(found[0])


def first_length(file: pq.ParquetFile, column: str) -> int:
    """The length of the first vector that is there; 0 where there is none."""
    import pyarrow.compute as pc

    for batch in file.iter_batches(batch_size=256, columns=[column], use_threads=False):
        longest = pc.max(pc.list_value_length(batch.column(0))).as_py()
        if longest:
            return int(longest)
    return 0


def id_part(column: Any, first: int) -> NDArray[np.int64] | Piece:
    """Some ids: integers as they are, texts packed without making a Python object of each.

    Args:
        column: An Arrow array.
        first: The row of its first id.

    Raises:
        InputError: Ids that are neither integers nor texts, or a null.
    """
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if column.null_count or not texts:
        return checked(
            column.to_numpy() if pa.types.is_signed_integer(kind) and not column.null_count else column.to_pylist(),
            first,
        )
    column = column.cast(pa.large_string())
    _, ends, data = column.buffers()
    bounds = np.frombuffer(ends, np.int64)[column.offset : column.offset + len(column) + 1]
    whole = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return whole[bounds[0] : bounds[-1]].copy(), np.diff(bounds)

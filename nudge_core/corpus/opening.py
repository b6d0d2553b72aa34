"""Open whatever holds document vectors as a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from nudge_core.corpus.base import Corpus
from nudge_core.corpus.memory import MemoryCorpus
from nudge_core.corpus.npy import NpyCorpus
from nudge_core.corpus.parquet import ParquetCorpus
from nudge_core.corpus.places import kind_of
from nudge_core.data.vectors import Vectors
from nudge_core.errors import FileFormatError, InputError

CorpusLike: TypeAlias = "Corpus | Vectors | str | Path"


def open_corpus(source: CorpusLike, ids: Sequence[Any] | NDArray[Any] | None = None) -> Corpus:
    """A corpus over an array, a tensor, a memory map or files; nothing is copied.

    Args:
        source: (docs, dim) array or tensor; the path of a `.npy` file, of a folder of `.npy` shards (in the order of their names), of a `.parquet`
            file or of a folder of such, or a URL that fsspec knows, such as s3://; or a corpus, which is returned as it is.
        ids: (docs,) integer or string ids. Parquet has its own, in the column "id"; beside `.npy` shards a file `ids.npy` is taken, or
            `NAME.ids.npy` beside each.

    Raises:
        FileFormatError: No such file, a kind of file that is not known, or a truncated one.
        InputError: Vectors or ids that cannot be used.

    Example:
        >>> open_corpus([[1.0, 0.0], [0.0, 1.0]], ids=["a", "b"])
        MemoryCorpus(docs=2, dim=2, ids=object)
    """
    kind = kind_of(source) if isinstance(source, str | Path) else None
    if ids is not None and (isinstance(source, Corpus) or kind == ".parquet"):
        what = "a corpus" if isinstance(source, Corpus) else "Parquet"
        raise InputError(f"{what} brings its own ids, so ids=… is not taken: leave it out")
    if isinstance(source, Corpus):
        return source
    if not isinstance(source, str | Path):
        return MemoryCorpus(source, ids)
    if kind == ".npy":
        return NpyCorpus(source, ids)
    if kind == ".parquet":
        return ParquetCorpus(source)
    raise FileFormatError(f"{str(source)!r} is neither a .npy or .parquet file nor a folder that holds any")

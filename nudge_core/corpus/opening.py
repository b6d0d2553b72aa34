"""Open whatever holds document vectors as a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from nudge_core.corpus.base import Corpus
from nudge_core.corpus.memory import MemoryCorpus
from nudge_core.errors import FileFormatError, InputError
from nudge_core.vectors import Vectors

CorpusLike: TypeAlias = "Corpus | Vectors | str | Path"


def open_corpus(source: CorpusLike, ids: Sequence[Any] | NDArray[Any] | None = None) -> Corpus:
    """A corpus over an array, a tensor, a memory map or files; nothing is copied.

    Args:
        source: (docs, dim) array or tensor; the path of a `.npy` file, of a folder of `.npy` shards (in the order of their names), of a `.parquet`
            file or of a folder of such; or a corpus, which is returned as it is.
        ids: (docs,) integer or string ids. Parquet has its own, in the column "id"; beside `.npy` shards a file `ids.npy` is taken.

    Raises:
        FileFormatError: No such file, a kind of file that is not known, or a truncated one.
        InputError: Vectors or ids that cannot be used.

    Example:
        >>> open_corpus([[1.0, 0.0], [0.0, 1.0]], ids=["a", "b"])
        MemoryCorpus(docs=2, dim=2, ids=object)
    """
    if isinstance(source, Corpus):
        _refuse(ids, "a corpus")
        return source
    if not isinstance(source, str | Path):
        return MemoryCorpus(source, ids)
    path = Path(source)
    if not path.exists():
        raise FileFormatError(
            f"there is no file or folder {str(path)!r}: give a .npy or .parquet file, or a folder of them"
        )
    from nudge_core.corpus.npy import NpyCorpus
    from nudge_core.corpus.parquet import ParquetCorpus

    if path.suffix == ".npy" or (path.is_dir() and any(path.glob("*.npy"))):
        return NpyCorpus(path, ids)
    if path.suffix == ".parquet" or (path.is_dir() and any(path.glob("*.parquet"))):
        _refuse(ids, "Parquet")
        return ParquetCorpus(path)
    raise FileFormatError(f"{str(path)!r} is neither a .npy or .parquet file nor a folder that holds any")


def _refuse(ids: object, what: str) -> None:
    if ids is not None:
        raise InputError(f"{what} brings its own ids, so ids=… is not taken: leave it out")

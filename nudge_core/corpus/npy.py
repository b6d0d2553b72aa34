"""A corpus in `.npy` files: one memory map, or a folder of shards. Only the pages that are read come into memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.base import Corpus
from nudge_core.corpus.ids import Ids
from nudge_core.errors import FileFormatError, InputError
from nudge_core.vectors import as_matrix

IDS = "ids.npy"


class NpyCorpus(Corpus):
    """Document vectors in one `.npy` file or in a folder of them, in the order of their names (0000.npy, 0001.npy, …)."""

    def __init__(self, path: str | Path, ids: Sequence[Any] | NDArray[Any] | None = None) -> None:
        """Map the files.

        Args:
            path: A `.npy` file of shape (docs, dim), or a folder of such.
            ids: (docs,) integer or string ids. Without them `ids.npy` in the folder is read, if it is there.

        Raises:
            FileFormatError: A file that is missing, truncated or no `.npy`, or an empty folder.
            InputError: Shards whose dimension or type differs, or ids that do not fit.
        """
        self.path = Path(path)
        folder = self.path.is_dir()
        files = sorted(file for file in self.path.glob("*.npy") if file.name != IDS) if folder else [self.path]
        if not files:
            raise FileFormatError(f"the folder {str(self.path)!r} holds no .npy shards")
        if files != sorted(files, key=_by_number):
            raise InputError(
                f"the shards in {str(self.path)!r} are read in the order of their names, in which numbers of different length are mixed up "
                f"({', '.join(file.name for file in files[:3])}, …): pad the numbers with zeros, as in 0002.npy"
            )
        self.shards = [_open(file) for file in files]
        first = self.shards[0]
        for file, shard in zip(files, self.shards, strict=True):
            if shard.shape[1] != first.shape[1] or shard.dtype != first.dtype:
                raise InputError(
                    f"the shard {file.name} has dimension {shard.shape[1]} and type {shard.dtype}, {files[0].name} has "
                    f"{first.shape[1]} and {first.dtype}: write all shards with one model and one type"
                )
        self.dim = int(first.shape[1])
        self.starts = np.concatenate([[0], np.cumsum([len(shard) for shard in self.shards])]).astype(np.int64)
        if not len(self):
            raise InputError(f"{str(self.path)!r} holds no documents: give at least one vector")
        if folder and (self.path / IDS).is_file():
            if ids is not None:
                raise InputError(
                    f"{str(self.path)!r} brings its own ids in {IDS}: leave ids out, or take that file away"
                )
            ids = _load(self.path / IDS)
        self._ids = None if ids is None else Ids(ids, len(self))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows, (len(rows), dim) float32, as stored."""
        found = torch.empty((len(rows), self.dim), dtype=torch.float32)
        shard_of = np.searchsorted(self.starts, rows, side="right") - 1
        for number in np.unique(shard_of):
            wanted = np.flatnonzero(shard_of == number)
            part = self.shards[number][torch.from_numpy(rows[wanted] - self.starts[number])]
            found[torch.from_numpy(wanted)] = part.to(torch.float32)
        return found

    def blocks(self, size: int) -> Iterator[Tensor]:
        """All vectors in row order, at most `size` rows at a time."""
        for shard in self.shards:
            yield from shard.split(size)


def _by_number(file: Path) -> list[str | int]:
    """A key that sorts part10 after part2."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", file.name)]


def _open(file: Path) -> Tensor:
    return as_matrix(
        _load(file, mmap_mode="c"), f"vectors in {file.name}"
    )  # "c": pages are shared, writes never reach the file


def _load(file: Path, mmap_mode: Any = None) -> NDArray[Any]:
    try:
        with file.open("rb") as opened:
            np.lib.format.read_magic(opened)
        return np.load(file, mmap_mode=mmap_mode, allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError) as error:
        raise FileFormatError(
            f"{str(file)!r} cannot be read as .npy ({error}): it is missing, truncated, of another format or holds Python objects; "
            "write it again with numpy.save, ids as integers or as numpy.asarray(ids, dtype=str)"
        ) from error

"""Work: a corpus cut into pieces of whole row groups, what a worker does with one, and what travels there and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.clock import progress_bar
from nudge_core.corpus.background import Background, top_k
from nudge_core.corpus.base import Mapped
from nudge_core.corpus.copying import write_parquet
from nudge_core.corpus.parquet import ParquetCorpus, open_file
from nudge_core.corpus.places import Place
from nudge_core.data.moves import Moves
from nudge_core.errors import WriteError

BYTES = 128 << 20
"""How many bytes of vectors a piece holds, unless one row group holds more."""


@dataclass(frozen=True)
class Layout:
    """Where a piece lies; small, as it travels.

    `group` is the number of its first row group, `counts` are the rows of each, and `first` is the row of the corpus with which it begins.
    """

    place: Place
    id_column: str
    column: str
    dim: int
    itemsize: int
    group: int
    counts: tuple[int, ...]
    first: int

    @classmethod
    def of(cls, corpus: ParquetCorpus, number: int, group: int = 0, end: int | None = None) -> Layout:
        """Some row groups of one file of a corpus; without an end up to the last."""
        bounds = corpus.groups[number]
        counts = tuple(np.diff(bounds[group : None if end is None else end + 1]).tolist())
        described = (corpus.id_column, corpus.column, corpus.dim, corpus.itemsize)
        return cls(corpus.places[number], *described, group, counts, int(corpus.starts[number] + bounds[group]))

    def __len__(self) -> int:
        return sum(self.counts)

    def within(self, rows: NDArray[np.int64]) -> slice:
        """Which of these rows, ascending, lie in the piece."""
        low, high = np.searchsorted(rows, [self.first, self.first + len(self)])
        return slice(int(low), int(high))


class Piece(ParquetCorpus):
    """The documents of a piece, named by the rows that they have in the whole corpus."""

    def __init__(self, layout: Layout) -> None:
        """Open the file; nothing is read."""
        self.layout, self.places, self.single = layout, [layout.place], True
        layout.place.check()
        self.opened = [open_file(layout.place)]
        self.id_column, self.column = layout.id_column, layout.column
        self.dim, self.itemsize = layout.dim, layout.itemsize
        self.groups = [np.cumsum([0, *layout.counts], dtype=np.int64)]
        self.starts = np.asarray([0, len(layout)], dtype=np.int64)
        self._ids = None

    def names(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids of these rows of the corpus."""
        groups = list(range(self.layout.group, self.layout.group + len(self.layout.counts)))
        ids = self.opened[0].read_row_groups(groups, columns=[self.id_column], use_threads=False).column(0)
        return np.asarray(ids.take(rows - self.layout.first).to_pylist(), dtype=object)

    def blocks(self, size: int) -> Iterator[Tensor]:
        """Without a thread that reads ahead: other workers compute meanwhile."""
        for piece in self._read(size):
            yield from piece.split(size)

    def _batches(self, number: int, size: int, groups: list[int], first: int) -> Iterator[Tensor]:
        return super()._batches(number, size, [group + self.layout.group for group in groups], first)

    def matrix(self, column: Any, first: int) -> Tensor:
        """(rows, dim) without a copy."""
        return super().matrix(column, first + self.layout.first)

    def _norms(self, values: Tensor, first: int) -> Tensor:
        return super()._norms(values, first + self.layout.first)


def pieces(corpus: ParquetCorpus) -> list[Layout]:
    """A corpus cut into pieces of whole row groups; where depends on the files only, so that results do not depend on the cluster."""
    limit = max(1, BYTES // (corpus.dim * corpus.itemsize))
    found = []
    for number, bounds in enumerate(corpus.groups):
        group = 0
        while group < len(bounds) - 1:
            end = max(group + 1, int(np.searchsorted(bounds, bounds[group] + limit, side="right")) - 1)
            found.append(Layout.of(corpus, number, group, end))
            group = end
    return [layout for layout in found if len(layout)]


def background(layout: Layout, asked: Mapping[str, Any]) -> tuple[Background, NDArray[np.float32] | None]:
    """One pass over a piece, on the GPU that Ray gave this worker, else on the CPU: what was found, in rows of the corpus.

    Asked are the options of `Corpus.background`, in arrays; the (dim, dim) `matrix` of a map that documents go through first, or None; and
    whether to `collect` the vectors of the rows left out, which are then found too.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    piece, options = Piece(layout), dict(asked)
    queries, matrix = torch.from_numpy(options.pop("queries").copy()).to(device), options.pop("matrix")
    corpus = piece if matrix is None else Mapped(piece, torch.from_numpy(matrix.copy()))
    left_out = options.pop("exclude")
    inside = left_out[layout.within(left_out)] - layout.first
    passed = torch.empty((len(inside), layout.dim), dtype=torch.float32) if options.pop("collect") else None
    found = corpus.background(queries, exclude=inside, progress=False, passed=passed, **options)
    rows = torch.where(found.rows < 0, -1, found.rows + layout.first).cpu()
    sums = None if found.logsumexp is None else found.logsumexp.cpu()
    return Background(found.scores.cpu(), rows, sums, found.lengths), None if passed is None else passed.numpy()


def rows(wanted: tuple[Layout, NDArray[np.int64]], _: None) -> NDArray[np.float32]:
    """The vectors of these rows of one piece."""
    layout, asked = wanted
    vectors: NDArray[np.float32] = Piece(layout).rows(asked - layout.first).numpy()
    return vectors


class Merger:
    """Takes the backgrounds of numbered pieces in any order. Which are merged with which depends on their numbers alone: so does the result."""

    def __init__(self, count: int) -> None:
        """Wait for `count` pieces."""
        self._counts = [count]
        while self._counts[-1] > 1:
            self._counts.append((self._counts[-1] + 1) // 2)
        self._waiting: dict[tuple[int, int], Background] = {}

    def add(self, number: int, found: Background) -> None:
        """Take one piece, and merge it with its neighbour if that is there, and so on."""
        for level, count in enumerate(self._counts[:-1]):
            other = number ^ 1
            if other < count:
                if (level, other) not in self._waiting:
                    self._waiting[level, number] = found
                    return
                pair = (self._waiting.pop((level, other)), found)
                found = merged(*(pair if other < number else pair[::-1]))
            number //= 2
        self._waiting[len(self._counts) - 1, 0] = found

    def result(self) -> Background:
        """The background of all pieces together, once every one was added."""
        return self._waiting[len(self._counts) - 1, 0]


def merged(first: Background, later: Background) -> Background:
    """The background of two parts of a corpus, the second of which has the higher rows: of equal scores its own come last."""
    scores, order = top_k(torch.cat([first.scores, later.scores], 1), first.scores.shape[1])
    rows = torch.cat([first.rows, later.rows], 1).gather(1, order)
    sums = None
    if first.logsumexp is not None and later.logsumexp is not None:
        sums = torch.logaddexp(first.logsumexp, later.logsumexp)
    lengths = min(first.lengths[0], later.lengths[0]), max(first.lengths[1], later.lengths[1])
    return Background(scores, torch.where(torch.isneginf(scores), -1, rows), sums, lengths)


@dataclass(frozen=True)
class Part:
    """A file to be written: of which it is a copy, as one piece; the fsspec file system that takes it; and its path there."""

    layout: Layout
    fs: Any
    path: str


def write_part(part: Part, tuned: Moves) -> None:
    """Write under a name of its own, then rename: there is the whole file or none, whenever the worker is killed."""
    layout = part.layout
    inside, first = layout.within(tuned.rows), layout.first
    with _renamed(part) as sink:
        if inside.stop > inside.start:
            bar = progress_bar(0, "", shown=False)
            write_parquet(Piece(layout), 0, sink, lambda block, row: tuned.change(block, first + row), bar)
        else:
            for chunk in _chunks(layout.place):
                sink.write(chunk)
        layout.place.check()


def _chunks(place: Place) -> Iterator[bytes]:
    """A file as it is; an error of whoever writes it is not taken for one of reading."""
    with place.open() as source:
        while chunk := source.read(1 << 22):
            yield chunk


@contextmanager
def _renamed(part: Part) -> Iterator[Any]:
    folder, name = part.path.rsplit("/", 1)
    temporary = f"{folder}/.{name}.{uuid4().hex}.part"
    try:
        with part.fs.open(temporary, "wb") as sink:
            yield sink
        part.fs.mv(temporary, part.path)
    except OSError as error:
        raise WriteError(
            f"{part.path!r} cannot be written ({error}): make room or correct the rights, then write again; parts that are finished are kept"
        ) from error
    finally:
        if part.fs.exists(temporary):
            part.fs.rm(temporary)

"""Part: one file of a corpus, written with its moved vectors in place by one worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tqdm.auto import tqdm

from nudge_core.corpus.copying import write_parquet
from nudge_core.corpus.places import Place
from nudge_core.corpus.ray.piece import Layout, Piece
from nudge_core.data.moves import Moves
from nudge_core.errors import WriteError


@dataclass(frozen=True)
class Part:
    """A file to be written.

    Attributes:
        layout: The file that it is a copy of, as one piece.
        fs: The fsspec file system that it is written to.
        path: Its name there.
    """

    layout: Layout
    fs: Any
    path: str


def write_part(part: Part, tuned: Moves) -> None:
    """Write under a name of its own, then rename: there is the whole file or none, whenever the worker is killed.

    Raises:
        WriteError: The file cannot be written.
        FileFormatError: The original cannot be read, or changed meanwhile.
    """
    layout = part.layout
    inside = layout.within(tuned.rows)
    with _renamed(part) as sink:
        if inside.stop > inside.start:
            first, bar = layout.first, tqdm(disable=True)
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

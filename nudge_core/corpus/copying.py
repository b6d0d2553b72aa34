"""Copying: the files of a corpus once more, block by block, with other vectors in some rows. The files themselves are only read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor
from tqdm.auto import tqdm

from nudge_core.arguments import yes_or_no
from nudge_core.clock import progress_bar
from nudge_core.corpus.files import READ, FileCorpus
from nudge_core.corpus.npy import NpyCorpus
from nudge_core.corpus.opening import CorpusLike, open_corpus
from nudge_core.corpus.parquet import ParquetCorpus, batches
from nudge_core.corpus.places import is_url, local
from nudge_core.data.moves import Moves
from nudge_core.data.storage import replacing
from nudge_core.errors import InputError

Change = Callable[[Tensor, int], Tensor]
"""What becomes of a block, (rows, dim) of the type stored, which begins with a row; itself where nothing changes."""


def copy_moved(
    tuned: Moves, source: CorpusLike, target: str | Path, *, overwrite: bool = False, progress: bool = True
) -> None:
    """A copy of the files that were fine-tuned, with the moved vectors in place; see `Nudge.copy_files`."""
    yes_or_no(overwrite=overwrite, progress=progress)
    corpus = open_corpus(source)
    if not isinstance(corpus, FileCorpus):
        raise InputError(f"the source is a {type(corpus).__name__}: give a path, or use apply_to for vectors in memory")
    corpus.check_moves(tuned, "copy")
    copy_files(corpus, target, tuned.change, overwrite=overwrite, progress=progress)


def copy_files(
    corpus: FileCorpus, target: str | Path, change: Change, *, overwrite: bool = False, progress: bool = True
) -> None:
    """Write a copy: a file where the corpus is one; else a folder, which may not be there, of files of the same names.

    It appears under its name when it is complete. `change` is called for each block in row order.
    """
    if is_url(target):
        raise InputError(f"{str(target)!r} is a URL; copies are written on this machine: give a path, then upload it")
    where, folder = local(target), not corpus.single
    if folder and where.exists() and (not where.is_dir() or any(where.iterdir())):
        raise InputError(f"{str(where)!r} is there already: name a folder that is not, so that nothing is mixed up")
    if not folder and where.is_file() and not overwrite and not _same(corpus, where):
        raise InputError(f"{str(where)!r} is there already: give another name, or overwrite=True to replace it")
    if _same(corpus, where):
        raise InputError(f"{str(where)!r} is the corpus itself: give another name, so that the original stays as it is")
    with (
        replacing(where, folder=folder) as temporary,
        progress_bar(len(corpus), "copying", progress) as bar,
    ):
        for number, place in enumerate(corpus.places):
            place.check()
            name = temporary / place.name if folder else temporary
            if isinstance(corpus, NpyCorpus):
                _npy(corpus, number, name, change, bar)
            elif isinstance(corpus, ParquetCorpus):
                write_parquet(corpus, number, name, change, bar)
            place.check()
        for place in corpus.beside if folder else ():
            with place.open() as file, (temporary / place.name).open("wb") as out:
                shutil.copyfileobj(file, out)
            place.check()


def _same(corpus: FileCorpus, where: Path) -> bool:
    """Whether a place is the corpus itself, or a folder within it."""
    taken = (where.resolve(), *(where / "x").resolve().parents)
    return any(place.fs is None and Path(place.path).resolve() in taken for place in corpus.places)


def _npy(corpus: NpyCorpus, number: int, target: Path, change: Change, bar: tqdm[None]) -> None:
    place, array, first = corpus.places[number], corpus.arrays[number], int(corpus.starts[number])
    size = max(1, READ // (corpus.dim * corpus.itemsize))
    with place.open() as file, target.open("wb") as out:
        header = {"descr": npy.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
        npy.write_array_header_1_0(out, header)
        for start in range(0, array.shape[0], size):
            block = array.read(file, start, min(size, array.shape[0] - start))
            before = torch.from_numpy(block if block.dtype.isnative else block.astype(block.dtype.newbyteorder("=")))
            after = change(before, first + start)
            out.write((block if after is before else after.numpy().astype(array.dtype)).tobytes())
            bar.update(len(block))


def write_parquet(corpus: ParquetCorpus, number: int, target: Any, change: Change, bar: tqdm[None]) -> None:
    """Write one file of a corpus once more, to a path or an open file."""
    import pyarrow as pa
    from pyarrow import parquet

    opened, place, first = corpus.opened[number], corpus.places[number], int(corpus.starts[number])
    schema, groups = opened.schema_arrow, opened.metadata.num_row_groups
    columns = [opened.metadata.row_group(0).column(i) for i in range(opened.metadata.num_columns)] if groups else []
    codecs = {column.path_in_schema: column.compression.replace("UNCOMPRESSED", "NONE") for column in columns}
    words = [column.path_in_schema for column in columns if column.has_dictionary_page]
    at, size = schema.get_field_index(corpus.column), max(1, 4 * READ // (corpus.dim * corpus.itemsize))
    options: dict[str, Any] = {"compression": codecs or "NONE", "use_dictionary": words or False}
    with parquet.ParquetWriter(target, schema, **options) as writer:
        for batch in batches(opened, place, size):
            before = corpus.matrix(batch.column(at), first)
            after = change(before, first)
            if after is not before:
                values = pa.array(np.ascontiguousarray(after.numpy()).reshape(-1))
                column = pa.FixedSizeListArray.from_arrays(values, corpus.dim).cast(schema.field(at).type)
                batch = batch.set_column(at, schema.field(at), column)
            writer.write_table(pa.Table.from_batches([batch], schema), row_group_size=size)
            first += batch.num_rows
            bar.update(batch.num_rows)

"""What the tests on Ray share: a corpus in several files, opened in many pieces."""

from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
from pyarrow import parquet as pq

from nudge_core.corpus import RayCorpus

DOCS, DIM = 120, 8
FILES = 3


def write_files(folder: Path, X: np.ndarray, ids: list, *, kind=None, compression="zstd") -> Path:
    """Three files of row groups of ten, with a column of text."""
    folder.mkdir(exist_ok=True)
    for number, rows in enumerate(np.array_split(np.arange(len(X)), FILES)):
        column = pa.array(X[rows].tolist(), type=kind or pa.list_(pa.float32(), X.shape[1]))
        table = pa.table({"text": [f"…{row}" for row in rows], "vector": column, "id": [ids[row] for row in rows]})
        pq.write_table(table, folder / f"part-{number}.parquet", row_group_size=10, compression=compression)
    return folder


def in_pieces(folder: Path, **options) -> RayCorpus:
    """Pieces of two row groups."""
    with mock.patch("nudge_core.corpus.ray.work.BYTES", 20 * DIM * 4):
        return RayCorpus(folder, **{"num_cpus": 2, **options})

"""Files of vectors, and questions about them."""

from pathlib import Path

import numpy as np
import pytest

from nudge_core import QuerySet

DOCS, DIM = 1000, 8


def vectors(docs=DOCS, dim=DIM, seed=0):
    return np.random.default_rng(seed).normal(size=(docs, dim)).astype("f4")


def write_npy(folder: Path, X, ids=None, cuts=()):
    for number, part in enumerate(np.split(X, cuts)):
        np.save(folder / f"{number:03}.npy", part)
    if ids is not None:
        for number, part in enumerate(np.split(np.asarray(ids), cuts)):
            np.save(folder / f"{number:03}.ids.npy", part)
    return folder


def write_parquet(folder: Path, X, ids=None, cuts=(), **options):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'nudge-integrations[files]'")
    from pyarrow import parquet as pq

    ids = [f"d{i}" for i in range(len(X))] if ids is None else ids
    rows = np.split(np.arange(len(X)), cuts)
    for number, part in enumerate(rows):
        column = pa.FixedSizeListArray.from_arrays(pa.array(X[part].reshape(-1)), X.shape[1])
        table = pa.table({"id": [ids[row] for row in part], "text": ["…"] * len(part), "vector": column})
        pq.write_table(table, folder / f"{number:03}.parquet", **options)
    return folder


WRITERS = {"npy": write_npy, "parquet": write_parquet}


def questions(X, count=40, seed=1, about=100):
    """Questions about some of the first documents, by row number."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, about, size=count)
    return QuerySet(X[rows] + rng.normal(size=(count, X.shape[1])), rows[:, None])

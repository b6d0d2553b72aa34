"""A corpus in several files and pieces, on the one Ray of these tests."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if find_spec("ray") is None:
    pytest.skip("ray is not installed: pip install 'nudge-integrations[ray]'", allow_module_level=True)
sys.path.insert(0, str(Path(__file__).parent))
from ray_common import DIM, DOCS, in_pieces, write_files

from nudge_core import QuerySet
from nudge_core.corpus import RayCorpus

collect_ignore = ["cluster_job.py"]


@pytest.fixture
def X() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(DOCS, DIM)).astype("f4")


@pytest.fixture
def folder(tmp_path, X) -> Path:
    return write_files(tmp_path / "corpus", X, [f"doc{i}" for i in range(DOCS)])


@pytest.fixture
def corpus(folder) -> RayCorpus:
    return in_pieces(folder)


@pytest.fixture
def sets(X) -> tuple[QuerySet, QuerySet]:
    """Training and validation questions about the same 30 documents, some in each file."""
    rng = np.random.default_rng(4)
    rows = rng.choice(DOCS, 30, replace=False)
    turn = np.eye(DIM) + 0.5 * rng.normal(size=(DIM, DIM))  # the same for all, so that a map can learn it
    return tuple(
        QuerySet(X[rows] @ turn + 0.3 * rng.normal(size=(30, DIM)), [[f"doc{row}"] for row in rows]) for _ in range(2)
    )

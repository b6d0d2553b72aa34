"""Every kind of corpus, filled with the same vectors. The contract tests run once for each kind and each kind of id."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from nudge_core import open_corpus
from nudge_core.corpus import Corpus, MemoryCorpus, RayCorpus

DOCS, DIM = 53, 6
IDS = {
    "rows": None,
    "integers": [7 * i + 100 for i in range(DOCS)][::-1],
    "strings": [f"dok-{i}-ü" for i in range(DOCS)],
}


def vectors() -> np.ndarray:
    """(DOCS, DIM) float64 of lengths from 0.5 to 2."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(DOCS, DIM))
    return X / np.linalg.norm(X, axis=1, keepdims=True) * rng.uniform(0.5, 2, size=(DOCS, 1))


@dataclass(frozen=True)
class Kind:
    """How to make one kind of corpus: build(folder, (docs, dim) float64, ids); `dtype` is what it stores."""

    name: str
    dtype: torch.dtype
    build: Callable[[Path, np.ndarray, Any], Corpus]
    needs_ids: bool = False

    def stored(self, X: np.ndarray) -> np.ndarray:
        """The vectors after rounding to what is stored, as float32."""
        return torch.from_numpy(X).to(self.dtype).to(torch.float32).numpy()


def npy_folder(folder: Path, X: np.ndarray, ids: Any, cuts: list[int]) -> Corpus:
    for number, part in enumerate(np.split(X, cuts)):
        np.save(folder / f"{number:04}.npy", part)
    if ids is not None:
        np.save(folder / "ids.npy", np.asarray(ids))
    return open_corpus(folder)


def parquet(
    folder: Path, X: np.ndarray, ids: Any, cuts: tuple[int, ...] = (), *, plain: bool = False, **options: Any
) -> Corpus:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'nudge-integrations[files]'")
    from pyarrow import parquet as pq

    parts = zip(np.split(X, cuts), np.split(np.arange(len(X)), cuts), strict=True)
    for number, (part, rows) in enumerate(parts):
        column = (
            pa.array(part.tolist(), type=pa.list_(pa.from_numpy_dtype(X.dtype)))
            if plain
            else pa.FixedSizeListArray.from_arrays(pa.array(part.reshape(-1)), X.shape[1])
        )
        table = pa.table({"text": ["…"] * len(part), "id": [ids[row] for row in rows], "vector": column})
        pq.write_table(table, folder / f"part-{number}.parquet", **options)
    return open_corpus(folder if cuts else folder / "part-0.parquet")


def behind_a_url(make: Callable[[Path, np.ndarray, Any], Corpus]) -> Callable[[Path, np.ndarray, Any], Corpus]:
    """The same files in a file system in memory, which stands for any that fsspec knows."""

    def build(folder: Path, X: np.ndarray, ids: Any) -> Corpus:
        fsspec = pytest.importorskip(
            "fsspec", reason="fsspec is not installed: pip install 'nudge-integrations[files]'"
        )
        make(folder, X, ids)
        fsspec.filesystem("memory").put(f"{folder}/", f"{folder}/", recursive=True)
        return open_corpus(f"memory://{folder}")

    return build


def save(folder: Path, X: np.ndarray, ids: Any) -> Corpus:
    np.save(folder / "X.npy", X)
    return open_corpus(folder / "X.npy", ids=ids)


def read_only(X: np.ndarray) -> np.ndarray:
    X = X.copy()
    X.flags.writeable = False
    return X


def on_ray(folder: Path, X: np.ndarray, ids: Any) -> Corpus:
    """Three files of row groups of five, in pieces of two row groups; one Ray serves all tests."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'nudge-integrations[ray]'")
    parquet(folder, X, ids, (9, 30), row_group_size=5)
    with mock.patch("nudge_core.corpus.ray.work.BYTES", 10 * X.shape[1] * X.itemsize):
        corpus = RayCorpus(folder, num_cpus=2)
    assert len(corpus._pieces_of_all) == 7
    return corpus


f16, f32, f64, b16 = torch.float16, torch.float32, torch.float64, torch.bfloat16
KINDS = [
    Kind("array-float16", f16, lambda _, X, ids: open_corpus(X.astype("f2"), ids)),
    Kind("array-float32", f32, lambda _, X, ids: open_corpus(X.astype("f4"), ids)),
    Kind("array-float64", f64, lambda _, X, ids: open_corpus(X, ids)),
    Kind("array-big-endian", f32, lambda _, X, ids: open_corpus(X.astype(">f4"), ids)),
    Kind("array-every-second-column", f32, lambda _, X, ids: open_corpus(np.repeat(X.astype("f4"), 2, 1)[:, ::2], ids)),
    Kind("array-turned-round", f32, lambda _, X, ids: open_corpus(X.astype("f4")[::-1].copy()[::-1], ids)),
    Kind("array-fortran", f32, lambda _, X, ids: open_corpus(np.asfortranarray(X.astype("f4")), ids)),
    Kind("array-read-only", f32, lambda _, X, ids: open_corpus(read_only(X.astype("f4")), ids)),
    Kind("lists", f64, lambda _, X, ids: open_corpus(X.tolist(), ids)),
    Kind("tensor-float16", f16, lambda _, X, ids: open_corpus(torch.from_numpy(X).half(), ids)),
    Kind("tensor-bfloat16", b16, lambda _, X, ids: open_corpus(torch.from_numpy(X).bfloat16(), ids)),
    Kind("tensor-float32", f32, lambda _, X, ids: open_corpus(torch.from_numpy(X).float(), ids)),
    Kind("tensor-float64", f64, lambda _, X, ids: open_corpus(torch.from_numpy(X.copy()), ids)),
    Kind("tensor-transposed", f32, lambda _, X, ids: open_corpus(torch.from_numpy(X.T.copy()).float().T, ids)),
    Kind("tensor-with-gradient", f32, lambda _, X, ids: open_corpus(torch.from_numpy(X).float().requires_grad_(), ids)),
    Kind("npy-float16", f16, lambda folder, X, ids: save(folder, X.astype("f2"), ids)),
    Kind("npy-float32", f32, lambda folder, X, ids: save(folder, X.astype("f4"), ids)),
    Kind("npy-fortran", f64, lambda folder, X, ids: save(folder, np.asfortranarray(X), ids)),
    Kind("npy-shards", f32, lambda folder, X, ids: npy_folder(folder, X.astype("f4"), ids, [20, 40])),
    Kind("npy-shards-uneven", f16, lambda folder, X, ids: npy_folder(folder, X.astype("f2"), ids, [1, 1, 30, 31, 52])),
    Kind("npy-big-endian", f32, lambda folder, X, ids: save(folder, X.astype(">f4"), ids)),
    Kind("npy-url", f32, behind_a_url(lambda folder, X, ids: npy_folder(folder, X.astype("f4"), ids, [20, 40]))),
    Kind("parquet-url", f16, behind_a_url(lambda folder, X, ids: parquet(folder, X.astype("f2"), ids, (1, 30))), True),
    Kind("parquet-float16", f16, lambda folder, X, ids: parquet(folder, X.astype("f2"), ids), True),
    Kind("parquet-float32", f32, lambda folder, X, ids: parquet(folder, X.astype("f4"), ids), True),
    Kind("parquet-float64", f64, lambda folder, X, ids: parquet(folder, X, ids), True),
    Kind("parquet-plain-list", f32, lambda folder, X, ids: parquet(folder, X.astype("f4"), ids, plain=True), True),
    Kind("parquet-files", f32, lambda folder, X, ids: parquet(folder, X.astype("f4"), ids, (1, 30)), True),
    Kind(
        "parquet-row-groups", f32, lambda folder, X, ids: parquet(folder, X.astype("f4"), ids, row_group_size=4), True
    ),
    Kind(
        "parquet-files-of-row-groups",
        f64,
        lambda folder, X, ids: parquet(folder, X, ids, (9, 9, 40), plain=True, row_group_size=5),
        True,
    ),
    Kind("ray", f32, lambda folder, X, ids: on_ray(folder, X.astype("f4"), ids), True),
]


@dataclass(frozen=True)
class Case:
    """One corpus under test, and what it holds."""

    kind: Kind
    corpus: Corpus
    ids: Any
    X: np.ndarray

    @property
    def reference(self) -> MemoryCorpus:
        return MemoryCorpus(self.X, self.ids)

    def names(self, rows: Any) -> list[Any]:
        return list(rows) if self.ids is None else [self.ids[row] for row in rows]


def marked(value: Any, kind: Kind) -> Any:
    """Ray talks to its own processes by sockets of this machine."""
    return pytest.param(value, marks=pytest.mark.enable_socket if kind.name == "ray" else ())


CASES = [marked((kind, ids), kind) for kind in KINDS for ids in IDS if not (kind.needs_ids and ids == "rows")]


@pytest.fixture(scope="session", params=CASES, ids=lambda pair: f"{pair[0].name}-{pair[1]}")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Each kind of corpus with each kind of id."""
    kind, ids = request.param
    corpus = kind.build(tmp_path_factory.mktemp("corpus"), vectors(), IDS[ids])
    return Case(kind, corpus, IDS[ids], kind.stored(vectors()))


@pytest.fixture(params=[marked(kind, kind) for kind in KINDS], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of corpus, to be filled by the test."""
    return request.param

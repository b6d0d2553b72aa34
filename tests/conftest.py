"""What all tests share: small labelled corpora that any test can draw, and the real data sets where they are."""

import csv
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from nudge_core import NudgeN, QuerySet
from nudge_core.selection.evidence import Evidence

SUPPORTS = Evidence.supports

torch.set_num_threads(1)  # small products: threads that wait for each other cost more than they save
settings.register_profile(
    "suite",
    deadline=None,
    max_examples=30,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of few tests that take long begin first, so that no process waits for another one at the end."""
    first = ("test_ray_loss.py", "test_imports.py")
    items.sort(key=lambda item: item.path.name not in first)


@dataclass(frozen=True)
class Sample:
    """A corpus X (docs, dim) of unit length and labelled questions over it."""

    X: np.ndarray
    train: QuerySet
    validation: QuerySet
    test: QuerySet


@cache
def draw(
    seed: int = 0, docs: int = 60, dim: int = 8, questions: int = 30, sizes: tuple[int, ...] = (1, 2, 3)
) -> Sample:
    """Questions lie near the mean of their relevant documents, so that fine-tuning helps; all else is at random."""
    rng = np.random.default_rng(seed)

    def unit(matrix: np.ndarray) -> np.ndarray:
        return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)

    X = unit(rng.normal(size=(docs, dim)))

    def ask(name: str) -> QuerySet:
        answers = [rng.choice(docs, size=rng.choice(sizes), replace=False).tolist() for _ in range(questions)]
        near = np.stack([X[rows].mean(0) for rows in answers])
        return QuerySet(unit(near + rng.normal(size=near.shape)), answers, ids=[f"{name}{i}" for i in range(questions)])

    X.flags.writeable = False
    return Sample(X, ask("train"), ask("validation"), ask("test"))


@pytest.fixture(scope="session")
def sample() -> Callable[..., Sample]:
    """Draw a labelled corpus: sample(seed, docs=…, dim=…, questions=…, sizes=…)."""
    return draw


@pytest.fixture(scope="session")
def real() -> Callable[[str], Sample]:
    """Open a real set by name; skips the test where the data folder is absent."""
    folder = Path(os.environ.get("NUDGE_DATA") or Path(__file__).parents[2] / "shared" / "data")

    @cache
    def read(name: str) -> Sample:
        arrays = np.load(folder / name / "embeddings.npz")
        X, Q = (arrays[part].astype(np.float32) for part in ("documents", "queries"))
        X, Q = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (X, Q))
        row = {name: i for i, name in enumerate(arrays["document_ids"].tolist())}
        sets = []
        for split in ("train", "dev", "test"):
            qrels: dict[str, dict[int, float]] = defaultdict(dict)
            with (folder / name / "qrels" / f"{split}.tsv").open(newline="", encoding="utf-8") as file:
                for line in csv.DictReader(file, delimiter="\t"):
                    qrels[line["query-id"]][row[line["corpus-id"]]] = float(line["score"])
            sets.append(QuerySet.from_qrels(Q, arrays["query_ids"].tolist(), qrels))
        return Sample(X, *sets)

    def open_set(name: str) -> Sample:
        if not (folder / name / "embeddings.npz").is_file():
            pytest.skip(f"the real data set {name!r} is not in {folder}: set NUDGE_DATA to its folder")
        return read(name)

    return open_set


@pytest.fixture
def closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a method stores take the closed form, which is quick and moves something; `Auto` has tests of its own."""
    monkeypatch.setattr("nudge_integrations.collection.questions.Auto", lambda **_: NudgeN("angles", "nDCG@10"))
    monkeypatch.setattr(Evidence, "supports", property(lambda self: self.gain > 1e-9))  # the samples are small


@pytest.fixture
def learnable() -> tuple[np.ndarray, QuerySet]:
    """(60, 16) documents and 120 questions, those about one document alike and away from it: much can be learned."""
    rng = np.random.default_rng(0)
    X, asked = rng.normal(size=(60, 16)), np.arange(120) % 20
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    near = X[asked] + rng.normal(size=(20, 16))[asked] / 2 + rng.normal(size=(120, 16)) / 10
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    return X.astype(np.float32), QuerySet(near.astype(np.float32), asked.reshape(-1, 1).tolist())


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gain must be supported, as it is outside of tests."""
    monkeypatch.setattr(Evidence, "supports", SUPPORTS)

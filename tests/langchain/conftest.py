"""A labelled collection in a LangChain store on a real engine, and the same vectors and questions in numpy to compare with."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from nudge_core import QuerySet
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import adapter_of

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "stores")]
from engines.base import Lookup


class Asked(Lookup):
    """Counts what it is asked to embed."""

    def __init__(self, known: dict[str, list[float]], dim: int) -> None:
        super().__init__(known, dim)
        self.queries: list[str] = []
        self.documents: list[str] = []

    def embed_query(self, text: str) -> list[float]:
        self.queries.append(text)
        return super().embed_query(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.documents += texts
        return [super(Asked, self).embed_query(text) for text in texts]

    def forget(self) -> None:
        """Count from here."""
        self.queries.clear()
        self.documents.clear()


@dataclass
class World:
    """Sixty documents "d0", "d1", … of the shared sample, in a store and wrapped; the questions are texts that the embedding knows.

    Attributes:
        inner: The store.
        store: The same, wrapped.
        embedding: That of the store.
        X: (docs, dim) float32 the vectors that were added.
    """

    sample: Any
    inner: VectorStore
    embedding: Embeddings
    X: np.ndarray
    store: NudgeVectorStore = field(init=False)

    def __post_init__(self) -> None:
        self.ids = [f"d{i}" for i in range(len(self.X))]
        self.store = NudgeVectorStore(self.inner)

    def queries(self, split: str = "train", ids: bool = True) -> QuerySet:
        """The questions of a split as vectors, with the ids of documents."""
        part = getattr(self.sample, split)
        relevant = [
            {f"d{row}" if ids else row: grade for row, grade in part.relevance[i].items()} for i in range(len(part))
        ]
        return QuerySet(part.embeddings, relevant, ids=part.ids, texts=[f"{name}?" for name in part.ids])

    def pairs(self, split: str = "train") -> list[tuple[str, list[str]]]:
        """The questions of a split as texts."""
        part = self.queries(split)
        return [(text, list(part.relevance[i])) for i, text in enumerate(part.texts)]

    def vectors(self) -> np.ndarray:
        """(docs, dim) what the store holds."""
        return adapter_of(self.inner).read(self.ids)

    def bits(self) -> dict[str, bytes]:
        """The same to the last bit, whatever documents there are."""
        return {
            name: vector.tobytes()
            for names, part in adapter_of(self.inner).walk(100)
            for name, vector in zip(names, part, strict=True)
        }

    def found(self, split: str = "test", k: int = 5) -> list[list[str]]:
        """What a search finds for each question."""
        return [[d.id for d in self.store.similarity_search(text, k=k)] for text, _ in self.pairs(split)]


@pytest.fixture(autouse=True)
def quick(closed_form: None) -> None:
    """These tests are about stores, whatever the method."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Journals are kept here."""
    monkeypatch.setenv("NUDGE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def make(sample: Callable[..., Any], tmp_path: Path) -> Callable[..., World]:
    """A collection: make(engine, metric, seed=…, lengths=…, …); lengths are those of the documents, one for each or one for all."""

    def build(
        engine: Any = None,
        metric: str = "cosine",
        *,
        seed: int = 0,
        lengths: float | Sequence[float] = 1.0,
        **options: Any,
    ) -> World:
        drawn = sample(seed, **options)
        X = (drawn.X * np.broadcast_to(np.asarray(lengths, np.float32), len(drawn.X))[:, None]).astype(np.float32)
        known = {f"text {i}": vector.tolist() for i, vector in enumerate(X)}
        for split in ("train", "validation", "test"):
            part = getattr(drawn, split)
            known |= {f"{name}?": vector.tolist() for name, vector in zip(part.ids, part.embeddings, strict=True)}
        embedding = Asked(known, X.shape[1])
        folder = tmp_path / f"store-{len(list(tmp_path.glob('store-*')))}"
        folder.mkdir()
        inner = (
            InMemoryVectorStore(embedding) if engine is None else engine.build(folder, embedding, metric, X.shape[1])
        )
        texts = [f"text {i}" for i in range(len(X))]
        inner.add_texts(texts, [{"page": i} for i in range(len(X))], ids=[f"d{i}" for i in range(len(X))])
        embedding.forget()
        return World(drawn, inner, embedding, X)

    return build


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    """Sixty documents of unit length in memory."""
    return make()


@pytest.fixture(params=["inmemory", "faiss"])
def engine(request: pytest.FixtureRequest) -> Any:
    """A store in memory that can be saved and loaded, and its metric."""
    from in_memory import ENGINES

    return ENGINES[request.param]


@pytest.fixture
def loaded(engine: Any, tmp_path: Path) -> Callable[[World], VectorStore]:
    """The store of a world, saved and loaded."""
    from in_memory import saved_and_loaded

    return lambda world: saved_and_loaded(world, engine, tmp_path)

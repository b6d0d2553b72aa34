"""Engine: what every test needs of a store, whatever it is."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore


class Lookup(Embeddings):
    """Known vectors for known texts; for any other text a direction drawn from its hash."""

    def __init__(self, known: dict[str, list[float]], dim: int) -> None:
        self.known, self.dim = known, dim

    def embed_query(self, text: str) -> list[float]:
        if text not in self.known:
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
            vector = np.random.default_rng(seed).normal(size=self.dim)
            self.known[text] = (vector / np.linalg.norm(vector)).tolist()
        return self.known[text]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


class Engine:
    """The hooks of StoreContract, and `build` for tests that bring an embedding of their own."""

    def build(self, folder: Path, embedding: Embeddings, metric: str, dim: int) -> VectorStore:
        """A new and empty store; in `folder` if it has files."""
        raise NotImplementedError

    def make(
        self,
        folder: Path,
        metric: str,
        ids: list[str],
        vectors: np.ndarray,
        texts: list[str],
        metadatas: list[dict[str, Any]],
    ) -> VectorStore:
        """A store with these documents and vectors, added the way a user adds them."""
        embedding = Lookup(dict(zip(texts, vectors.tolist(), strict=True)), vectors.shape[1])
        store = self.build(folder, embedding, metric, vectors.shape[1])
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def reopen(self, folder: Path, metric: str, store: VectorStore) -> VectorStore:
        """The same collection as after a restart."""
        pytest.skip("this store lives in memory only")

    def payloads(self, store: VectorStore) -> dict[str, tuple[str, dict[str, Any]]]:
        """Text and metadata of every document."""
        raise NotImplementedError

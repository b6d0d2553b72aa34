"""NudgeVectorStore."""

from __future__ import annotations

from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from nudge_integrations.langchain.wrapping import WrappingVectorStore


class NudgeVectorStore(WrappingVectorStore):
    """A vector store, wrapped."""

    def __init__(self, inner: VectorStore) -> None:
        self.inner = inner

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> NudgeVectorStore:
        """A store in memory."""
        store = cls(InMemoryVectorStore(embedding), **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

"""WrappingVectorStore: a LangChain vector store that hands every call to the one inside, in its own words and with its own scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import run_in_executor
from langchain_core.vectorstores import VectorStore


class WrappingVectorStore(VectorStore):
    """Every search and every read of the store inside; asynchronous calls are its own too.

    Attributes:
        inner: The store inside; what is special to it is called there.
    """

    inner: VectorStore

    @property
    def embeddings(self) -> Embeddings | None:
        """The embedding of the store inside."""
        return self.inner.embeddings

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents of these ids, as the store inside returns them."""
        return self.inner.get_by_ids(ids)

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents of these ids, as the store inside returns them."""
        return await self.inner.aget_by_ids(ids)

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """The k nearest documents."""
        return self.inner.similarity_search(query, k, **kwargs)

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """The k nearest documents."""
        return await self.inner.asimilarity_search(query, k, **kwargs)

    def similarity_search_by_vector(self, embedding: list[float], k: int = 4, **kwargs: Any) -> list[Document]:
        """The k nearest documents of a vector."""
        return self.inner.similarity_search_by_vector(embedding, k, **kwargs)

    async def asimilarity_search_by_vector(self, embedding: list[float], k: int = 4, **kwargs: Any) -> list[Document]:
        """The k nearest documents of a vector."""
        return await self.inner.asimilarity_search_by_vector(embedding, k, **kwargs)

    def similarity_search_with_score(self, *args: Any, **kwargs: Any) -> list[tuple[Document, float]]:
        """The k nearest documents, with scores in the meaning of the store inside: a distance in some, a similarity in others."""
        return self.inner.similarity_search_with_score(*args, **kwargs)

    async def asimilarity_search_with_score(self, *args: Any, **kwargs: Any) -> list[tuple[Document, float]]:
        """The k nearest documents, with scores in the meaning of the store inside: a distance in some, a similarity in others."""
        return await self.inner.asimilarity_search_with_score(*args, **kwargs)

    def similarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The k nearest documents, with scores from 0 to 1."""
        if self._has_relevance:
            return self.inner.similarity_search_with_relevance_scores(query, k, **kwargs)
        return super().similarity_search_with_relevance_scores(query, k, **kwargs)

    async def asimilarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The k nearest documents, with scores from 0 to 1."""
        if self._has_relevance:
            return await self.inner.asimilarity_search_with_relevance_scores(query, k, **kwargs)
        return await super().asimilarity_search_with_relevance_scores(query, k, **kwargs)

    @property
    def _has_relevance(self) -> bool:
        kind = type(self.inner)
        return kind._select_relevance_score_fn is not VectorStore._select_relevance_score_fn

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """That of the store inside; where it has none its score is taken for a cosine similarity, as that of InMemory is."""
        return (
            self.inner._select_relevance_score_fn() if self._has_relevance else lambda score: min(1.0, max(0.0, score))
        )

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """K near documents that differ among each other."""
        return self.inner.max_marginal_relevance_search(query, k, fetch_k, lambda_mult, **kwargs)

    async def amax_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """K near documents that differ among each other."""
        return await self.inner.amax_marginal_relevance_search(query, k, fetch_k, lambda_mult, **kwargs)

    def max_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """K documents near a vector that differ among each other."""
        return self.inner.max_marginal_relevance_search_by_vector(embedding, k, fetch_k, lambda_mult, **kwargs)

    async def amax_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """K documents near a vector that differ among each other."""
        return await self.inner.amax_marginal_relevance_search_by_vector(embedding, k, fetch_k, lambda_mult, **kwargs)

    # What changes the store inside; `_added` and `_deleted` hear of the ids.

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add texts, or replace those of ids that are there."""
        return self._added(self.inner.add_texts(texts, metadatas, **_with(ids), **kwargs))

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add texts, or replace those of ids that are there."""
        return await run_in_executor(
            None, self._added, await self.inner.aadd_texts(texts, metadatas, **_with(ids), **kwargs)
        )

    def add_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """Add documents, or replace those of ids that are there."""
        return self._added(self.inner.add_documents(documents, **kwargs))

    async def aadd_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """Add documents, or replace those of ids that are there."""
        return await run_in_executor(None, self._added, await self.inner.aadd_documents(documents, **kwargs))

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Delete documents by id."""
        done = self.inner.delete(ids, **kwargs)
        self._deleted(ids)
        return done

    async def adelete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Delete documents by id."""
        done = await self.inner.adelete(ids, **kwargs)
        self._deleted(ids)
        return done

    def _added(self, ids: list[str]) -> list[str]:
        """Hear that these documents were added or replaced."""
        return ids

    def _deleted(self, ids: list[str] | None) -> None:
        """Hear that these documents were deleted."""


def _with(ids: list[str] | None) -> dict[str, Any]:
    return {} if ids is None else {"ids": ids}

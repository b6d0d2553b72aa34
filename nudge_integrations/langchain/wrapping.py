"""WrappingVectorStore: a LangChain vector store that hands every call to the one inside, in its own words and with its own scores."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Concatenate, ParamSpec, TypeVar

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from nudge_integrations.stores import loops

P = ParamSpec("P")
R = TypeVar("R")


def _of_inner(name: str, heard: str | None = None) -> Any:
    """A method of the store inside, with LangChain's signature and docstring; what it returns goes to the method `heard` of the store around it."""
    method = getattr(VectorStore, name)
    if iscoroutinefunction(method):

        @wraps(method)
        async def call(self: WrappingVectorStore, *args: Any, **kwargs: Any) -> Any:
            found = await getattr(self.inner, name)(*args, **kwargs)
            return found if heard is None else await loops.in_thread(getattr(self, heard), found)
    else:

        @wraps(method)
        def call(self: WrappingVectorStore, *args: Any, **kwargs: Any) -> Any:
            found = getattr(self.inner, name)(*args, **kwargs)
            return found if heard is None else getattr(self, heard)(found)

    call.__isabstractmethod__ = False  # type: ignore[attr-defined]  # wraps copies what says so
    return call


class _Wrapping(ABCMeta):
    """The class of wrappers, which tells where the constructors of stores are."""

    def __getattr__(cls, name: str) -> Any:
        more = (
            ""
            if name.startswith("_")
            else f": a store is made by its own class, then wrapped: {cls.__name__}(FAISS.load_local(…))"
        )
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}{more}")


class WrappingVectorStore(VectorStore, metaclass=_Wrapping):
    """Every search and every read of the store inside; asynchronous calls are its own too.

    Attributes:
        inner: The store inside; what is special to it is called there.
    """

    inner: VectorStore

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """That of the store inside too: a self-query retriever chooses by it how filters are written."""
        return type(self.__dict__.get("inner", self))

    def __getattr__(self, name: str) -> Any:
        inner = self.__dict__.get("inner")
        if inner is not None and not name.startswith("__") and hasattr(inner, name):
            value = getattr(inner, name)
            if name.startswith("_") or not callable(
                value
            ):  # people look at `store._collection.count()` and `store.docstore`
                return value
            raise AttributeError(f"{name!r} belongs to the store inside: call store.inner.{name}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __reduce__(self) -> Any:
        return _again, (type(self), self.__dict__)

    @property
    def embeddings(self) -> Embeddings | None:
        """The embedding of the store inside."""
        return self.inner.embeddings

    get_by_ids = _of_inner("get_by_ids")
    aget_by_ids = _of_inner("aget_by_ids")
    similarity_search = _of_inner("similarity_search")
    asimilarity_search = _of_inner("asimilarity_search")
    similarity_search_by_vector = _of_inner("similarity_search_by_vector")
    asimilarity_search_by_vector = _of_inner("asimilarity_search_by_vector")
    similarity_search_with_score = _of_inner("similarity_search_with_score")
    asimilarity_search_with_score = _of_inner("asimilarity_search_with_score")
    max_marginal_relevance_search = _of_inner("max_marginal_relevance_search")
    amax_marginal_relevance_search = _of_inner("amax_marginal_relevance_search")
    max_marginal_relevance_search_by_vector = _of_inner("max_marginal_relevance_search_by_vector")
    amax_marginal_relevance_search_by_vector = _of_inner("amax_marginal_relevance_search_by_vector")

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

    def _get_retriever_tags(self) -> list[str]:
        embedding = [] if self.embeddings is None else [type(self.embeddings).__name__]
        return [type(self).__name__, *embedding]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """That of the store inside; where it has none its score is taken for a cosine similarity, as that of InMemory is."""
        return (
            self.inner._select_relevance_score_fn() if self._has_relevance else lambda score: min(1.0, max(0.0, score))
        )

    # What changes the store inside; `_added` and `_deleted` hear of the ids.

    add_texts = _of_inner("add_texts", "_added")
    aadd_texts = _of_inner("aadd_texts", "_added")
    add_documents = _of_inner("add_documents", "_added")
    aadd_documents = _of_inner("aadd_documents", "_added")

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


def _again(kind: type[WrappingVectorStore], state: dict[str, Any]) -> WrappingVectorStore:
    """A wrapper that was pickled or copied."""
    made = kind.__new__(kind)
    made.__dict__.update(state)
    return made


def in_thread(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """The asynchronous twin of a method: the same call in a thread of its own, which goes on to the end when the task is cancelled."""

    @wraps(method)
    async def twin(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await loops.in_thread(getattr(self, method.__name__), *args, **kwargs)

    twin.__doc__ = f"`{method.__name__}`, in a thread of its own, which goes on to the end when the task is cancelled."
    return twin

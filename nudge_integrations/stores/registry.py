"""Which adapter serves which store: looked up by class name, so that no client is imported before it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from nudge_core.errors import InputError, MissingExtraError
from nudge_integrations.stores.base import StoreAdapter

_LANGCHAIN = {
    "langchain_core.vectorstores.in_memory.InMemoryVectorStore": "memory.InMemoryAdapter",
    "langchain_chroma.vectorstores.Chroma": "chroma.ChromaAdapter",
    "langchain_community.vectorstores.faiss.FAISS": "faiss.FaissAdapter",
    "langchain_community.vectorstores.lancedb.LanceDB": "lancedb.LanceDBAdapter",
    "langchain_milvus.vectorstores.milvus.Milvus": "milvus.MilvusAdapter",
    "langchain_postgres.v2.vectorstores.PGVectorStore": "pgvector.PGVectorAdapter",
    "langchain_postgres.vectorstores.PGVector": "pgvector.PGVectorAdapter",
    "langchain_qdrant.qdrant.QdrantVectorStore": "qdrant.QdrantAdapter",
}
_LLAMA_INDEX = {
    "llama_index.core.vector_stores.simple.SimpleVectorStore": "simple.SimpleAdapter",
    "llama_index.vector_stores.chroma.base.ChromaVectorStore": "chroma.ChromaAdapter",
    "llama_index.vector_stores.faiss.base.FaissVectorStore": "faiss.FaissAdapter",
    "llama_index.vector_stores.lancedb.base.LanceDBVectorStore": "lancedb.LanceDBAdapter",
    "llama_index.vector_stores.milvus.base.MilvusVectorStore": "milvus.MilvusAdapter",
    "llama_index.vector_stores.postgres.base.PGVectorStore": "pgvector.PGVectorAdapter",
    "llama_index.vector_stores.qdrant.base.QdrantVectorStore": "qdrant.QdrantAdapter",
}
_OLD = {
    "langchain_community.vectorstores.chroma.Chroma": "Chroma of langchain_chroma, on the same collection",
    "langchain_community.vectorstores.qdrant.Qdrant": "QdrantVectorStore of langchain_qdrant, on the same collection",
    "langchain_qdrant.vectorstores.Qdrant": "QdrantVectorStore of langchain_qdrant, on the same collection",
    "langchain_community.vectorstores.pgvector.PGVector": "PGVector of langchain_postgres, on the same database",
    "langchain_community.vectorstores.milvus.Milvus": "Milvus of langchain_milvus, on the same collection",
    "langchain_community.vectorstores.zilliz.Zilliz": "Milvus of langchain_milvus, on the same collection",
    "langchain.vectorstores.chroma.Chroma": "Chroma of langchain_chroma, on the same collection",
}
"""Classes that LangChain has given up, and what took their place."""
_registered: dict[type, Callable[[Any], StoreAdapter]] = {}


def register_adapter(store: type, make: Callable[[Any], StoreAdapter]) -> None:
    """Say how a class of vector stores is adapted; a later call for the same class replaces an earlier one.

    Args:
        store: The class of a framework's vector store; its subclasses are served too.
        make: From an object of that class to its adapter.

    Example:
        >>> from nudge_integrations.stores import adapter_of, register_adapter
        >>> class MyStore: ...
        >>> register_adapter(MyStore, lambda store: print("adapting", type(store).__name__))
        >>> adapter_of(MyStore())
        adapting MyStore
    """
    if not isinstance(store, type):
        raise InputError(f"store is {store!r}; expected the class of a vector store, for example type(store)")
    _registered[store] = make


def adapter_of(store: Any) -> StoreAdapter:
    """The adapter of a LangChain vector store.

    Raises:
        InputError: No adapter is known for its class, or the store cannot be served as it is set up.
        MissingExtraError: The store's client is not installed.
    """
    known = check_known(store)
    return _adapter(known, store).of_langchain(store) if isinstance(known, str) else known(store)


def adapter_of_index(index: Any) -> StoreAdapter:
    """The adapter of the vector store of a LlamaIndex `VectorStoreIndex`.

    Raises:
        InputError: No adapter is known for its class, or the store cannot be served as it is set up.
        MissingExtraError: The store's client is not installed.
    """
    store = index.vector_store
    known = check_known_of_index(store)
    return _adapter(known, store).of_llama_index(index) if isinstance(known, str) else known(store)


def check_known(store: Any) -> Callable[[Any], StoreAdapter] | str:
    """What makes the adapter of a LangChain vector store.

    Raises:
        InputError: No adapter is known for its class.
    """
    return _known(store, _LANGCHAIN)


def check_known_of_index(store: Any) -> Callable[[Any], StoreAdapter] | str:
    """What makes the adapter of a LlamaIndex vector store.

    Raises:
        InputError: No adapter is known for its class.
    """
    return _known(store, _LLAMA_INDEX)


def _known(store: Any, names: Mapping[str, str]) -> Callable[[Any], StoreAdapter] | str:
    for base in type(store).__mro__:
        found = _registered.get(base) or names.get(f"{base.__module__}.{base.__qualname__}")
        if found:
            return found
    name = f"{type(store).__module__}.{type(store).__qualname__}"
    for base in type(store).__mro__:
        if new := _OLD.get(f"{base.__module__}.{base.__qualname__}"):
            raise InputError(f"{name} is an old class: open the store with {new}, and wrap that")
    kinds = ", ".join(sorted(name.rsplit(".", 1)[1] for name in names))
    raise InputError(
        f"no adapter is known for {name}; there are some for {kinds}. Write a "
        "StoreAdapter (docs/adapters.md: five methods, and a test kit that checks them) and call "
        "nudge_integrations.stores.register_adapter(type(store), make)"
    )


def _adapter(known: str, store: Any) -> Any:
    """The class of an adapter, whose module imports the client."""
    module, name = known.split(".")
    try:
        return getattr(import_module(f"nudge_integrations.stores.{module}"), name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), module, f"moving the vectors of {type(store).__name__}") from error

"""Which adapter serves which store: looked up by class name, so that no client is imported before it is used."""

from __future__ import annotations

from collections.abc import Callable
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
    if not isinstance(known, str):
        return known(store)
    module, name = known.split(".")
    try:
        adapter = getattr(import_module(f"nudge_integrations.stores.{module}"), name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), module, f"moving the vectors of {type(store).__name__}") from error
    return adapter.of_langchain(store)  # type: ignore[no-any-return]


def check_known(store: Any) -> Callable[[Any], StoreAdapter] | str:
    """What makes the adapter of a store.

    Raises:
        InputError: No adapter is known for its class.
    """
    for base in type(store).__mro__:
        found = _registered.get(base) or _LANGCHAIN.get(f"{base.__module__}.{base.__qualname__}")
        if found:
            return found
    kinds = ", ".join(sorted(name.rsplit(".", 1)[1] for name in _LANGCHAIN))
    raise InputError(
        f"no adapter is known for {type(store).__module__}.{type(store).__qualname__}; there are some for {kinds}. Write a "
        "StoreAdapter (docs/adapters.md: five methods, and a test kit that checks them) and call "
        "nudge_integrations.stores.register_adapter(type(store), make)"
    )

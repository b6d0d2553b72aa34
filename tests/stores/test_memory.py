"""LangChain's InMemoryVectorStore: the contract, and the standard suite of LangChain, whole."""

import pytest
from engines.memory import InMemoryEngine
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from nudge_core.errors import InputError
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import adapter_of
from nudge_integrations.testing import StoreContract


class TestContract(InMemoryEngine, StoreContract):
    pass


class TestStandardWrapped(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        return NudgeVectorStore(InMemoryVectorStore(self.get_embeddings()))


def test_an_empty_store_is_refused():
    with pytest.raises(InputError, match="holds no documents: add some first"):
        adapter_of(InMemoryVectorStore(None))


def test_a_write_puts_other_rows_in_the_place_of_those_it_read():
    engine = InMemoryEngine()
    store = engine.build(None, None, "cosine", 2)
    store.store = {"a": {"id": "a", "vector": [0.6, 0.8], "text": "", "metadata": {}}}
    row = store.store["a"]
    adapter = adapter_of(store)
    adapter.replace(["a"], adapter.read(["a"])[:, ::-1])
    assert row["vector"] == [0.6, 0.8]
    assert store.store["a"]["vector"] == [0.8, 0.6]
    assert all(type(value) is float for value in store.store["a"]["vector"])


@pytest.mark.parametrize("read", [lambda a: a.read(["a", "b"]), lambda a: list(a.walk(10))], ids=["by id", "all"])
def test_mixed_dimensions_are_named(read):
    store = InMemoryVectorStore(None)
    store.store = {
        name: {"id": name, "vector": vector, "text": ""} for name, vector in (("a", [1.0, 0.0]), ("b", [1.0]))
    }
    with pytest.raises(InputError, match=r"of 2 and of 1 dimensions, as of 'b', are mixed in InMemory: embed all"):
        read(adapter_of(store))

"""LangChain's InMemoryVectorStore: the contract, and the standard suite of LangChain through the wrapper."""

from engines.memory import InMemoryEngine

from nudge_integrations.testing import StoreContract


class TestContract(InMemoryEngine, StoreContract):
    pass

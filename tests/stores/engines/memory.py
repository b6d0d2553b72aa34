"""LangChain's InMemoryVectorStore."""

from langchain_core.vectorstores import InMemoryVectorStore

from .base import Engine


class InMemoryEngine(Engine):
    metrics = ("cosine",)

    def build(self, folder, embedding, metric, dim):
        return InMemoryVectorStore(embedding)

    def payloads(self, store):
        return {name: (row["text"], row["metadata"]) for name, row in store.store.items()}

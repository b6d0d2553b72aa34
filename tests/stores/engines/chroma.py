"""LangChain's Chroma, on files in this process and on a server."""

import uuid

import chromadb
import pytest
from langchain_chroma import Chroma

from .base import Engine

SPACES = {"cosine": "cosine", "dot": "ip", "l2": "l2"}


class ChromaEngine(Engine):
    """A persistent client for each folder."""

    metrics = tuple(SPACES)
    keeps_length = False  # a few vectors of a cosine collection lose their last bit

    @pytest.fixture(autouse=True)
    def clients(self):
        self.opened = []
        yield
        for client in self.opened:
            client.close()

    def client(self, folder):
        return chromadb.PersistentClient(str(folder))

    def build(self, folder, embedding, metric, dim):
        return self.open(folder, embedding, f"test-{uuid.uuid4()}", {"hnsw": {"space": SPACES[metric]}})

    def open(self, folder, embedding, name, configuration=None):
        store = Chroma(name, embedding, client=self.client(folder), collection_configuration=configuration)
        self.opened = [*getattr(self, "opened", ()), store._client]
        return store

    def reopen(self, folder, metric, store):
        store._client.close()  # else the next client shares what this one holds in memory
        return self.open(folder, store.embeddings, store._collection.name)

    def payloads(self, store):
        rows = store._collection.get(include=["documents", "metadatas"])
        return dict(zip(rows["ids"], zip(rows["documents"], rows["metadatas"], strict=True), strict=True))


class ChromaServerEngine(ChromaEngine):
    """Clients of the server at `port`, which a fixture of the test class sets."""

    metrics = ("cosine",)
    port: int

    def client(self, folder):
        return chromadb.HttpClient("127.0.0.1", self.port)

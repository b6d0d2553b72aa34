"""LangChain's QdrantVectorStore on the local mode of the client."""

import uuid

from langchain_qdrant import QdrantVectorStore
from qdrant_client import QdrantClient, models

from .base import Engine

DISTANCES = {"cosine": models.Distance.COSINE, "dot": models.Distance.DOT, "l2": models.Distance.EUCLID}


class QdrantEngine(Engine):
    """In memory, the vector without a name."""

    keeps_length = False
    vector = ""

    def client(self, folder):
        return QdrantClient(":memory:")

    def vectors(self, metric, dim):
        return models.VectorParams(size=dim, distance=DISTANCES[metric])

    def open(self, client, embedding, metric):
        return QdrantVectorStore(client, "docs", embedding, vector_name=self.vector, distance=DISTANCES[metric])

    def build(self, folder, embedding, metric, dim):
        client = self.client(folder)
        client.create_collection("docs", vectors_config=self.vectors(metric, dim))
        return self.open(client, embedding, metric)

    def make(self, folder, metric, ids, vectors, texts, metadatas):
        return super().make(folder, metric, [native(name) for name in ids], vectors, texts, metadatas)

    def payloads(self, store):
        found, _ = store.client.scroll("docs", limit=1000)
        return {str(point.id): (point.payload["page_content"], point.payload["metadata"]) for point in found}

    def ids(self, count):
        return ["0", "7", str(2**64 - 1), *(str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))) for i in range(count - 3))]


class QdrantFolderEngine(QdrantEngine):
    """In a folder, which one client at a time opens; one of two named vectors."""

    vector = "text"

    def client(self, folder):
        return QdrantClient(path=str(folder))

    def vectors(self, metric, dim):
        return {"text": super().vectors(metric, dim), "title": models.VectorParams(size=3, distance="Dot")}

    def open(self, client, embedding, metric):
        hurry(client)
        return super().open(client, embedding, metric)

    def reopen(self, folder, metric, store):
        store.client.close()
        return self.open(self.client(folder), store.embeddings, metric)


def native(name):
    """A point id as the client takes it."""
    return int(name) if name.isdigit() else name


def hurry(client):
    """Do not wait for the disk with each point of a folder."""
    for held in client._client.collections.values():
        held.storage.storage.execute("PRAGMA synchronous = OFF")

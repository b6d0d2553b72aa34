"""One class a vector store of LlamaIndex, on the real engine: it makes an index, opens it anew, and reads texts and metadata past any adapter."""

import json
import uuid
import warnings

import chromadb
import faiss
import lancedb
from engines.pgvector import rows, server, sync_engine
from engines.qdrant import hurry
from llama_base import Engine
from llama_index.core import StorageContext, load_index_from_storage
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.vector_stores.chroma import ChromaVectorStore
from llama_index.vector_stores.faiss import FaissMapVectorStore, FaissVectorStore
from llama_index.vector_stores.lancedb import LanceDBVectorStore
from llama_index.vector_stores.postgres import PGVectorStore
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient, models
from sqlalchemy.ext.asyncio import create_async_engine


class SimpleEngine(Engine):
    """Persisted and loaded."""

    def open(self, folder, metric, dim, old=None):
        return SimpleVectorStore()

    def reopen(self, folder, metric, index):
        index.storage_context.persist(str(folder / "index"))
        return load_index_from_storage(
            StorageContext.from_defaults(persist_dir=str(folder / "index")), embed_model=index._embed_model
        )


class ChromaEngine(Engine):
    """Files."""

    metrics = ("cosine", "dot", "l2")
    keeps_length = False

    def open(self, folder, metric, dim, old=None):
        if old is not None:
            old._collection._client._system.stop()
            chromadb.api.client.SharedSystemClient.clear_system_cache()
        client = chromadb.PersistentClient(str(folder))
        space = {"hnsw": {"space": {"dot": "ip"}.get(metric, metric)}}
        return ChromaVectorStore(client.get_or_create_collection("nodes", configuration=space, embedding_function=None))

    def payloads(self, index):
        found = index.vector_store._collection.get(include=["documents", "metadatas"])
        return {
            name: (text, about)
            for name, text, about in zip(found["ids"], found["documents"], found["metadatas"], strict=True)
        }


class QdrantEngine(Engine):
    """A folder; the vector has the name that LlamaIndex gives it."""

    metrics = ("cosine", "dot", "l2")
    keeps_length = False

    def open(self, folder, metric, dim, old=None):
        if old is not None:
            old.client.close()
        client = QdrantClient(path=str(folder / "qdrant"))
        params = models.VectorParams(size=dim or 1, distance={"cosine": "Cosine", "dot": "Dot", "l2": "Euclid"}[metric])
        store = QdrantVectorStore("nodes", client, dense_config=params, index_doc_id=False)
        if dim:
            store._create_collection("nodes", dim)
        hurry(client)
        return store

    def payloads(self, index):
        found, _ = index.vector_store.client.scroll("nodes", limit=1000)
        held = {str(point.id): dict(point.payload) for point in found}
        return {name: (json.loads(payload.pop("_node_content"))["text"], payload) for name, payload in held.items()}

    def ids(self, count):
        return [str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))) for i in range(count)]


class FaissEngine(Engine):
    """Nodes known by their position; persisted and loaded."""

    metrics = ("dot", "l2")
    kind = FaissVectorStore

    def index(self, metric, dim):
        return faiss.IndexFlatIP(dim) if metric == "dot" else faiss.IndexFlatL2(dim)

    def open(self, folder, metric, dim, old=None):
        return self.kind(self.index(metric, dim))

    def reopen(self, folder, metric, index):
        path = str(folder / "index")
        index.storage_context.persist(path)
        context = StorageContext.from_defaults(vector_store=self.kind.from_persist_dir(path), persist_dir=path)
        return load_index_from_storage(context, embed_model=index._embed_model)


class FaissMapEngine(FaissEngine):
    """Nodes known by a mapping in the store."""

    kind = FaissMapVectorStore

    def index(self, metric, dim):
        return faiss.IndexIDMap2(super().index(metric, dim))


class LanceDBEngine(Engine):
    """A folder."""

    metrics = ("l2",)

    def open(self, folder, metric, dim, old=None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of lancedb, for what LlamaIndex calls
            return LanceDBVectorStore(str(folder), "nodes", connection=lancedb.connect(str(folder)))

    def payloads(self, index):
        found = index.vector_store._table.to_arrow().to_pylist()
        return {row["id"]: (row["text"], row["metadata"]) for row in found}


class PGVectorEngine(Engine):
    """A table of a server behind a unix socket."""

    halfvec = False

    def open(self, folder, metric, dim, old=None):
        name = f"nodes_{uuid.uuid4().hex}" if old is None else old.table_name
        engines = {"engine": sync_engine(), "async_engine": create_async_engine(server().get_uri(driver="asyncpg"))}
        return PGVectorStore("", "", name, embed_dim=dim or old.embed_dim, use_halfvec=self.halfvec, **engines)

    def payloads(self, index):
        found = rows(f"SELECT node_id, text, metadata_ FROM data_{index.vector_store.table_name}")
        return {row[0]: (row[1], row[2]) for row in found}


class PGHalfvecEngine(PGVectorEngine):
    """Vectors of float16, and an HNSW index."""

    halfvec = True

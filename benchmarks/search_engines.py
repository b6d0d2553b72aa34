"""Stores of LangChain on databases that run in this process, filled with vectors that are given."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from numpy.typing import NDArray

Blocks: TypeAlias = list[tuple[list[str], NDArray[np.float32]]]


class Given(Embeddings):
    """No model: documents and questions come as vectors."""

    def embed_query(self, text: str) -> list[float]:  # noqa: D102
        raise NotImplementedError(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:  # noqa: D102
        raise NotImplementedError(texts)


def rows(blocks: Blocks, step: int = 2000) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """The blocks in smaller ones."""
    for ids, vectors in blocks:
        for start in range(0, len(ids), step):
            yield ids[start : start + step], vectors[start : start + step]


@contextmanager
def chroma(folder: Path, blocks: Blocks) -> Iterator[VectorStore]:
    """A persistent client, whose index is HNSW."""
    import chromadb
    from langchain_chroma import Chroma

    client = chromadb.PersistentClient(str(folder))
    store = Chroma("documents", Given(), client=client, collection_configuration={"hnsw": {"space": "cosine"}})
    for ids, vectors in rows(blocks):
        store._collection.add(ids, embeddings=vectors, documents=ids)
    yield store
    client.close()


@contextmanager
def qdrant(folder: Path, blocks: Blocks) -> Iterator[VectorStore]:  # noqa: ARG001
    """The local mode of the client, which searches exactly."""
    from langchain_qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    dim = blocks[0][1].shape[1]
    client.create_collection("documents", models.VectorParams(size=dim, distance=models.Distance.COSINE))
    for ids, vectors in rows(blocks):
        client.upsert("documents", models.Batch(ids=[*map(number, ids)], vectors=vectors.tolist()))
    yield QdrantVectorStore(client, "documents", Given(), validate_embeddings=False, validate_collection_config=False)


@contextmanager
def lancedb(folder: Path, blocks: Blocks) -> Iterator[VectorStore]:
    """A table in a folder, with an IVF_PQ index."""
    import lancedb as client
    import pyarrow as pa
    from lancedb.index import IvfPq

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_community.vectorstores import LanceDB

    dim = blocks[0][1].shape[1]
    parts = [
        pa.table(
            {
                "id": ids,
                "text": ids,
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dim),
            }
        )
        for ids, vectors in blocks
    ]
    opened = client.connect(folder)
    table = opened.create_table("vectorstore", pa.concat_tables(parts))
    table.create_index("vector", config=IvfPq(distance_type="cosine"))
    yield LanceDB(opened, Given(), mode="append")


@contextmanager
def milvus(folder: Path, blocks: Blocks) -> Iterator[VectorStore]:
    """Milvus Lite in a file, with an HNSW index."""
    from langchain_milvus import Milvus
    from milvus_lite.server_manager import server_manager_instance
    from pymilvus import DataType, MilvusClient

    uri, name = str(folder / "documents.db"), f"c_{uuid.uuid4().hex}"
    client = MilvusClient(uri)
    schema = client.create_schema(auto_id=False)
    schema.add_field("pk", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("text", DataType.VARCHAR, max_length=64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=blocks[0][1].shape[1])
    index = client.prepare_index_params()
    index.add_index("vector", index_type="HNSW", metric_type="COSINE", params={"M": 16, "efConstruction": 64})
    client.create_collection(name, schema=schema, index_params=index)
    for ids, vectors in rows(blocks):
        client.insert(name, [{"pk": i, "text": i, "vector": v} for i, v in zip(ids, vectors, strict=True)])
    client.flush(name)
    yield Milvus(Given(), name, connection_args={"uri": uri})
    client.close()
    server_manager_instance.release_server(uri)


def number(name: str) -> str:
    """An id as Qdrant takes it."""
    return name if len(name) == 36 else str(uuid.uuid5(uuid.NAMESPACE_URL, name))


ENGINES: dict[str, Callable[[Path, Blocks], AbstractContextManager[Any]]] = {
    "Chroma, HNSW": chroma,
    "Qdrant, local mode": qdrant,
    "LanceDB, IVF_PQ": lancedb,
    "Milvus Lite, HNSW": milvus,
}

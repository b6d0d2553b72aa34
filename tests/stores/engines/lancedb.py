"""LangChain's LanceDB, in a folder."""

import warnings

import lancedb
import pyarrow as pa
from lancedb.index import IvfFlat

from .base import Engine

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from langchain_community.vectorstores import LanceDB


class LanceDBEngine(Engine):
    """Without an index, which ranks by l2 whatever the class is told."""

    metrics = ("l2",)

    def build(self, folder, embedding, metric, dim):
        return LanceDB(lancedb.connect(folder), embedding, distance=metric, mode="append")

    def reopen(self, folder, metric, store):
        return self.build(folder, store.embeddings, metric, 0)

    def payloads(self, store):
        held = store.get_table().to_arrow().select(["id", "text", "metadata"]).to_pylist()
        return {row["id"]: (row["text"], row["metadata"]) for row in held}


class LanceDBDoubleEngine(LanceDBEngine):
    """Numbers of float64, in a table that somebody made beforehand."""

    numbers = pa.float64()

    def build(self, folder, embedding, metric, dim):
        metadata = pa.struct({"page": pa.int64(), "source": pa.string()})
        columns = {"vector": pa.list_(self.numbers, dim), "id": pa.string(), "text": pa.string(), "metadata": metadata}
        if dim:
            lancedb.connect(folder).create_table("vectorstore", schema=pa.schema(columns))
        return super().build(folder, embedding, metric, dim)


class LanceDBHalfEngine(LanceDBDoubleEngine):
    """Numbers of float16."""

    numbers = pa.float16()


class LanceDBIndexEngine(LanceDBEngine):
    """With an index, whose metric decides."""

    metrics = ("cosine", "dot", "l2")

    def make(self, folder, metric, ids, vectors, texts, metadatas):
        store = super().make(folder, metric, ids, vectors, texts, metadatas)
        store.get_table().create_index("vector", config=IvfFlat(distance_type=metric, num_partitions=1))
        return store

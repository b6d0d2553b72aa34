"""LangChain's Milvus on Milvus Lite, whose server is a thread of this process."""

import atexit
import shutil
import tempfile
import time
import uuid
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

from langchain_milvus import Milvus
from milvus_lite.server_manager import server_manager_instance
from pymilvus.client import grpc_handler

from .base import Engine

METRICS = {"cosine": "COSINE", "dot": "IP", "l2": "L2"}
# The client asks every ten seconds whether the server is there, even where it does nothing; Milvus Lite's server hangs up on who asks so often.
PATIENT = {"grpc_options": {"grpc.keepalive_time_ms": 2**31 - 1}}

# The client sleeps for half a second before it asks whether an index is ready, which it is at once here.
hasty = ModuleType("time")
hasty.__dict__.update(vars(time), sleep=lambda seconds: time.sleep(seconds / 100))
grpc_handler.time = hasty


@cache
def file() -> str:
    """A database that lives as long as the tests."""
    folder = tempfile.mkdtemp(prefix="milvus-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server_manager_instance.release_all)  # runs first
    return str(Path(folder) / "docs.db")


class MilvusEngine(Engine):
    """Ids that are texts."""

    options = {"enable_dynamic_field": True}

    def build(self, folder, embedding, metric, dim):
        return self.open(f"c_{uuid.uuid4().hex}", embedding, metric)

    def open(self, name, embedding, metric):
        index = {"index_type": "AUTOINDEX", "metric_type": METRICS[metric], "params": {}}
        return Milvus(embedding, name, connection_args={"uri": file(), **PATIENT}, index_params=index, **self.options)

    def reopen(self, folder, metric, store):
        store.client.close()
        server_manager_instance.release_server(file())
        return self.open(store.collection_name, store.embeddings, metric)

    def payloads(self, store):
        rows = store.client.query(
            store.collection_name, filter="page >= 0", output_fields=["*"], consistency_level="Strong"
        )
        return {
            str(row.pop("pk")): (row.pop("text"), {name: row[name] for name in row if name != "vector"}) for row in rows
        }


class MilvusAutoEngine(MilvusEngine):
    """Ids that the store counts itself."""

    def make(self, folder, metric, ids, vectors, texts, metadatas):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it makes the ids itself
            store = super().make(folder, metric, None, vectors, texts, metadatas)
        assert sorted(row["pk"] for row in store.client.query(store.collection_name, filter="", limit=1000)) == list(
            map(int, ids)
        )
        return store

    def ids(self, count):
        return [str(i + 1) for i in range(count)]

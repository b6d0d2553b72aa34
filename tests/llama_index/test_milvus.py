"""LlamaIndex's MilvusVectorStore on Milvus Lite: it needs pymilvus < 3, LangChain's Milvus 3, so this runs where the latter is not installed."""

import shutil
import tempfile
import uuid
from pathlib import Path

import pytest

MilvusVectorStore = pytest.importorskip("llama_index.vector_stores.milvus").MilvusVectorStore

from llama_base import Engine
from llama_worlds import World, found, nearest
from milvus_lite.server_manager import server_manager_instance

from nudge_integrations.llama_index import evaluate_index, index_documents, index_history, nudge_index, restore_index
from nudge_integrations.testing import StoreContract

METRICS = {"cosine": "COSINE", "dot": "IP", "l2": "L2"}


@pytest.fixture(scope="module", autouse=True)
def file():
    """A database for all of these tests."""
    folder = tempfile.mkdtemp(prefix="milvus-")
    MilvusEngine.uri = str(Path(folder) / "nodes.db")
    yield
    server_manager_instance.release_all()
    shutil.rmtree(folder, ignore_errors=True)


class MilvusEngine(Engine):
    """A collection each; opened anew, its server has another port."""

    metrics = ("cosine", "dot", "l2")

    def open(self, folder, metric, dim, old=None):
        name = f"c_{uuid.uuid4().hex}" if old is None else old.collection_name
        if old is not None:
            old.client.close()
            server_manager_instance.release_server(self.uri)
        options = {"similarity_metric": METRICS[metric], "use_async_client": False}
        store = MilvusVectorStore(self.uri, collection_name=name, dim=dim or None, **options)
        store.client.load_collection(name)  # which nobody does after a restart
        return store

    def payloads(self, index):
        store = index.vector_store
        rows = store.client.query(
            store.collection_name, filter="page >= 0", output_fields=["*"], consistency_level="Strong"
        )
        return {
            row["id"]: (row["text"], {key: row[key] for key in row if key not in ("id", "text", "embedding")})
            for row in rows
        }


class TestContract(MilvusEngine, StoreContract):
    pass


def test_nudged_measured_and_restored(sample, tmp_path):
    world = World(sample(), MilvusEngine(), tmp_path / "store")
    before = world.vectors()
    retriever = world.index.as_retriever(similarity_top_k=5)
    report = nudge_index(world.index, world.pairs(), world.pairs("validation"), progress=False)
    assert report.applied
    assert found(retriever, world.pairs("test")) == nearest(world, world.vectors())
    assert len(evaluate_index(world.index, world.pairs("test"), progress=False)) == 30
    assert len(list(index_documents(world.index))) == 60
    again = world.engine.reopen(world.folder, "cosine", world.index)
    assert [run.kind for run in index_history(again)] == ["nudge"]
    restore_index(again, progress=False)
    assert world.vectors(again).tobytes() == before.tobytes()

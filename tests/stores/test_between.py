"""Somebody changes a document between the comparison of its vector and the write: it keeps its vector, or is told of."""

import threading
import time

import numpy as np
import pytest
from engines.chroma import ChromaEngine
from engines.lancedb import LanceDBEngine
from engines.memory import InMemoryEngine
from engines.milvus import MilvusEngine
from engines.pgvector import PGVectorEngine
from engines.qdrant import QdrantEngine
from sqlalchemy import text

from nudge_integrations.stores import adapter_of, memory

IDS = [str(i) for i in range(1, 9)]


def rows(seed):
    vectors = np.random.default_rng(seed).normal(size=(8, 16))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def filled(engine, folder, metric="cosine"):
    """A store, its adapter, and what its documents hold."""
    store = engine.make(folder, metric, IDS, rows(0), [f"text {i}" for i in IDS], [{"page": 1, "source": "a"}] * 8)
    adapter = adapter_of(store)
    return store, adapter, adapter.fetch(IDS)


def id_of(store):
    return 3 if isinstance(store, QdrantEngine) else "3"


@pytest.mark.parametrize("engine", [ChromaEngine(), QdrantEngine(), MilvusEngine()], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("when", ["right before the write", "right after it"])
@pytest.mark.parametrize("how", ["another text", "the same text, other metadata"])
def test_a_store_that_writes_whatever_is_there(engine, tmp_path, monkeypatch, when, how):
    store, adapter, before = filled(engine, tmp_path)
    new, told = rows(1).astype(adapter.dtype), "changed" if how == "another text" else "text 3"
    real = type(adapter)._put

    def put(self, *args):
        if when == "right after it":
            real(self, *args)
        name = 3 if isinstance(engine, QdrantEngine) else "3"
        store.add_texts([told], [{"page": 2, "source": "b"}], ids=[name])
        if when == "right before the write":
            real(self, *args)

    monkeypatch.setattr(type(adapter), "_put", put)
    lost = adapter.replace(before, new)
    held = adapter.fetch(IDS)
    own = np.asarray(store.embeddings.embed_query(told), np.float64)
    assert lost == (["3"] if when == "right before the write" else [])
    assert (float(held["3"].astype(np.float64) @ own) > 0.999) == (not lost)
    done = [name for name in IDS if name != "3"]
    np.testing.assert_allclose([held[name] for name in done], new[[IDS.index(name) for name in done]], atol=1e-6)


def test_what_lancedb_finds_in_the_version_before_its_own_is_written_back(tmp_path, monkeypatch):
    store, adapter, before = filled(LanceDBEngine(), tmp_path, "l2")
    real, done = type(adapter)._merge, []

    def merge(self, table, new):
        if len(done) < 2:  # again while the first is written back
            done.append(table)
            store.delete(["3"])
            store.add_texts([f"changed {len(done)}"], [{"page": 2, "source": "b"}], ids=["3"])
            store.add_texts(["new"], [{"page": 2, "source": "b"}], ids=[f"more {len(done)}"])
        return real(self, table, new)

    monkeypatch.setattr(type(adapter), "_merge", merge)
    adapter.replace(before, rows(1).astype(np.float32))
    held = adapter.fetch(IDS)
    assert held["3"].tobytes() == np.asarray(store.embeddings.embed_query("changed 2"), np.float32).tobytes()
    assert held["5"].tobytes() == rows(1)[4].astype(np.float32).tobytes()
    assert adapter.count() == 10


def test_pgvector_looks_again_at_a_row_that_another_transaction_has_locked(tmp_path):
    store, adapter, before = filled(PGVectorEngine(), tmp_path)
    writer = threading.Thread(target=adapter.replace, args=(before, rows(1).astype(np.float32)))
    own = np.asarray(rows(2)[0], np.float32)
    change = text(
        "UPDATE langchain_pg_embedding SET embedding = CAST(:v AS vector), document = 'changed' WHERE id = '3'"
    )
    with store._engine.begin() as c:
        c.execute(change, {"v": str(own.tolist())})
        writer.start()
        time.sleep(0.3)
        assert writer.is_alive(), "it waits for the row"
    writer.join(30)
    held = adapter.fetch(IDS)
    assert held["3"].tobytes() == own.tobytes()
    assert held["5"].tobytes() == rows(1)[4].astype(np.float32).tobytes()


@pytest.mark.parametrize("how", ["added again", "deleted"])
def test_rows_in_memory_are_those_that_were_read(tmp_path, monkeypatch, how):
    store, adapter, before = filled(InMemoryEngine(), tmp_path)
    real, done = memory._swap, []

    def swap(held, name, row, other):
        if not done:
            done.append(name)
            store.delete(["3"])
            if how == "added again":
                store.add_texts(["changed"], ids=["3"])
        real(held, name, row, other)

    monkeypatch.setattr(memory, "_swap", swap)
    adapter.replace(before, rows(1))
    held = adapter.fetch(IDS)
    assert held["5"].tobytes() == rows(1)[4].tobytes()
    if how == "deleted":
        assert "3" not in held
    else:
        assert held["3"].tolist() == store.embeddings.embed_query("changed")

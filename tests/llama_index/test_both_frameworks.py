"""One collection, seen by LangChain and by LlamaIndex: one journal."""

import chromadb
import numpy as np
import pytest
from engines.base import Lookup
from engines.pgvector import V2, loop_engine
from langchain_chroma import Chroma
from langchain_postgres import PGVectorStore
from llama_engines import ChromaEngine, PGVectorEngine
from llama_index.core import VectorStoreIndex
from llama_index.vector_stores.chroma import ChromaVectorStore

from nudge_core.errors import NudgeError
from nudge_integrations.collection.embedding import PROBE
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.llama_index import (
    add_index_feedback,
    index_feedback,
    index_history,
    nudge_index,
    remove_index_feedback,
    restore_index,
)


def lookup(world):
    return Lookup({**world.model.known, PROBE: world.model.get_query_embedding(PROBE)}, 8)


@pytest.fixture
def chroma(make):
    """The nodes in a Chroma collection, as LlamaIndex and as LangChain see them."""
    world = make(ChromaEngine())
    collection = world.index.vector_store._collection
    return world, NudgeVectorStore(
        Chroma(collection.name, lookup(world), client=chromadb.PersistentClient(str(world.folder)))
    )


def test_nudged_from_langchain_restored_from_llama_index(chroma):
    world, store = chroma
    before = world.vectors()
    report = store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    assert report.applied
    assert (world.vectors() != before).any()
    assert [run.number for run in index_history(world.index)] == [report.outcome.run.number]
    assert restore_index(world.index, progress=False).documents == len(report.tuned)
    assert world.vectors().tobytes() == before.tobytes()
    assert [run.kind for run in store.history()] == ["nudge", "restore"]


def test_nudged_from_llama_index_restored_from_langchain(chroma):
    world, store = chroma
    before = world.vectors()
    report = nudge_index(world.index, world.pairs(), world.pairs("validation"), progress=False)
    assert report.applied
    assert store.restore(progress=False).documents == len(report.tuned)
    assert world.vectors().tobytes() == before.tobytes()
    assert [run.kind for run in index_history(world.index)] == ["nudge", "restore"]


def test_a_document_added_in_langchain_is_a_node(chroma):
    """An index over a collection that LangChain filled."""
    world, store = chroma
    store.add_texts(["text 5"], ids=["from langchain"])
    collection = chromadb.PersistentClient(str(world.folder)).get_collection(
        store.inner._collection.name, embedding_function=None
    )
    index = VectorStoreIndex.from_vector_store(ChromaVectorStore(collection), embed_model=world.model)
    questions = [*world.pairs(), ("test3?", ["from langchain"])]
    assert (
        nudge_index(index, questions, world.pairs("validation"), progress=False).trial.tuned.docs == len(world.ids) + 1
    )


def test_one_model_under_two_names(chroma):
    """A second run from the other framework starts from the originals; another model is refused."""
    world, store = chroma
    first = nudge_index(world.index, world.pairs(), world.pairs("validation"), progress=False)
    once = world.vectors()
    assert store.nudge(world.pairs(), world.pairs("validation"), progress=False).trial.tuned.gamma == first.tuned.gamma
    assert world.vectors().tobytes() == once.tobytes()
    store.inner.embeddings.model = "another"
    with pytest.raises(NudgeError, match="embedded by another model"):
        store.nudge(world.pairs(), world.pairs("validation"), progress=False)


def test_a_table_of_llama_index_in_langchain(make):
    world = make(PGVectorEngine())
    before = world.vectors()
    assert nudge_index(world.index, world.pairs(), world.pairs("validation"), progress=False).applied
    table = world.index.vector_store._table_class.__tablename__
    columns = {
        "id_column": "node_id",
        "content_column": "text",
        "embedding_column": "embedding",
        "metadata_json_column": "metadata_",
    }
    inner = PGVectorStore.create_sync(loop_engine(), lookup(world), table, distance_strategy=V2["cosine"], **columns)
    store = NudgeVectorStore(inner)
    assert [run.kind for run in store.history()] == ["nudge"]
    store.restore(progress=False)
    assert world.vectors().tobytes() == before.tobytes()


def test_feedback_given_to_one_is_learned_by_the_other(chroma):
    world, store = chroma
    (first, right), (second, other), *rest = world.pairs()
    add_index_feedback(world.index, first, irrelevant=right)
    store.add_feedback(first, relevant=right)  # the last word counts
    store.add_feedback(second, relevant=right)
    add_index_feedback(world.index, second, relevant=other, irrelevant=[name for name in right if name not in other])
    told = index_feedback(world.index)
    assert told == store.labels()
    assert (set(told[0]["relevant"]), told[0]["irrelevant"]) == (set(right), [])
    before = world.vectors()
    nudge_index(world.index, rest, world.pairs("validation"), progress=False)
    moved = world.vectors()
    assert (moved != before).any()
    remove_index_feedback(world.index, first)
    remove_index_feedback(world.index, second)
    assert index_feedback(world.index) == []
    nudge_index(world.index, [*rest, (first, right), (second, other)], world.pairs("validation"), progress=False)
    np.testing.assert_allclose(world.vectors(), moved, atol=1e-6)


def test_feedback_alone_is_enough_and_what_is_wrong_with_it_is_told(world):
    for text, ids in world.pairs():
        add_index_feedback(world.index, text, relevant=ids)
    assert len(nudge_index(world.index, progress=False).after) == 30
    for arguments, message in (
        (("", ["node 1"]), "question is ''"),
        (("Why?",), "neither relevant nor irrelevant"),
        (("Why?", "node 1"), "are lists of document ids"),
        (("Why?", ["node 1"], ["node 1"]), "decide for one"),
        (("Why?", ["nodule"]), "'nodule'"),
    ):
        with pytest.raises(NudgeError, match=message):
            add_index_feedback(world.index, *arguments)
    with pytest.raises(NudgeError, match="no feedback on the question 'Who"):
        remove_index_feedback(world.index, "Who?")

"""A nudge takes time, and people go on working: what they add, change and delete meanwhile is never undone or written over."""

import threading

import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine

from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores.chroma import ChromaAdapter

STORES = [InMemoryEngine(), FaissEngine(), ChromaEngine()]


@pytest.fixture(params=STORES, ids=lambda engine: type(engine).__name__)
def world(request, make):
    return make(request.param, request.param.metrics[0])


def nudge(world, meanwhile, **options):
    """What somebody does between the reading of the store and the writing to it."""
    embed, done = world.embedding.embed_documents, []

    def embed_documents(texts):
        if not done and "train0?" in texts:
            done.append(True)
            meanwhile()
        return embed(texts)

    world.embedding.embed_documents = embed_documents
    report = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False, **options)
    assert done
    return report


@pytest.mark.parametrize("through", ["wrapper", "store"])
def test_a_document_is_embedded_again(world, through, make):
    before, name = world.bits(), world.pairs()[0][1][0]
    door = world.store if through == "wrapper" else world.inner

    def change():
        door.delete([name])
        door.add_texts(["another text altogether"], [{"page": 0}], ids=[name])
        world.new = world.bits()[name]

    report = nudge(world, change)
    assert report.applied
    assert report.outcome.changed == (name,)
    assert world.bits()[name] == world.new != before[name]
    assert f"1 document changed meanwhile and was left alone: '{name}'" in repr(report)
    assert world.store.restore(progress=False).documents == len(report.tuned) - 1
    assert world.bits() == before | {name: world.new}


@pytest.mark.parametrize("embeds", [True, False])
def test_a_document_is_added_again_in_the_very_moment_of_writing(make, monkeypatch, caplog, embeds):
    """Chroma cannot compare and write at once: it is noticed, and embedded again; else it is told, and never restored over."""
    world = make(ChromaEngine(), "cosine")
    before, name, put, done = world.bits(), world.pairs()[0][1][0], ChromaAdapter._put, []

    def meanwhile(adapter, ids, *rows):
        if not done and name in ids:
            done.append(name)
            world.inner.add_texts(["another text altogether"], [{"page": 0}], ids=[name])
            world.new = world.bits()[name]
            world.embedding.embed_documents = world.embedding.embed_documents if embeds else None
        put(adapter, ids, *rows)

    monkeypatch.setattr(ChromaAdapter, "_put", meanwhile)
    report = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    outcome = report.outcome
    assert (outcome.changed, outcome.overwritten) == (((name,), ()) if embeds else ((), (name,)))
    assert "in the very moment of writing" in caplog.text
    assert ("embedded again with the text it has now" in caplog.text) == embeds
    assert (
        "in the very moment of writing and may hold a vector of its text before: add it again" in repr(report)
    ) != embeds
    stands = world.bits()[name]
    assert (stands == world.new) == embeds
    world.store.restore(progress=False)
    assert world.bits() == before | {name: stands}


def test_a_document_is_deleted(world):
    before, name = world.bits(), world.pairs()[0][1][0]
    report = nudge(world, lambda: world.store.delete([name]))
    assert (report.applied, report.outcome.missing) == (True, (name,))
    assert "1 document was deleted meanwhile and was left alone" in repr(report)
    world.store.restore(progress=False)
    del before[name]
    assert world.bits() == before


def test_a_document_is_added(world):
    world.embedding.known["brand new"] = world.X[0].tolist()
    before = world.bits()
    report = nudge(world, lambda: world.store.add_texts(["brand new"], [{"page": 1}], ids=["new"]))
    assert report.outcome.changed == ()
    moved = world.bits()
    assert {name for name in before if moved[name] != before[name]} == set(report.tuned.ids)
    assert moved["new"] == before["d0"], "it is kept as it came"
    world.store.delete(["new"])
    assert world.store.restore(progress=False).documents == len(report.tuned) > 0
    assert world.bits() == before
    again = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    assert again.applied
    assert world.bits() == {name: vector for name, vector in moved.items() if name != "new"}


def test_feedback_is_given(world):
    nudge(world, lambda: world.store.add_feedback("why?", relevant=["d1"]))
    assert world.store.labels() == [{"question": "why?", "relevant": ["d1"], "irrelevant": []}]


def test_two_wrappers_of_a_store_in_memory_share_one_journal(make):
    """Made before there was one: the second must not take moved vectors for originals."""
    world = make()
    before = world.bits()
    first, second = NudgeVectorStore(world.inner), NudgeVectorStore(world.inner)
    second.add_feedback("why?", relevant=["d1"])
    assert first.labels() == second.labels()
    first.nudge(world.pairs(), world.pairs("validation"), progress=False)
    second.nudge(world.pairs("test"), world.pairs("test"), progress=False)
    assert first.journal == second.journal
    assert [run.number for run in first.history()] == [1, 2]
    first.restore(progress=False)
    assert world.bits() == before


def test_so_do_many_threads_with_a_wrapper_each(make):
    world = make()
    before, barrier, found = world.bits(), threading.Barrier(4), []

    def nudge_once():
        store = NudgeVectorStore(world.inner)
        barrier.wait(60)
        try:
            store.nudge(world.queries(), world.queries("validation"), progress=False)
        except Exception as error:  # noqa: BLE001
            found.append(type(error).__name__)

    threads = [threading.Thread(target=nudge_once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) <= {"LockedError"}
    store = NudgeVectorStore(world.inner)
    assert len(store.history()) == 4 - len(found)
    store.restore(progress=False)
    assert world.bits() == before


def test_two_stores_of_the_same_documents(make):
    """As two sessions of one program have: each is moved and put back on its own."""
    first, second = make(), make()
    before = first.bits()
    first.store.nudge(first.pairs(), first.pairs("validation"), progress=False)
    second.store.nudge(second.pairs("test"), second.pairs("test"), progress=False)
    states = first.bits(), second.bits()
    assert before not in states
    assert states[0] != states[1]
    second.store.add_texts(["text 1"], ids=["d1"])
    first.store.restore(progress=False)
    assert first.bits() == before
    second.store.restore(progress=False)
    assert second.bits() == before

"""Wrapping: what may be wrapped, what is said of the rest, and that wrapping alone leaves no trace."""

import pickle

import pytest
from engines.base import Lookup
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from nudge_core.errors import InputError
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import register_adapter
from nudge_integrations.stores.memory import InMemoryAdapter


class Theirs(VectorStore):
    """A store that nobody has written an adapter for; it keeps everything in one of LangChain's."""

    def __init__(self, inside):
        self.inside = inside

    @property
    def embeddings(self):
        return self.inside.embeddings

    def similarity_search(self, query, k=4, **options):
        return self.inside.similarity_search(query, k, **options)

    @classmethod
    def from_texts(cls, texts, embedding, metadatas=None, **options):
        return cls(InMemoryVectorStore.from_texts(texts, embedding, metadatas, **options))


@pytest.fixture
def registry(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr("nudge_integrations.stores.registry._registered", {})


@pytest.mark.parametrize("engine", [None, FaissEngine(), ChromaEngine()], ids=["memory", "faiss", "chroma"])
def test_wrapping_searching_and_evaluating_leave_no_trace(make, engine, home):
    world = make(engine, "cosine" if engine is None else engine.metrics[0])
    before = world.bits()
    store = NudgeVectorStore(world.inner)
    store.similarity_search("train0?")
    store.max_marginal_relevance_search("train0?")
    store.as_retriever().invoke("train0?")
    store.evaluate(world.pairs(), progress=False)
    assert (store.history(), store.labels(), store.journal) == ([], [], None)
    repr(store)
    assert (world.bits(), home.exists()) == (before, False)


def test_a_wrapper_is_not_wrapped_twice(world):
    twice = NudgeVectorStore(NudgeVectorStore(world.store))
    assert twice.inner is world.inner
    twice.nudge(world.pairs(), progress=False)
    assert world.store.history() == twice.history()


@pytest.mark.parametrize("engine", [None, ChromaEngine(), FaissEngine()], ids=["memory", "chroma", "faiss"])
def test_an_empty_store_can_be_wrapped_and_filled(engine, tmp_path, sample):
    """And is refused, with the remedy, where it is to be nudged."""
    drawn = sample(0)
    known = {f"text {i}": vector.tolist() for i, vector in enumerate(drawn.X)}
    embedding = Lookup(known, 8)
    inner = (
        InMemoryVectorStore(embedding)
        if engine is None
        else engine.build(tmp_path / "store", embedding, engine.metrics[0], 8)
    )
    store = NudgeVectorStore(inner, recover="forward")
    assert store.journal is None
    if engine is None:
        assert store.similarity_search("train0?") == []
        with pytest.raises(InputError, match="holds no documents: add some first"):
            store.nudge([("a", ["d0"]), ("b", ["d1"])], progress=False)
        assert "holds no documents" in repr(store)
    store.add_texts(list(known), ids=[f"d{i}" for i in range(60)])
    queries = drawn.train.embeddings.numpy()
    known |= {f"q{i}": vector.tolist() for i, vector in enumerate(queries)}
    pairs = [(f"q{i}", [f"d{row}" for row in drawn.train.relevance[i]]) for i in range(30)]
    assert store.nudge(pairs, pairs, progress=False).applied
    assert store.restore(progress=False).changed == ()


def test_an_unknown_store_is_refused_with_what_to_do(world, registry):
    with pytest.raises(
        InputError,
        match=r"no adapter is known for .*Theirs; there are some for Chroma, FAISS, InMemoryVectorStore.*docs/adapters.md.*register_adapter\(",
    ):
        NudgeVectorStore(Theirs(world.inner))


@pytest.mark.parametrize("given", [None, "chroma", [], InMemoryVectorStore, DeterministicFakeEmbedding(size=3)])
def test_what_is_no_store_is_refused(given):
    with pytest.raises(
        InputError, match=r"inner is .*; expected a VectorStore: for example NudgeVectorStore\(Chroma\(…\)\)"
    ):
        NudgeVectorStore(given)


def test_a_registered_adapter_serves_a_class_and_its_subclasses(world, registry):
    class Ours(Theirs):
        pass

    register_adapter(Theirs, lambda store: InMemoryAdapter(store.inside))
    before = world.bits()
    store = NudgeVectorStore(Ours(world.inner))
    assert store.nudge(world.pairs(), world.pairs("validation"), progress=False).applied
    assert world.bits() != before
    store.restore(progress=False)
    assert world.bits() == before


def test_a_subclass_has_its_own_where_it_is_registered(world, registry):
    class Ours(Theirs):
        pass

    register_adapter(Theirs, lambda store: pytest.fail("the adapter of the base class"))
    register_adapter(Ours, lambda store: InMemoryAdapter(store.inside))
    assert len(NudgeVectorStore(Ours(world.inner)).evaluate(world.pairs(), progress=False)) == 30


def test_a_later_registration_replaces_an_earlier_one_and_one_of_ours(world, registry):
    used = []
    register_adapter(InMemoryVectorStore, lambda store: pytest.fail("replaced"))
    register_adapter(InMemoryVectorStore, lambda store: used.append(store) or InMemoryAdapter(store))
    NudgeVectorStore(world.inner).evaluate(world.pairs(), progress=False)
    assert world.inner in used


def test_a_subclass_of_a_known_store_is_known(world):
    class Mine(InMemoryVectorStore):
        pass

    mine = Mine(world.embedding)
    mine.store = world.inner.store
    assert NudgeVectorStore(mine).nudge(world.pairs(), progress=False).applied


@pytest.mark.parametrize("given", [None, "InMemoryVectorStore", InMemoryAdapter.__init__])
def test_only_classes_are_registered(given, registry):
    with pytest.raises(InputError, match=r"store is .*expected the class of a vector store, for example type\(store\)"):
        register_adapter(given, InMemoryAdapter)


def test_what_it_says_of_itself(world, home):
    assert repr(world.store) == (
        "NudgeVectorStore(InMemoryAdapter(docs=60, dim=8, metric='cosine', dtype=float64), "
        f"journal='{home}/journals' (to be made))"
    )
    world.store.nudge(world.pairs(), progress=False)
    assert f"journal={str(world.store.journal)!r}" in repr(world.store)


def test_it_never_fails_to_say_what_it_is(world):
    world.inner.store = None
    assert repr(world.store).startswith("NudgeVectorStore(InMemoryVectorStore: ")


def test_it_can_be_pickled_where_the_store_can():
    """With its journal, and without what is open."""
    embedding = DeterministicFakeEmbedding(size=8)
    store = NudgeVectorStore.from_texts([f"text {i}" for i in range(40)], embedding, ids=[f"d{i}" for i in range(40)])
    before = {name: row["vector"] for name, row in store.inner.store.items()}
    pairs = [(f"text {i}", [f"d{(i + 1) % 40}", f"d{i}"]) for i in range(40)]
    fresh = pickle.loads(pickle.dumps(store))
    assert fresh.history() == []
    assert store.nudge(pairs, pairs, measure="R@2", progress=False).applied
    moved = pickle.loads(pickle.dumps(store))
    assert [run.number for run in moved.history()] == [1]
    assert repr(moved) == repr(store)
    moved.restore(progress=False)
    assert {name: row["vector"] for name, row in moved.inner.store.items()} == before
    assert {name: row["vector"] for name, row in store.inner.store.items()} != before, "a copy"


def test_what_people_look_at_in_the_store_inside(make):
    """Chroma's commonest idiom, and what a self-query retriever asks: which class is it?"""
    world = make(ChromaEngine())
    assert world.store._collection.count() == 60
    assert isinstance(world.store, type(world.inner))
    assert isinstance(world.store, NudgeVectorStore)
    assert world.store.__class__ is type(world.inner)
    flat = make(FaissEngine(), FaissEngine.metrics[0])
    assert flat.store.docstore is flat.inner.docstore
    with pytest.raises(AttributeError, match=r"call store\.inner\.save_local"):
        _ = flat.store.save_local
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = flat.store.nothing


def test_old_classes_are_told_what_to_change_to():
    class Chroma(Theirs):
        __module__ = "langchain_community.vectorstores.chroma"

    with pytest.raises(InputError, match=r"is an old class.*langchain_chroma\.Chroma.*nudge-integrations\[chroma\]"):
        NudgeVectorStore(Chroma(InMemoryVectorStore(DeterministicFakeEmbedding(size=8))))

"""The store's own search in place of reading every vector: the same result on a store that searches exactly."""

import numpy as np
import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine

from nudge_core import NudgeN
from nudge_core.errors import UnknownIdError

STORES = [("cosine", InMemoryEngine()), ("dot", FaissEngine()), ("l2", FaissEngine()), ("cosine", ChromaEngine())]
stores = pytest.mark.parametrize(
    ("metric", "engine"), STORES, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)


def nudge(world, background, split="train", **options):
    options = {"validation": world.pairs("validation"), "progress": False} | options
    return world.store.nudge(world.pairs(split), background=background, **options)


def same(a, b):
    assert a.tuned.gamma == pytest.approx(b.tuned.gamma)
    assert set(a.tuned.ids) == set(b.tuned.ids)
    for one, other in ((a.before, b.before), (a.after, b.after)):
        assert one.ids.tolist() == other.ids.tolist()
        for measure in one.values:
            np.testing.assert_allclose(one.values[measure], other.values[measure], atol=1e-12)
    assert (a.background, b.background) == ("exact", "search")


@stores
@pytest.mark.parametrize("folds", [0, 3], ids=["validation", "folds"])
def test_it_gives_the_same(make, metric, engine, folds):
    options = {"validation": None, "folds": folds} if folds else {}
    exact, searched = make(engine, metric), make(engine, metric)
    same(nudge(exact, "exact", **options), nudge(searched, "search", **options))
    np.testing.assert_allclose(exact.vectors(), searched.vectors(), atol=1e-6)


@stores
def test_a_second_nudge_equals_one(make, metric, engine):
    """What the first moved is hidden from the store's search, and stands in by its original."""
    world, once = make(engine, metric), make(engine, metric)
    before = world.bits()
    nudge(world, "search", method=NudgeN(0.4, "nDCG@10"), validation=world.pairs())  # far, and other documents
    assert world.bits() != before
    same(nudge(once, "exact", "test"), nudge(world, "search", "test"))
    np.testing.assert_allclose(world.vectors(), once.vectors(), atol=1e-6)
    world.store.restore(progress=False)
    assert world.bits() == before


@stores
def test_twice_is_once(make, metric, engine):
    world = make(engine, metric)
    first = nudge(world, "search", "train")
    state = world.bits()
    second = nudge(world, "search", "train")
    assert (first.applied, second.applied) == (True, True)
    assert second.tuned.gamma == first.tuned.gamma
    assert world.bits() == state


def test_an_exact_nudge_after_one_by_search(make):
    world, once = make(), make()
    nudge(world, "search")
    nudge(world, "exact", "test")
    nudge(once, "exact", "test")
    np.testing.assert_allclose(world.vectors(), once.vectors(), atol=1e-6)


@stores
def test_evaluation_gives_the_same(make, metric, engine):
    world = make(engine, metric)
    for _ in range(2):
        exact, searched = (
            world.store.evaluate(world.pairs("test"), ["nDCG@10", "R@5"], background=background, progress=False)
            for background in ("exact", "search")
        )
        for measure in exact.values:
            np.testing.assert_allclose(exact.values[measure], searched.values[measure], atol=1e-12)
        assert exact.ranking.tolist() == searched.ranking.tolist()
        assert exact.subsets == searched.subsets
        nudge(world, "exact")


def test_more_documents_asked_for_than_there_are(make):
    """Every document labelled, so that none is left to find; and ten wanted of nine."""
    exact, searched = (make(docs=9, questions=20) for _ in range(2))
    same(nudge(exact, "exact"), nudge(searched, "search"))
    np.testing.assert_allclose(exact.vectors(), searched.vectors(), atol=1e-6)


def test_the_whole_store_is_never_read(make, monkeypatch):
    """Only the documents that are labelled or found."""
    world = make(FaissEngine(), "dot", docs=400, questions=12)
    adapter = type(world.store._collection.adapt())
    read, fetch = set(), adapter.fetch

    def noted(self, ids):
        read.update(ids)
        return fetch(self, ids)

    monkeypatch.setattr(adapter, "fetch", noted)
    monkeypatch.setattr(adapter, "walk", lambda self, size: pytest.fail("the store is walked"))
    report = nudge(world, "search", measure="nDCG@3")
    assert report.background == "search"
    assert len(read) < 250


def test_many_documents_are_searched_unless_told_otherwise(make, monkeypatch):
    monkeypatch.setattr("nudge_integrations.collection.LIMIT", 59)
    world = make()
    assert nudge(world, None).background == "search"
    world.store.restore()
    assert nudge(world, "exact").background == "exact"
    monkeypatch.setattr("nudge_integrations.collection.LIMIT", 60)
    world.store.restore()
    assert nudge(world, None).background == "exact"


def test_unknown_ids_are_named(make):
    world = make()
    with pytest.raises(UnknownIdError, match="'nobody'"):
        world.store.evaluate([("x?", ["nobody"])], background="search", progress=False)

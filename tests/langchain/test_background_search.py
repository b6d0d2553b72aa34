"""The store's own search in place of reading every vector: the same result on a store that searches exactly."""

import threading

import numpy as np
import pytest
import torch
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine

from nudge_core import Contrastive, NudgeN
from nudge_core.errors import InputError, StoreError, UnknownIdError
from nudge_integrations.stores import adapter_of
from nudge_integrations.stores.memory import InMemoryAdapter
from nudge_integrations.stores.searched_corpus import SearchedCorpus
from nudge_integrations.stores.searching import Hits

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
    adapter = type(world.store._nudging.adapt())
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
    monkeypatch.setattr("nudge_integrations.stores.reading.LIMIT", 59)
    world = make()
    assert nudge(world, None).background == "search"
    world.store.restore()
    assert nudge(world, "exact").background == "exact"
    monkeypatch.setattr("nudge_integrations.stores.reading.LIMIT", 60)
    world.store.restore()
    assert nudge(world, None).background == "exact"


def test_unknown_ids_are_named(make):
    world = make()
    with pytest.raises(UnknownIdError, match="'nobody'"):
        world.store.evaluate([("x?", ["nobody"])], background="search", progress=False)


def searching(monkeypatch, hits, workers=1, batch=7):
    """Searches of the store in memory go through `hits(search, number)`, with small batches."""
    calls, lock, whole = [], threading.Lock(), InMemoryAdapter.hits

    def one(self, vectors, k, exclude=()):
        with lock:
            calls.append(len(vectors))
            number = len(calls)
        return hits(lambda: whole(self, vectors, k, exclude), number)

    monkeypatch.setattr(InMemoryAdapter, "hits", one)
    monkeypatch.setattr(InMemoryAdapter, "workers", workers)
    monkeypatch.setattr("nudge_integrations.stores.searched_corpus.BATCH", batch)
    return calls


def test_several_searches_are_under_way_at_once(make, monkeypatch):
    """Two batches wait for each other, so that one at a time would never end; and the last to come back are not the last in the result."""
    together = threading.Barrier(2)

    def meet(search, number):
        if number <= 4:
            together.wait(timeout=30)
        return search()

    exact, searched = make(), make()
    calls = searching(monkeypatch, meet, workers=2)
    same(nudge(exact, "exact"), nudge(searched, "search"))
    assert calls == [7, 7, 7, 7, 2]
    np.testing.assert_allclose(exact.vectors(), searched.vectors(), atol=1e-6)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_store_that_fails_in_the_middle(make, monkeypatch, workers):
    def fail(search, number):
        if number == 3:
            raise ConnectionError("no route to host")
        return search()

    world = make()
    calls = searching(monkeypatch, fail, workers)
    before = world.bits()
    done = "14" if workers == 1 else "(0|7|14|21|28)"  # of several at once the third to begin may be any
    with pytest.raises(
        StoreError, match=rf"after {done} of 30 questions \(ConnectionError: no route to host\): nothing was w"
    ):
        nudge(world, "search")
    assert world.bits() == before
    assert world.store.history() == []
    assert len(calls) <= 2 + 2 * workers  # the others are not asked
    monkeypatch.undo()
    assert nudge(world, "search").background == "search"


def test_a_store_that_cannot_be_read(make, monkeypatch):
    world = make()
    monkeypatch.setattr(InMemoryAdapter, "fetch", lambda *_: (_ for _ in ()).throw(OSError("gone")))
    with pytest.raises(StoreError, match=r"InMemory store failed while it was read \(OSError: gone\)"):
        world.store.evaluate(world.pairs("test"), background="search", progress=False)


def test_an_index_that_finds_fewer(make, monkeypatch):
    """One document each, or none: what was not found is not there for this question, and nothing breaks."""
    found = iter(range(1000))

    def few(search, number):
        return [Hits(hits.ids[: (n := next(found) % 2)], hits.scores[:n]) for hits in search()]

    world = make()
    searching(monkeypatch, few)
    for method in (NudgeN("angles", "nDCG@10"), Contrastive(steps=3)):
        report = nudge(world, "search", method=method)
        assert np.isfinite(report.tuned.vectors).all()
        world.store.restore(progress=False)


def test_a_document_without_labels_that_is_not_of_unit_length(make):
    world = make(FaissEngine(), "dot")
    adapter = adapter_of(world.inner)
    labelled = {name for _, names in world.pairs() + world.pairs("validation") for name in names}
    other = next(name for name in world.ids if name not in labelled)
    adapter.replace([other], 5 * adapter.read([other]))
    with pytest.raises(InputError, match="have lengths from 1 to 5 and are ranked by dot"):
        nudge(world, "search")


def test_many_documents_without_an_index_are_remarked_on(make, monkeypatch, caplog):
    monkeypatch.setattr("nudge_integrations.stores.reading.LIMIT", 59)
    assert nudge(make(), "search").background == "search"
    assert "has no index for searches by cosine" in caplog.text


def test_a_temperature_can_be_asked_for(make):
    """Sixty documents are all found, so the log-sum-exp is exact."""
    world = make()
    corpus = SearchedCorpus(adapter_of(world.inner), {})
    queries = torch.from_numpy(world.queries("test").embeddings.numpy())
    out = corpus.find(np.asarray(["d3", "d4"], dtype=object))
    found = corpus.background(queries, 5, exclude=out, temperature=0.05)
    scores = queries @ torch.from_numpy(np.delete(world.X, [3, 4], 0)).T
    torch.testing.assert_close(found.logsumexp, torch.logsumexp(scores / 0.05, 1))
    torch.testing.assert_close(found.scores, scores.topk(5, dim=1).values)

"""A map of all documents in a store: opt-in, journalled, undone bit for bit, and followed by documents that are added later."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine
from langchain_core.documents import Document

from nudge_core import Auto, Contrastive, LinearMap, NudgeM, QuerySet, finetune
from nudge_core.errors import InputError, LockedError
from nudge_core.selection import fit as learn
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import adapter_of

STORES = [InMemoryEngine(), FaissEngine(), ChromaEngine()]
MAP = LinearMap(temperature=0.1, rate=0.3)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Validation questions judge, however few they are."""
    monkeypatch.setattr(learn, "FEW", 0)


@pytest.fixture
def nudge():
    """Nudge by a map, judged by the very questions that it learned from, so that it always goes somewhere."""

    def run(world, **options):
        report = world.store.nudge(world.pairs(), world.pairs(), method=MAP, allow_map=True, progress=False, **options)
        assert report.applied
        assert report.tuned.matrix is not None
        return report

    return run


def near(world, vectors, expected):
    np.testing.assert_allclose(vectors, expected, atol=1e-4)


@pytest.mark.parametrize("engine", STORES, ids=lambda engine: type(engine).__name__)
def test_every_document_is_written_and_put_back(make, nudge, engine):
    world = make(engine, engine.metrics[0])
    before = world.bits()
    report = nudge(world)
    assert report.outcome.documents == 60
    after = world.bits()
    assert all(after[name] != before[name] for name in before)
    near(world, world.vectors(), report.tuned.map_new(world.X))
    assert [run.documents for run in world.store.history()] == [60]
    world.store.restore(progress=False)
    assert world.bits() == before
    nudge(world)
    assert world.bits() == after, "twice gives what once gives"
    world.store.restore(progress=False)
    world.store.restore(run=1, progress=False)
    assert world.bits() == after


@pytest.mark.parametrize("lengths", [0.5, "mixed"])
def test_documents_keep_their_length(make, nudge, lengths):
    scale = np.linspace(0.5, 4, 60) if lengths == "mixed" else lengths
    world = make(lengths=scale)
    nudge(world)
    np.testing.assert_allclose(np.linalg.norm(world.vectors(), axis=1), np.broadcast_to(scale, 60), rtol=1e-4)
    before = dict(zip(world.ids, world.X, strict=True))
    world.store.restore(progress=False)
    assert all(np.array_equal(vector, before[name]) for name, vector in zip(world.ids, world.vectors(), strict=True))


REFUSED = [MAP, Auto(allow_map=True)]


@pytest.mark.parametrize("method", REFUSED, ids=["map", "auto"])
def test_without_permission_it_is_refused(world, method):
    before = world.bits()
    with pytest.raises(InputError, match=r"moves every document.*allow_map=True.*Contrastive\(\) or Auto\(\)"):
        world.store.nudge(world.pairs(), method=method, progress=False)
    assert world.bits() == before
    assert world.store.journal is None


def test_permission_is_true_or_false(world):
    with pytest.raises(InputError, match="allow_map is a str; expected a bool"):
        world.store.nudge(world.pairs(), allow_map="yes", progress=False)


def test_a_searched_store_has_no_map(world):
    with pytest.raises(InputError, match="searched, not read: use background='exact', or a method without a map"):
        world.store.nudge(world.pairs(), method=MAP, allow_map=True, background="search", progress=False)


@pytest.mark.parametrize("engine", STORES, ids=lambda engine: type(engine).__name__)
def test_a_searched_store_serves_contrastive_moves(make, engine):
    """What its search finds stands for the rest: of 60 documents that is nearly the same as all."""
    world = make(engine, engine.metrics[0])
    before = world.bits()
    method = Contrastive(temperature=0.1, rate=0.3, guard=0.5, steps=6)
    found = []
    for background in ("exact", "search"):
        report = world.store.nudge(world.pairs(), world.pairs(), method=method, background=background, progress=False)
        assert report.applied
        assert report.background == background
        found.append((report.after.mean("nDCG@10"), world.vectors()))
    assert found[0][0] == pytest.approx(found[1][0], abs=0.02)
    assert np.abs(found[0][1] - found[1][1]).max() < 0.05
    expected = finetune(world.X, QuerySet.concat([world.sample.train]), world.sample.train, method=method)
    np.testing.assert_allclose(found[0][1][expected.rows], expected.vectors, atol=1e-3)
    world.store.restore(progress=False)
    assert world.bits() == before


def test_search_in_a_larger_store(make, monkeypatch):
    """400 documents, of which each question sees 100."""
    world = make(docs=400, questions=60)
    method = Contrastive(temperature=0.05, rate=0.3, guard=0.0, steps=6)
    exact, ours = (
        world.store.nudge(world.pairs(), world.pairs(), method=method, background=background, progress=False)
        for background in ("exact", "search")
    )
    assert exact.after.mean("nDCG@10") == pytest.approx(ours.after.mean("nDCG@10"), abs=0.03)
    assert (exact.background, ours.background) == ("exact", "search")
    assert exact.tuned.ids.tolist() == sorted(ours.tuned.ids.tolist(), key=lambda name: int(name[1:]))


@pytest.mark.parametrize("metric", ["dot", "l2", "cosine"])
def test_metrics(make, nudge, metric):
    engine = ChromaEngine()
    if metric not in engine.metrics:
        pytest.skip(f"not a metric of {engine}")
    world = make(engine, metric)
    before = world.bits()
    nudge(world)
    np.testing.assert_allclose(np.linalg.norm(world.vectors(), axis=1), 1, atol=1e-3)
    world.store.restore(progress=False)
    assert world.bits() == before


# Documents that are added while a map stands

NEW = ["brand new", "newer"]


def add(world, how="texts"):
    if how == "texts":
        return world.store.add_texts(NEW, [{"page": 60}, {"page": 61}], ids=["d60", "d61"])
    documents = [Document(page_content=text, metadata={"page": 60 + i}, id=f"d{60 + i}") for i, text in enumerate(NEW)]
    return world.store.add_documents(documents, ids=["d60", "d61"])


async def aadd(world, how="texts"):
    if how == "texts":
        return await world.store.aadd_texts(NEW, [{"page": 60}, {"page": 61}], ids=["d60", "d61"])
    documents = [Document(page_content=text, metadata={"page": 60 + i}, id=f"d{60 + i}") for i, text in enumerate(NEW)]
    return await world.store.aadd_documents(documents, ids=["d60", "d61"])


def embedded(world):
    return np.asarray(world.embedding.embed_documents(NEW), np.float32)


@pytest.mark.parametrize("how", ["texts", "documents"])
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("engine", STORES, ids=lambda engine: type(engine).__name__)
async def test_they_go_through_it_and_restore_brings_theirs_back(make, nudge, engine, how, asynchronous):
    world = make(engine, engine.metrics[0])
    before, report = world.bits(), nudge(world)
    assert (await aadd(world, how) if asynchronous else add(world, how)) == ["d60", "d61"]
    raw = embedded(world)
    near(world, adapter_of(world.inner).read(["d60", "d61"]), report.tuned.map_new(raw))
    assert [document.page_content for document in world.store.get_by_ids(["d60"])] == ["brand new"]
    assert [run.documents for run in world.store.history()] == [62]
    outcome = world.store.restore(progress=False)
    assert (outcome.documents, outcome.changed, outcome.missing) == (62, (), ())
    assert {name: bits for name, bits in world.bits().items() if name in before} == before
    near(world, adapter_of(world.inner).read(["d60", "d61"]), raw)


def test_to_the_bit(world, nudge):
    nudge(world)
    world.inner.add_texts(NEW, ids=["d70", "d71"])  # past the wrapper: as they are
    raw = [world.bits()[name] for name in ("d70", "d71")]
    add(world)
    assert [world.bits()[name] for name in ("d70", "d71")] == raw
    assert [world.bits()[name] for name in ("d60", "d61")] != raw
    world.store.restore(progress=False)
    assert [world.bits()[name] for name in ("d60", "d61")] == raw


def test_after_restore_new_ones_stay(world, nudge):
    nudge(world)
    world.store.restore(progress=False)
    add(world)
    near(world, adapter_of(world.inner).read(["d60", "d61"]), embedded(world))
    world.store.restore(run=1, progress=False)
    world.store.delete(["d60", "d61"])
    add(world)
    assert np.abs(adapter_of(world.inner).read(["d60", "d61"]) - embedded(world)).max() > 1e-3, "run 1 stands again"


def test_after_a_restore_of_an_emptied_store(world, nudge):
    nudge(world)
    world.store.delete(world.ids[1:])
    world.store.restore(progress=False)
    add(world)
    near(world, adapter_of(world.inner).read(["d60", "d61"]), embedded(world))


def test_after_a_run_without_a_map_new_ones_stay(world, nudge):
    nudge(world)
    world.store.nudge(world.pairs(), world.pairs(), progress=False)
    assert len(world.store.history()) == 2
    add(world)
    near(world, adapter_of(world.inner).read(["d60", "d61"]), embedded(world))
    untouched = [name for name in world.ids if name not in set(world.queries().relevance.documents.tolist())]
    held = dict(zip(world.ids, world.vectors(), strict=True))
    assert all(np.array_equal(held[name], world.X[int(name[1:])]) for name in untouched), "and others are originals"


def test_one_that_is_written_over(world, nudge):
    report = nudge(world)
    before = world.bits()
    world.store.add_texts(["another text"], ids=["d3"])
    raw = np.asarray(world.embedding.embed_documents(["another text"]), np.float32)
    near(world, adapter_of(world.inner).read(["d3"]), report.tuned.map_new(raw))
    assert {name for name, bits in world.bits().items() if bits != before[name]} == {"d3"}
    outcome = world.store.restore(progress=False)
    assert outcome.changed == ()
    near(world, adapter_of(world.inner).read(["d3"]), raw)


def test_the_next_nudge_is_that_of_a_store_which_always_held_them(world, nudge):
    nudge(world)
    add(world)
    nudge(world)
    state = world.bits()
    world.store.restore(progress=False)
    nudge(world)
    assert world.bits() == state


def test_in_another_process_that_wraps_the_same_store(make, nudge):
    world = make(ChromaEngine(), "cosine")
    report = nudge(world)
    world.store = NudgeVectorStore(world.inner)
    add(world)
    near(world, adapter_of(world.inner).read(["d60", "d61"]), report.tuned.map_new(embedded(world)))


def _hold(path, about, ready, done):
    from nudge_core.apply import Journal

    with Journal(path, **about).lock("nudge"):
        ready.set()
        done.wait(60)


def test_while_another_process_writes_they_stay_with_a_warning(world, nudge, caplog):
    nudge(world)
    held = world.store._nudging._opened()
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(Path(held.path), held._made_with, ready, done))
    other.start()
    try:
        assert ready.wait(60)
        assert add(world) == ["d60", "d61"]
        near(world, adapter_of(world.inner).read(["d60", "d61"]), embedded(world))
        assert "2 documents were added and did not go through the map" in caplog.text
        with pytest.raises(LockedError):
            world.store.restore(progress=False)
    finally:
        done.set()
        other.join()
    outcome = world.store.restore(progress=False)
    assert outcome.documents == 60


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_journal_and_store(world, nudge, monkeypatch, when):
    """The journal speaks of what was about to be written: whether or not it was, restore is right."""
    nudge(world)
    kind = type(adapter_of(world.inner))
    write = kind.replace

    def dies(self, ids, vectors):
        if when == "after":
            write(self, ids, vectors)
        raise KeyboardInterrupt

    monkeypatch.setattr(kind, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        add(world)
    monkeypatch.undo()
    assert (np.abs(adapter_of(world.inner).read(["d60"]) - embedded(world)[:1]).max() > 1e-3) == (when == "after")
    outcome = world.store.restore(progress=False)
    assert outcome.changed == ()
    near(world, adapter_of(world.inner).read(["d60", "d61"]), embedded(world))


def test_a_store_that_fails_is_told(world, nudge, monkeypatch):
    nudge(world)
    kind = type(adapter_of(world.inner))

    def fails(self, ids, vectors):
        raise OSError("no room")

    monkeypatch.setattr(kind, "replace", fails)
    with pytest.raises(Exception, match=r"failed \(OSError: no room\) after 2 documents were added: they are there"):
        add(world)


def test_seen_are_questions_about_labelled_documents_only(world, nudge):
    """Though all documents stand moved."""
    nudge(world)
    labelled = set(world.queries().relevance.documents.tolist())
    asked = world.queries("test")
    expected = [bool(set(asked.relevance[i]) & labelled) for i in range(len(asked))]
    assert 0 < sum(expected) < len(expected) or len(labelled) == 60
    assert world.store.evaluate(asked, progress=False).seen.tolist() == expected


def test_history_says_how(world, nudge):
    report = nudge(world)
    told = world.store.history()[0].settings
    assert told["method"] == "linear map"
    assert told["settings"] == {"linear map": dict(report.tuned.settings["linear map"])}
    assert len(told["map"]) == 32


def test_nudge_m_needs_no_permission(make):
    world = make(FaissEngine(), "dot") if "dot" in FaissEngine.metrics else None
    if world is None:
        pytest.skip("FAISS has no dot product here")
    world.store.nudge(world.pairs(), method=NudgeM(), progress=False)

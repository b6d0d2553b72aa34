"""Stores that rank by cosine, dot product or distance: what may be moved there, and at what length."""

import numpy as np
import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine

from nudge_core import NudgeM, NudgeN, finetune, open_corpus
from nudge_core.errors import InputError

FLAT = [("cosine", InMemoryEngine()), ("cosine", ChromaEngine())]
LONG = [("dot", FaissEngine()), ("l2", FaissEngine()), ("dot", ChromaEngine()), ("l2", ChromaEngine())]
names = {"ids": lambda value: value if isinstance(value, str) else type(value).__name__}


def norms(vectors):
    return np.linalg.norm(vectors.astype(np.float64), axis=1)


@pytest.mark.parametrize(("metric", "engine"), FLAT + LONG, **names)
def test_one_nudge_there_and_back(make, metric, engine):
    """The same vectors in every store, and the same bits again."""
    world = make(engine, metric)
    before = world.bits()
    report = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    expected = finetune(
        open_corpus(world.X, ids=world.ids),
        world.queries(),
        world.queries("validation"),
        method=NudgeN("angles", "nDCG@10"),
    )
    assert report.applied
    assert report.unreachable == ()
    X = world.X.copy()
    X[expected.rows] = expected.vectors
    np.testing.assert_allclose(world.vectors(), X, atol=2e-6)
    outcome = world.store.restore(progress=False)
    assert (outcome.documents, outcome.changed, outcome.missing) == (len(expected), (), ())
    assert world.bits() == before


@pytest.mark.parametrize(("metric", "engine"), FLAT, **names)
def test_by_cosine_each_document_keeps_its_length(make, metric, engine):
    lengths = np.random.default_rng(0).uniform(0.1, 30, 60)
    world, flat = make(engine, metric, lengths=lengths), make(engine, metric)
    before = world.bits()
    first, second = (one.store.nudge(one.pairs(), one.pairs("validation"), progress=False) for one in (world, flat))
    assert first.tuned.gamma == pytest.approx(second.tuned.gamma)
    np.testing.assert_allclose(norms(world.vectors()), lengths, rtol=1e-5)
    np.testing.assert_allclose(world.vectors() / lengths[:, None], flat.vectors(), atol=2e-6)
    assert world.found() == flat.found()
    world.store.restore(progress=False)
    assert world.bits() == before


@pytest.mark.parametrize(("metric", "engine"), LONG, **names)
def test_elsewhere_lengths_that_change_what_is_found_are_refused(make, metric, engine):
    world = make(engine, metric, lengths=np.linspace(0.5, 2, 60))
    before = world.bits()
    for call in (
        lambda: world.store.nudge(world.pairs(), progress=False),
        lambda: world.store.nudge(world.pairs(), method=NudgeN(0.2), progress=False),
        lambda: world.store.nudge(world.pairs(), background="exact", progress=False),
    ):
        with pytest.raises(
            InputError, match=rf"lengths from 0.5 to 2 and are ranked by {metric}, where length counts.*normalise them"
        ):
            call()
    assert (world.bits(), world.store.history()) == (before, [])


@pytest.mark.parametrize(("metric", "engine"), LONG, **names)
def test_elsewhere_lengths_that_change_nothing_are_kept_and_told(make, metric, engine):
    lengths = [3.0] * 60
    world, flat = make(engine, metric, lengths=lengths), make(engine, metric)
    before = world.bits()
    report, same = (one.store.nudge(one.pairs(), one.pairs("validation"), progress=False) for one in (world, flat))
    assert f"are ranked by {metric}. Documents keep their lengths." in report.remarks[-1]
    assert (report.applied, report.tuned.ids.tolist()) == (True, same.tuned.ids.tolist())
    np.testing.assert_allclose(norms(world.vectors()), lengths, rtol=1e-5)
    world.store.restore(progress=False)
    assert world.bits() == before


@pytest.mark.parametrize(("metric", "engine"), LONG, **names)
def test_a_few_documents_whose_first_ten_are_all_of_them_are_no_exception(make, metric, engine):
    world = make(engine, metric, docs=6, lengths=[0.3, 4.3, 1.0, 0.5, 2.0, 1.5])
    with pytest.raises(InputError, match=r"lengths from 0.3 to 4.3 .*a search by cosine finds \d+ % of the same"):
        world.store.nudge(world.pairs(), progress=False)


@pytest.mark.parametrize(("metric", "engine"), LONG, **names)
def test_lengths_are_looked_at_where_the_store_is_searched_too(make, metric, engine):
    """Of all documents that the questions meet."""
    world = make(engine, metric, lengths=np.linspace(0.5, 2, 60))
    with pytest.raises(InputError, match="have lengths from .* to .* and are ranked by"):
        world.store.nudge(world.pairs(), background="search", progress=False)


@pytest.mark.parametrize(("metric", "engine"), LONG, **names)
def test_lengths_that_differ_by_rounding_are_taken_for_one(make, metric, engine):
    world = make(engine, metric, lengths=np.random.default_rng(0).uniform(0.996, 1.004, 60))
    before = world.bits()
    assert world.store.nudge(world.pairs(), world.pairs("validation"), progress=False).applied
    world.store.restore(progress=False)
    assert world.bits() == before


@pytest.mark.parametrize("method", [NudgeM(), NudgeM(0.2), NudgeM([0.1, 0.2])], ids=repr)
@pytest.mark.parametrize(("metric", "engine"), [*FLAT, ("l2", FaissEngine())], **names)
def test_nudge_m_is_refused_where_length_is_lost(make, metric, engine, method):
    world = make(engine, metric)
    before = world.bits()
    with pytest.raises(
        InputError, match=rf"NUDGE-M moves vectors off the unit sphere.*ranks by {metric}: use NudgeN\(\)"
    ):
        world.store.nudge(world.pairs(), method=method, progress=False)
    assert (world.bits(), world.embedding.queries) == (before, [])
    assert world.store.journal is None


@pytest.mark.parametrize("background", ["exact", "search"])
@pytest.mark.parametrize("engine", [FaissEngine(), ChromaEngine()], **names)
@pytest.mark.parametrize("method", [NudgeM(), NudgeM([0.1, 0.3, 0.6], "nDCG@10")], ids=repr)
def test_nudge_m_by_dot_product(make, engine, method, background):
    world = make(engine, "dot")
    before = world.bits()
    report = world.store.nudge(
        world.pairs(), world.pairs("validation"), method=method, background=background, progress=False
    )
    expected = finetune(
        open_corpus(world.X, ids=world.ids), world.queries(), world.queries("validation"), method=method
    )
    assert report.applied
    assert report.tuned.gamma == pytest.approx(expected.gamma, abs=1e-5)
    X = world.X.copy()
    X[expected.rows] = expected.vectors
    np.testing.assert_allclose(world.vectors(), X, atol=2e-5)
    assert norms(world.vectors()).max() > 1.05, "off the unit sphere"
    scores = world.queries("test").embeddings.numpy() @ X.T
    assert [names[0] for names in world.found("test", 1)] == [f"d{row}" for row in scores.argmax(1)]
    world.store.restore(progress=False)
    assert world.bits() == before


def test_a_second_nudge_over_one_of_nudge_m(make):
    """What stands is not of unit length, but the originals are."""
    world, once = make(FaissEngine(), "dot"), make(FaissEngine(), "dot")
    before = world.bits()
    assert world.store.nudge(world.pairs(), world.pairs("validation"), method=NudgeM(), progress=False).applied
    for one in (world, once):
        assert one.store.nudge(one.pairs(), one.pairs("validation"), progress=False).applied
    assert world.bits() == once.bits()
    world.store.restore(progress=False)
    assert world.bits() == before


@pytest.mark.parametrize("background", ["exact", "search"])
def test_documents_added_after_nudge_m(make, background):
    world = make(FaissEngine(), "dot")
    world.store.nudge(world.pairs(), world.pairs("validation"), method=NudgeM(), background=background, progress=False)
    world.store.add_texts(["something new"], ids=["new"])
    report = world.store.nudge(
        world.pairs(), world.pairs("validation"), method=NudgeM(), background=background, progress=False
    )
    assert (report.applied, report.tuned.docs) == (True, 61)

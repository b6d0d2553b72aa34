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


def best(world, questions, metric, k):
    """(queries, k) ids by brute force over what the store holds, for questions as the store's own search asks them."""
    vectors = world.vectors().astype(np.float64)
    asked = np.asarray([world.embedding.embed_query(text) for text in questions], np.float64)
    scores = asked @ vectors.T if metric == "dot" else -np.square(asked[:, None] - vectors[None]).sum(2)
    return [[world.ids[row] for row in np.argsort(-line, kind="stable")[:k]] for line in scores]


@pytest.mark.parametrize(("metric", "engine"), LONG, **names)
@pytest.mark.parametrize("long", [1.0, 0.4], ids=["unit questions", "short questions"])
def test_elsewhere_figures_are_those_of_the_metric_with_the_lengths_that_documents_keep(make, metric, engine, long):
    lengths = np.linspace(0.5, 2, 60)
    world = make(engine, metric, lengths=lengths)
    known = {f"text {i}" for i in range(60)}
    for text, vector in world.embedding.known.items():
        if text not in known:
            world.embedding.known[text] = (long * np.asarray(vector)).tolist()
    world.embedding.known["Which of these texts answers the question?"] = (long * np.eye(8)[0]).tolist()
    before = world.bits()
    asked = world.pairs("test")

    def success():
        first = best(world, [text for text, _ in asked], metric, 1)
        return np.mean([name in answers for (name,), (_, answers) in zip(first, asked, strict=True)])

    measured = world.store.evaluate(asked, ["Success@1"], progress=False)
    assert measured.mean("Success@1") == pytest.approx(success())
    report = world.store.nudge(
        world.pairs(), world.pairs("test"), method=NudgeN(0.5, "Success@1"), force=True, progress=False
    )
    assert f"the figures are those of {metric} with them" in report.remarks[-1]
    assert report.before.mean("Success@1") == pytest.approx(measured.mean("Success@1"))
    np.testing.assert_allclose(norms(world.vectors()), lengths, rtol=1e-5)
    assert report.after.mean("Success@1") == pytest.approx(success())
    world.store.restore(progress=False)
    assert world.bits() == before


@pytest.mark.parametrize(("metric", "engine"), LONG, **names)
def test_lengths_that_are_all_alike_change_nothing(make, metric, engine):
    world, flat = make(engine, metric, lengths=[3.0] * 60), make(engine, metric)
    before = world.bits()
    report, same = (one.store.nudge(one.pairs(), one.pairs("validation"), progress=False) for one in (world, flat))
    assert (report.applied, report.tuned.ids.tolist()) == (True, same.tuned.ids.tolist())
    np.testing.assert_allclose(norms(world.vectors()), 3.0, rtol=1e-5)
    world.store.restore(progress=False)
    assert world.bits() == before


@pytest.mark.parametrize(("metric", "engine"), LONG, **names)
def test_lengths_are_looked_at_where_the_store_is_searched_too(make, metric, engine):
    """Of all documents that the questions meet: not all are known, so that no figure would be right."""
    world = make(engine, metric, lengths=np.linspace(0.5, 2, 60))
    with pytest.raises(InputError, match="have lengths from .* ranked by .*background='exact'"):
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

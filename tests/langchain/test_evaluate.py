"""evaluate() measures the store as it stands: figures of the core on the vectors that are there."""

import numpy as np
import pytest
from engines.chroma import ChromaEngine
from engines.faiss import FaissEngine
from engines.memory import InMemoryEngine

from nudge_core import NudgeM, NudgeN, QuerySet, evaluate, open_corpus
from nudge_core.errors import InputError

MEASURES = ["nDCG@10", "R@3", "Success@1", "AP@60"]
STORES = [("cosine", InMemoryEngine()), ("dot", FaissEngine()), ("l2", FaissEngine()), ("cosine", ChromaEngine())]
stores = pytest.mark.parametrize(
    ("metric", "engine"), STORES, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
from nudge_integrations.langchain import NudgeVectorStore


def expected(world, metric="cosine", train=None):
    corpus = open_corpus(world.vectors().astype(np.float32), ids=world.ids)
    return evaluate(
        corpus, world.queries("test"), MEASURES, metric="cosine" if metric == "cosine" else "dot", train=train
    )


def assert_same(ours, theirs):
    for measure in theirs.values:
        np.testing.assert_allclose(ours.values[measure], theirs.values[measure], atol=1e-9)
    assert ours.ranking.tolist() == theirs.ranking.tolist()


@stores
def test_before_after_and_restored(make, metric, engine):
    world = make(engine, metric)
    first = world.store.evaluate(world.pairs("test"), MEASURES, progress=False)
    assert_same(first, expected(world, metric))
    assert (first.seen, len(first)) == (None, 30)
    report = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    after = world.store.evaluate(world.pairs("test"), MEASURES, progress=False)
    moved = QuerySet(np.ones((1, 8)), [report.tuned.ids.tolist()])
    theirs = expected(world, metric, moved)
    assert_same(after, theirs)
    assert after.seen.tolist() == theirs.seen.tolist()
    assert after.to_dict() == theirs.to_dict()
    assert after.values["nDCG@10"].tolist() != first.values["nDCG@10"].tolist()
    world.store.restore(progress=False)
    again = world.store.evaluate(world.pairs("test"), MEASURES, progress=False)
    assert again.to_dict() == first.to_dict(), "nothing is seen any more"


@stores
def test_it_is_what_a_search_finds(make, metric, engine):
    world = make(engine, metric)
    for _ in range(2):
        evaluation = world.store.evaluate(world.pairs("test"), ["R@5"], progress=False)
        assert evaluation.ranking.tolist() == world.found("test", 5)
        world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)


def test_the_figures_promised_are_measured(world):
    """Those of the report, on the validation questions that chose γ."""
    report = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    after = world.store.evaluate(world.pairs("validation"), progress=False)
    assert {m: after.mean(m) for m in after.values} == pytest.approx({m: report.after.mean(m) for m in after.values})
    world.store.restore()
    before = world.store.evaluate(world.pairs("validation"), progress=False)
    assert {m: before.mean(m) for m in before.values} == pytest.approx(
        {m: report.before.mean(m) for m in before.values}
    )


def test_questions_about_moved_documents_are_seen(world):
    report = world.store.nudge(
        world.pairs()[:6], world.pairs("validation"), method=NudgeN(0.05, "R@20"), progress=False
    )
    if not report.applied:
        report = world.store.nudge(world.pairs()[:6], world.pairs()[:6], progress=False)
    moved = set(report.tuned.ids)
    evaluation = world.store.evaluate(world.pairs("test"), progress=False)
    assert evaluation.seen.tolist() == [bool(moved & {*answers}) for _, answers in world.pairs("test")]
    assert 0 < evaluation.seen.sum() < 30


def test_vectors_of_any_length_by_cosine(make):
    lengths = np.random.default_rng(0).uniform(0.1, 30, 60)
    world, flat = make(lengths=lengths), make()
    ours, theirs = (one.store.evaluate(one.pairs("test"), MEASURES, progress=False) for one in (world, flat))
    assert_same(ours, theirs)
    assert (ours.lengths, theirs.lengths) == ("scaled", "one")


def test_vectors_of_any_length_by_dot_product(make):
    """Here length counts, and the store is measured as it ranks."""
    world = make(FaissEngine(), "dot", lengths=np.random.default_rng(0).uniform(0.1, 3, 60))
    evaluation = world.store.evaluate(world.pairs("test"), ["R@5"], progress=False)
    assert evaluation.ranking.tolist() == world.found("test", 5)
    assert evaluation.lengths == "given"


def test_a_store_moved_by_nudge_m(make):
    world = make(FaissEngine(), "dot")
    world.store.nudge(world.pairs(), world.pairs("validation"), method=NudgeM(), progress=False)
    evaluation = world.store.evaluate(world.pairs("test"), ["R@5"], progress=False)
    assert evaluation.ranking.tolist() == world.found("test", 5)


def test_a_question_about_nothing_is_left_out(world):
    evaluation = world.store.evaluate([*world.pairs("test")[:3], ("nothing answers this", [])], progress=False)
    assert evaluation.ids.tolist() == [text for text, _ in world.pairs("test")[:3]]


def test_nothing_changes(world, home):
    before = world.bits()
    world.store.evaluate(world.pairs("test"), progress=False)
    assert (world.bits(), world.store.history(), home.exists()) == (before, [], False)


@pytest.mark.parametrize("measures", [["nDCG"], ["best@10"], [], ["nDCG@0"]])
def test_measures_that_there_are_not(world, measures):
    with pytest.raises(InputError):
        world.store.evaluate(world.pairs("test"), measures, progress=False)


async def test_in_a_coroutine(world):
    ours = await world.store.aevaluate(world.pairs("test"), ["R@5"], background="exact", progress=False)
    assert ours.to_dict() == world.store.evaluate(world.pairs("test"), ["R@5"], progress=False).to_dict()


def test_questions_that_were_learned_from_are_said(world, caplog):
    learned, others = world.pairs(), world.pairs("test")
    world.store.nudge(learned, world.pairs("validation"), progress=False)
    world.store.evaluate(others, progress=False)
    assert caplog.records == []
    again = [(f" {learned[0][0].upper()} ", learned[0][1]), *others]
    NudgeVectorStore(world.inner).evaluate(again, progress=False)
    assert f"1 of {len(again)} questions were learned from" in caplog.text
    caplog.clear()
    world.store.restore(progress=False)
    world.store.evaluate(again, progress=False)
    assert caplog.records == [], "no vector stands that learned from them"

"""What a nudge does to a store: exactly what the core computes, to the labelled documents, and to nothing else."""

import numpy as np
import pytest

from nudge_core import NudgeN, evaluate, finetune, open_corpus
from nudge_core.apply import survey
from nudge_core.errors import InputError
from nudge_core.trial import trial

DEFAULT = NudgeN("angles", "nDCG@10")


def in_place(world, tuned):
    """All vectors, with these moves."""
    X = world.X.astype(np.float64)
    X[tuned.rows] = tuned.vectors
    return X


def test_the_vectors_are_those_of_the_core(world):
    report = world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    corpus = open_corpus(world.X, ids=world.ids)
    expected = finetune(corpus, world.queries(), world.queries("validation"), method=DEFAULT)
    assert report.applied
    assert report.tuned.gamma == expected.gamma
    np.testing.assert_allclose(world.vectors(), in_place(world, expected), atol=1e-6)
    assert report.tuned.ids.tolist() == expected.ids.tolist()
    assert report.outcome.documents == len(expected)


def test_without_validation_questions_the_folds_choose(world):
    report = world.store.nudge(world.pairs(), folds=4, progress=False)
    expected = trial(open_corpus(world.X, ids=world.ids), world.queries(), method=DEFAULT, folds=4)
    assert (report.applied, report.trial.folds) == (True, 4)
    assert report.tuned.gamma == expected.tuned.gamma
    np.testing.assert_allclose(world.vectors(), in_place(world, expected.tuned), atol=1e-6)
    for measure in ("nDCG@10", "R@10", "RR@10"):
        assert report.before.mean(measure) == pytest.approx(expected.before.mean(measure))
        assert report.after.mean(measure) == pytest.approx(expected.after.mean(measure))
    assert report.after.ids.tolist() == [f"{name}?" for name in expected.after.ids]


def test_a_query_set_gives_the_same_as_texts(make):
    first, second = make(), make()
    first.store.nudge(first.pairs(), first.pairs("validation"), progress=False)
    second.store.nudge(second.queries(), second.queries("validation"), progress=False)
    np.testing.assert_allclose(first.vectors(), second.vectors(), atol=1e-6)
    assert (second.embedding.queries, second.embedding.documents) == ([], [])


def test_all_but_the_labelled_documents_are_bit_equal(world):
    before = world.bits()
    payloads = {name: (row["text"], row["metadata"], row["id"]) for name, row in world.inner.store.items()}
    report = world.store.nudge(world.pairs()[:8], progress=False, method=NudgeN(0.3, "nDCG@10"), folds=8)
    labelled = {name for _, answers in world.pairs()[:8] for name in answers}
    moved = {name for name, bits in world.bits().items() if bits != before[name]}
    assert moved == (set(report.tuned.ids) if report.applied else set())
    assert moved <= labelled
    assert {name: (row["text"], row["metadata"], row["id"]) for name, row in world.inner.store.items()} == payloads
    assert list(world.inner.store) == list(payloads), "the order too"
    assert {type(value) for value in world.inner.store["d0"]["vector"]} == {float}


def test_the_search_gets_better(world):
    def answered():
        return sum(
            bool({*answers} & {*names}) for (_, answers), names in zip(world.pairs(), world.found("train"), strict=True)
        )

    def score():
        return evaluate(open_corpus(world.vectors(), ids=world.ids), world.queries("validation")).mean("nDCG@10")

    first, before = answered(), score()
    world.store.nudge(world.pairs(), world.pairs("validation"), progress=False)
    assert score() > before
    assert answered() > first + 5


def test_twice_is_once(world):
    first = world.store.nudge(world.pairs(), progress=False)
    state = world.bits()
    second = world.store.nudge(world.pairs(), progress=False)
    assert world.bits() == state
    assert second.tuned.gamma == first.tuned.gamma
    assert second.comparison.to_dict() == first.comparison.to_dict()
    assert [run.number for run in world.store.history()] == [1, 2]


def test_other_questions_start_from_the_originals(make):
    """Documents of the first nudge that the second does not move are as they were."""
    both, second = make(), make()
    before = both.bits()
    assert both.store.nudge(both.pairs(), progress=False).applied
    for world in (both, second):
        assert world.store.nudge(world.pairs("test")[:9], world.pairs("test")[:9], progress=False).applied
    assert both.bits() == second.bits()
    labelled = {name for _, answers in both.pairs("test")[:9] for name in answers}
    assert {name for name, bits in both.bits().items() if bits != before[name]} <= labelled


def test_nothing_is_written_where_nothing_improves(world):
    """Questions that find their document first already."""
    world.embedding.known |= {f"own {i}": world.X[i].tolist() for i in range(10)}
    before = world.bits()
    report = world.store.nudge([(f"own {i}", [f"d{i}"]) for i in range(10)], progress=False)
    assert (report.applied, report.outcome) == (False, None)
    assert world.bits() == before
    assert world.store.history() == []
    assert "Nothing was written: no setting is better than the original vectors on the 10 questions" in repr(report)


def test_nothing_is_written_where_it_gets_worse(world):
    """One γ that is far too large, and labels drawn at random."""
    rng = np.random.default_rng(0)
    at_random = [(text, [f"d{rng.integers(60)}"]) for text, _ in world.pairs()]
    before = world.bits()
    report = world.store.nudge(at_random, world.pairs("validation"), method=NudgeN(4.0, "nDCG@10"), progress=False)
    assert report.after.mean("nDCG@10") < report.before.mean("nDCG@10")
    assert (report.applied, world.bits()) == (False, before)


def test_what_an_earlier_nudge_moved_stays_where_a_later_one_improves_nothing(world):
    world.store.nudge(world.pairs(), progress=False)
    state = world.bits()
    world.embedding.known |= {f"own {i}": world.X[i].tolist() for i in range(10)}
    assert not world.store.nudge([(f"own {i}", [f"d{i}"]) for i in range(10)], progress=False).applied
    assert world.bits() == state


@pytest.mark.parametrize("measure", ["R@5", "Success@1", "RR@10"])
def test_the_measure_that_chooses(make, measure):
    first, second = make(), make()
    a = first.store.nudge(first.pairs(), first.pairs("validation"), measure=measure, progress=False)
    b = second.store.nudge(second.pairs(), second.pairs("validation"), method=NudgeN("angles", measure), progress=False)
    assert next(iter(a.before.values)) == measure
    assert first.bits() == second.bits()
    assert a.applied == (a.after.mean(measure) > a.before.mean(measure)) == b.applied


def test_a_measure_goes_before_that_of_the_method(world):
    report = world.store.nudge(world.pairs(), method=NudgeN([0.0, 0.2], "R@5"), measure="P@3", progress=False)
    assert next(iter(report.before.values)) == "P@3"
    assert report.tuned.curve.gamma.tolist() == [0.0, 0.2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"measure": "nDCG"}, "nDCG"),
        ({"measure": "quality@10"}, "quality"),
        ({"method": NudgeN}, "NudgeN"),
        ({"method": "NudgeN"}, "method=Auto"),
        ({"background": "all"}, r"background is 'all'; expected \"exact\", \"search\""),
    ],
)
def test_options_that_cannot_be_used(world, options, said):
    before = world.bits()
    with pytest.raises(InputError, match=said):
        world.store.nudge(world.pairs(), progress=False, **options)
    assert world.bits() == before
    assert world.store.history() == []


def test_the_journal_knows_every_original(world):
    before = world.bits()
    world.store.nudge(world.pairs(), progress=False)
    collection = world.store._collection
    journal = collection._existing(collection.adapt())
    originals = survey(collection.adapt(), journal).originals
    assert {name: vector.tobytes() for name, vector in originals.items()}.items() <= before.items()
    assert set(originals) == {name for name, bits in world.bits().items() if bits != before[name]}

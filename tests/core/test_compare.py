"""Comparisons: two evaluations of the same questions side by side."""

import numpy as np
import pytest

from nudge_core import NudgeN, QuerySet, evaluate, finetune
from nudge_core.errors import InputError

pytest.importorskip("scipy", reason="scipy is not installed: pip install 'nudge-integrations[evaluation]'")

X = np.eye(4, dtype=np.float32)
GOOD = QuerySet(X, [[0], [1], [2], [3]], ids=list("abcd"))
MIXED = QuerySet(X[[0, 1, 0, 0]], [[0], [1], [2], [3]], ids=list("abcd"))  # two of four are missed


@pytest.fixture
def comparison():
    train = QuerySet(X[:1], [[0]])
    before = evaluate(X, MIXED, ["Success@1", "P@4"], train=train)
    after = evaluate(X, GOOD, ["P@4", "Success@1", "R@4"], train=train)
    return after.compare(before)


def test_measures_in_common_are_compared(comparison):
    assert {line.measure for line in comparison.lines} == {"Success@1", "P@4"}


def test_before_after_difference_and_counts(comparison):
    line = next(line.to_dict() for line in comparison.lines if (line.measure, line.subset) == ("Success@1", "all"))
    assert (line["questions"], line["before"], line["after"], line["difference"]) == (4, 0.5, 1.0, 0.5)
    assert (line["better"], line["same"], line["worse"]) == (2, 2, 0)
    assert line["low"] <= 0.5 <= line["high"]


def test_subsets_are_those_of_the_later_evaluation(comparison):
    sizes = {line.subset: line.to_dict()["questions"] for line in comparison.lines}
    assert sizes == {"all": 4, "seen": 1, "unseen": 3}


def test_worse_questions_are_counted():
    line = evaluate(X, MIXED, ["Success@1"]).compare(evaluate(X, GOOD, ["Success@1"])).lines[0].to_dict()
    assert (line["difference"], line["better"], line["worse"]) == (-0.5, 0, 2)


def test_an_evaluation_beside_itself_is_the_same(sample):
    evaluation = evaluate(sample(0).X, sample(0).test)
    for line in evaluation.compare(evaluation).to_dict()["lines"]:
        assert (line["difference"], line["low"], line["high"], line["same"]) == (0, 0, 0, 30)


def test_the_same_seed_gives_the_same_intervals(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeN())
    before, after = evaluate(drawn.X, drawn.test), evaluate(drawn.X, drawn.test, tuned=tuned)
    assert after.compare(before).to_dict() == after.compare(before).to_dict()
    assert after.compare(before).to_dict() != after.compare(before, seed=1).to_dict()


def test_the_table(comparison):
    head, *lines = str(comparison).splitlines()
    assert head.split()[:4] == ["measure", "questions", "before", "after"]
    assert "95 % interval" in head
    line = next(line for line in lines if line.startswith("Success@1") and " all " in line)
    assert line.split()[1:6] == ["all", "4", "50.00", "100.00", "+50.00"]
    assert line.split()[-1].startswith("2/")
    assert len({len(text) for text in (head, *lines)}) == 1, "columns do not line up"


def test_an_empty_subset_is_left_out_of_the_table():
    train = QuerySet(X, [[0], [1], [2], [3]])
    evaluation = evaluate(X, GOOD, ["R@1"], train=train)
    assert "unseen" not in str(evaluation.compare(evaluation))
    line = evaluation.compare(evaluation).lines[2].to_dict()
    assert (line["subset"], line["questions"], line["before"], line["low"]) == ("unseen", 0, None, None)


def test_other_questions_are_refused():
    with pytest.raises(InputError, match=r"different questions \(4 and 3\).*same set twice"):
        evaluate(X, GOOD.take([0, 1, 2])).compare(evaluate(X, GOOD))
    with pytest.raises(InputError, match="different questions"):
        evaluate(X, GOOD.take([1, 0, 2, 3])).compare(evaluate(X, GOOD))
    unnamed = [evaluate(X, QuerySet(X, [[0], [1], [2], [last]])) for last in (3, 0)]
    with pytest.raises(InputError, match=r"different questions \(number 4 is answered by 3 and by 0\)"):
        unnamed[1].compare(unnamed[0])
    named = [evaluate(X, QuerySet(X, [[0], [1], [2], [3]], texts=list(texts))) for texts in ("abcd", "abce")]
    with pytest.raises(InputError, match=r"different questions \(number 4 is 'd' and 'e'\)"):
        named[1].compare(named[0])


def test_no_measure_in_common_is_refused():
    with pytest.raises(InputError, match=r"no measure in common: P@4 and R@4"):
        evaluate(X, GOOD, ["R@4"]).compare(evaluate(X, GOOD, ["P@4"]))


@pytest.mark.parametrize("options", [{"level": 95}, {"level": 0}, {"level": 1.0}, {"resamples": 0}])
def test_a_level_or_number_outside_is_refused(options):
    with pytest.raises(InputError, match=r"expected for example 0.95 and 2000"):
        evaluate(X, GOOD).compare(evaluate(X, GOOD), **options)

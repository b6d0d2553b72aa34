"""Evidence: a gain is supported by enough questions held out and a lower bound above zero, and by nothing else."""

import numpy as np
import pytest

from nudge_core import NudgeN
from nudge_core.selection.evidence import ERROR, LEAST, Evidence
from nudge_core.trial import trial


def evidence(gains):
    before = np.full(len(gains), 0.5)
    return Evidence.of("nDCG@10", before, before + gains)


def test_the_bound_is_that_of_students_t():
    from scipy.stats import ttest_1samp

    gains = np.random.default_rng(0).normal(0.1, 0.2, 40)
    found = evidence(gains)
    low = ttest_1samp(gains, 0).confidence_interval(1 - 2 * ERROR).low  # its lower end is the one-sided bound
    assert found.bound == pytest.approx(low)
    assert (found.questions, found.gain) == (40, pytest.approx(gains.mean()))
    assert found.supports == (low > 0)


def test_the_more_was_tried_the_more_is_asked():
    gains = np.random.default_rng(0).normal(0.1, 0.2, 40)
    bounds = [Evidence.of("RR@10", np.zeros(40), gains, tried).bound for tried in (0, 1, 2, 5)]
    assert bounds[0] == bounds[1] > bounds[2] > bounds[3]


@pytest.mark.parametrize("count", [1, 2, LEAST - 1])
def test_few_questions_never_support_a_gain_however_large(count):
    found = evidence(np.full(count, 0.5))
    assert not found.supports
    assert f"only {count} question" in found.why_not()
    assert f"Label at least {LEAST} questions" in found.why_not()


def test_enough_questions_that_all_gain_support_it():
    assert evidence(np.full(LEAST, 0.2)).supports


def test_one_question_that_gains_much_is_no_evidence():
    found = evidence(np.eye(40)[0])
    assert found.gain > 0
    assert not found.supports
    assert "may be chance: its lower bound at 99 % is -" in found.why_not()


def test_a_loss_is_told_as_one():
    found = evidence(np.full(30, -0.1))
    assert not found.supports
    assert found.why_not().startswith("nDCG@10 does not rise on the 30 questions held out (-10.00)")


def test_a_trial_improves_only_on_evidence(learnable):
    X, questions = learnable
    done = trial(X, questions, method=NudgeN("fine", "nDCG@10"), progress=False)
    assert done.improves
    assert done.evidence.measure == "nDCG@10"
    assert done.evidence.questions == len(done.after)
    assert done.evidence.gain == pytest.approx(done.after.mean("nDCG@10") - done.before.mean("nDCG@10"))
    few = questions.take(np.arange(LEAST - 1) * 20 % 119)
    done = trial(X, few, method=NudgeN("fine", "nDCG@10"), progress=False)
    assert not done.improves

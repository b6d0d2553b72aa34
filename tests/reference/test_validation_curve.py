"""The validation curve equals a full re-ranking of all documents at every γ; the first of the best γ is chosen."""

import brute_force
import numpy as np
import pytest

from nudge_core import NudgeM, NudgeN, QuerySet, finetune
from nudge_core.methods.options import PAPER

MEASURES = ("Success@1", "nDCG@10", "CR@3", "R@2", "RR@5", "AP@4", "P@100")


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("seed", range(3))
def test_nudge_n_curve(sample, seed, measure):
    drawn = sample(seed)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeN(measure=measure))
    full = [brute_force.mean(measure, brute_force.turn(drawn.X, drawn.train, g), drawn.validation) for g in PAPER]
    assert tuned.curve.gamma == pytest.approx(PAPER)
    assert tuned.curve.score == pytest.approx(full, abs=1e-9)
    assert tuned.gamma == PAPER[int(np.argmax(np.asarray(full) >= max(full) - 1e-9))]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("seed", range(3))
def test_nudge_m_curve_over_given_gammas(sample, seed, measure):
    drawn = sample(seed)
    gammas = (0.0, 0.05, 0.1, 0.3, 0.9, 2.5)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeM(gammas=gammas, measure=measure))
    full = [brute_force.mean(measure, brute_force.shift(drawn.X, drawn.train, g), drawn.validation) for g in gammas]
    assert tuned.curve.score == pytest.approx(full, abs=1e-9)
    assert tuned.gamma == gammas[int(np.argmax(np.asarray(full) >= max(full) - 1e-9))]


@pytest.mark.parametrize("method", [NudgeN(gammas=[0.1, 4.0, 3.9]), NudgeM(gammas=[0.5, 100.0])])
def test_curve_at_far_gammas(sample, method):
    """At γ = 4 the bound no longer binds; at a length of 100 the questions alone rank."""
    drawn = sample(5)
    move = brute_force.turn if isinstance(method, NudgeN) else brute_force.shift
    curve = finetune(drawn.X, drawn.train, drawn.validation, method=method).curve
    full = [brute_force.mean("Success@1", move(drawn.X, drawn.train, g), drawn.validation) for g in curve.gamma]
    assert curve.score == pytest.approx(full, abs=1e-9)


def test_curve_with_fewer_documents_than_the_cut_off(sample):
    drawn = sample(2, docs=4, questions=6, sizes=(1,))
    curve = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeN(measure="nDCG@10")).curve
    full = [brute_force.mean("nDCG@10", brute_force.turn(drawn.X, drawn.train, g), drawn.validation) for g in PAPER]
    assert curve.score == pytest.approx(full, abs=1e-9)


def test_curve_in_many_small_tiles(sample, monkeypatch):
    """The sweep holds a bounded number of scores: with tiny tiles it must give the same curve."""
    drawn = sample(1)
    whole = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeN(measure="nDCG@5")).curve
    monkeypatch.setattr("nudge_core.methods.gamma_sweep.TILE", 150)
    tiles = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeN(measure="nDCG@5")).curve
    assert tiles.score == pytest.approx(whole.score, abs=1e-12)


@pytest.mark.parametrize("method", [NudgeN(), NudgeM(), NudgeN("fine", "nDCG@10"), NudgeM([0.1, 0.2], "RR@10")])
def test_before_and_after_are_the_scores_of_the_vectors_returned(sample, method):
    drawn = sample(7)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=method)
    assert tuned.before == pytest.approx(brute_force.mean(method.measure, drawn.X, drawn.validation), abs=1e-9)
    assert tuned.after == pytest.approx(
        brute_force.mean(method.measure, tuned.apply_to(drawn.X), drawn.validation), abs=1e-9
    )


@pytest.mark.parametrize("measure", ["Success@1", "RR@2", "nDCG@3"])
@pytest.mark.parametrize("method", [NudgeN, NudgeM])
@pytest.mark.parametrize("seed", range(12))
def test_curve_of_few_documents_on_all_sides(seed, method, measure):
    """Questions at random and γ up to its largest: similarities fall, pass through a peak, dip below both ends."""
    rng = np.random.default_rng(seed)
    X = brute_force.unit(rng.normal(size=(4, 2 + seed % 2))).astype(np.float32)
    train, validation = (QuerySet(rng.normal(size=(6, X.shape[1])), rng.integers(0, 4, size=(6, 1))) for _ in range(2))
    gammas = np.linspace(0, 4, 41).tolist()
    curve = finetune(X, train, validation, method=method(gammas=gammas, measure=measure)).curve
    move = brute_force.turn if method is NudgeN else brute_force.shift
    full = [brute_force.mean(measure, move(X, train, gamma), validation) for gamma in gammas]
    assert curve.score == pytest.approx(full, abs=1e-9)


@pytest.mark.parametrize("method", [NudgeN(), NudgeM(gammas=[0.1]), NudgeM()])
@pytest.mark.parametrize(("relevant", "expected"), [(0, 1.0), (1, 0.0)])
def test_a_tie_with_a_document_that_answers_nothing(method, relevant, expected):
    """Rows 0 and 1 are equal, and only one of them has a label: the lower row ranks first, labelled or not."""
    X = np.asarray([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
    train, validation = QuerySet([[0, 1, 1.0]], [[2]]), QuerySet([[1.0, 0, 0]], [[relevant]])
    tuned = finetune(X, train, validation, method=method)
    assert (tuned.before, tuned.after) == (expected, expected)


def test_a_document_whose_similarity_dips_between_its_ends():
    """Document 0 turns by a right angle through the point opposite the question: in the middle of its way document 1 ranks first."""
    half = 2**-0.5
    X = np.asarray([[half, -half], [0.8, 0.6]], dtype=np.float32)
    train, validation = QuerySet([[half, half]], [[0]]), QuerySet([[-1.0, 0.0]], [[1]])
    curve = finetune(X, train, validation, method=NudgeN(gammas=[0.0, 0.586, 2.0])).curve
    assert curve.score.tolist() == [0.0, 1.0, 0.0]

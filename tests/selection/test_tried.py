"""What a score is worth, and which setting and point are taken."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nudge_core import evaluate
from nudge_core.evaluation import Measure
from nudge_core.methods.problem import State
from nudge_core.selection.candidate import ValidationCurve
from nudge_core.selection.objective import DOUBT, EARLIER, FREE, Objective, pick_point
from nudge_core.selection.split import cut


def value(before, seen, share, weight=3.0):
    return Objective(np.asarray(before, float), np.asarray(seen, bool), share, weight)


def test_worth_is_the_gain_by_the_shares_of_seen_and_unseen():
    v = value([0.5] * 40, [True] * 20 + [False] * 20, 0.25)
    trust = 20 / (20 + DOUBT)

    def both(seen, unseen):
        return np.asarray([seen] * 20 + [unseen] * 20)

    assert v.worth(both(0.8, 0.5)) == pytest.approx(0.75 * 0.3)
    assert v.worth(both(0.5, 0.6)) == pytest.approx(trust * 0.25 * 0.1), "a gain counts by its share"
    assert v.worth(both(0.5, 0.5 - 0.9 * FREE)) == pytest.approx(-trust * 0.25 * 0.9 * FREE), (
        "and so does a little harm"
    )
    harm = trust * 0.1
    assert v.worth(both(0.5, 0.4)) == pytest.approx(-0.25 * harm - 3 * (harm - FREE)), (
        "more of it costs, whatever its share"
    )
    mixed = np.asarray([0.5] * 20 + [0.3, 0.7] * 10)
    assert v.worth(mixed) == pytest.approx(0), "their mean counts, not each"


@pytest.mark.parametrize("weight", [0.0, 1.0, 10.0])
def test_unseen_weight(weight):
    v = value([0.5, 0.5], [True, False], 0.5, weight)
    harm = 0.4 / (1 + DOUBT)
    assert v.worth(np.asarray([0.7, 0.1])) == pytest.approx(0.5 * 0.2 - 0.5 * harm - weight * (harm - FREE))


def test_harm_is_expected_to_grow_with_the_labels():
    v = replace(value([0.5, 0.5], [True, False], 0.5), growth=2.0)
    harm = 0.4 / (1 + DOUBT)
    assert v.worth(np.asarray([0.7, 0.1])) == pytest.approx(0.5 * 0.2 - 0.5 * harm - 3 * (2 * harm - FREE))
    assert v.worth(np.asarray([0.5, 0.6])) == pytest.approx(0.5 * 0.1 / (1 + DOUBT)), "a gain is not"
    free = 0.75 * FREE * (1 + DOUBT)
    assert v.worth(np.asarray([0.5, 0.5 - free])) < replace(v, growth=1.0).worth(np.asarray([0.5, 0.5 - free]))


def test_one_unseen_question_does_not_decide():
    many = 1000 * [0.5]
    v = value([*many, 0.5], [True] * 1000 + [False], 0.1)
    assert v.worth(np.asarray([0.7] * 1000 + [0.0])) > 0, "it lost all, and the others gained"
    v = value([*many, *many], [True] * 1000 + [False] * 1000, 0.1)
    assert v.worth(np.asarray([0.7] * 1000 + [0.0] * 1000)) < 0


def test_many_scores_at_once():
    v = value([0.5, 0.1], [True, False], 0.5)
    scores = np.random.default_rng(0).random((4, 3, 2))
    np.testing.assert_allclose(v.worth(scores)[2, 1], v.worth(scores[2, 1]))


@pytest.mark.parametrize("seen", [[True, True, True], [False, False, False]])
def test_questions_of_one_kind_only(seen):
    v = value([0.0, 0.0, 0.0], seen, 0.0 if seen[0] else 1.0)
    trust = 1 if seen[0] else 3 / (3 + DOUBT)
    assert v.worth(np.asarray([0.3, 0.6, 0.9])) == pytest.approx(trust * 0.6)
    assert v.error(np.asarray([0.3, 0.6, 0.9]), np.zeros(3)) == pytest.approx(trust * 0.3 / np.sqrt(3))


def test_the_error_is_that_of_the_paired_difference():
    rng = np.random.default_rng(0)
    before, seen = rng.random(50), np.arange(50) < 30
    first, second = before + rng.random(50), before + rng.random(50)
    apart = first - second
    unseen = 0.4 * 20 / (20 + DOUBT)
    expected = 0.6**2 * apart[:30].var(ddof=1) / 30 + unseen**2 * apart[30:].var(ddof=1) / 20
    assert value(before, seen, 0.4).error(first, second) == pytest.approx(np.sqrt(expected))
    harmed = before - 0.1 * rng.random(50)
    assert value(before, seen, 0.4).error(first, harmed) == value(before, seen, 0.4, 0.0).error(first, harmed), (
        "the weight of harm is a rule, no doubt"
    )
    assert value(before, seen, 0.4).error(first, first) == 0


def path(*worth, noise=0.0, seed=0):
    """A path whose questions, all seen, have these means; noise is the same at each point but for the sign of the question."""
    rng = np.random.default_rng(seed)
    scores = np.asarray(worth)[:, None] + noise * rng.normal(size=(len(worth), 400))
    return ValidationCurve({}, np.arange(len(worth), dtype=float), scores)


V = value(np.zeros(400), np.ones(400), 0.0)


def test_the_best_point_of_the_best_path_is_taken():
    paths = [path(0, 0.1, 0.1, 0.1), path(0, 0.2, 0.3, 0.2, 0.1)]
    assert pick_point(paths, V) == (paths[1], 2)


def test_one_peak_among_low_points_is_not_believed():
    paths = [path(0, 0.0, 0.3, 0.0, 0.0), path(0, 0.2, 0.2, 0.2, 0.2)]
    assert pick_point(paths, V)[0] is paths[1]


def test_of_points_that_are_as_good_the_first():
    given = path(0, 0.3, 0.3, 0.3, 0.3, 0.3001, noise=0.1)
    chosen, point = pick_point([given], V)
    worth = V.worth(given.scores)
    assert point < 5
    assert worth.max() - worth[point] < 4 * V.error(given.scores[worth.argmax()], given.scores[point])


def test_where_nothing_helps_it_stays_where_it_began():
    assert pick_point([path(0, -0.1, -0.2, -0.2)], V)[1] == 0
    assert pick_point([path(0)], V)[1] == 0
    assert EARLIER > 0


def test_a_path_that_stops_early():
    assert pick_point([path(0, 0.2)], V)[1] == 1


def test_scores_are_those_of_evaluate(sample, plain):
    drawn = sample(0)
    ground = plain.ground(drawn.X, drawn.train)
    for fold in cut(ground.labels, np.arange(30), folds=3, validation=None, seed=0):
        found = ground.scores(State(ground.pool), fold, Measure.parse("nDCG@10"))
        plainly = evaluate(drawn.X, drawn.train.take(fold.validation.numpy()), ["nDCG@10"]).values["nDCG@10"]
        np.testing.assert_allclose(found, plainly, atol=1e-6)
    assert isinstance(ground.pool, torch.Tensor)

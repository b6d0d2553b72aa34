"""The bootstrap interval of a mean difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nudge_core.evaluation.results import bootstrap_interval

pytest.importorskip("scipy", reason="scipy is not installed: pip install 'nudge-integrations[evaluation]'")

differences = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=2, max_size=60)


@given(differences)
def test_the_interval_lies_among_the_differences(change):
    low, high = bootstrap_interval(np.asarray(change), resamples=200)
    assert min(change) - 1e-12 <= low <= high <= max(change) + 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_holds_the_mean(seed):
    change = np.random.default_rng(seed).normal(0.1, 0.3, size=80)
    low, high = bootstrap_interval(change)
    assert low < change.mean() < high


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_is_as_wide_as_the_normal_one(seed):
    change = np.random.default_rng(seed).normal(0, 1, size=400)
    low, high = bootstrap_interval(change, 0.95)
    width = 2 * 1.96 * change.std() / np.sqrt(len(change))
    assert high - low == pytest.approx(width, rel=0.1)


def test_a_higher_level_gives_a_wider_interval():
    change = np.random.default_rng(0).normal(size=100)
    narrow, wide = (bootstrap_interval(change, level) for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_more_questions_give_a_narrower_interval():
    change = np.random.default_rng(0).normal(size=2000)
    widths = [np.ptp(bootstrap_interval(part)) for part in (change[:20], change)]
    assert widths[1] < widths[0] / 3


@pytest.mark.parametrize("change", [[0.0, 0.0, 0.0], [0.25], [-0.5, -0.5]])
def test_equal_differences_or_a_single_one_give_the_value_itself(change):
    assert bootstrap_interval(np.asarray(change)) == (change[0], change[0])


def test_no_difference_gives_nan():
    assert np.isnan(bootstrap_interval(np.zeros(0))).all()


def test_two_questions_of_which_one_changed():
    assert bootstrap_interval(np.asarray([0.0, 1.0])) == (0.0, 1.0)


def test_the_seed_decides():
    change = np.random.default_rng(0).normal(size=50)
    assert bootstrap_interval(change, seed=1) == bootstrap_interval(change, seed=1)
    assert bootstrap_interval(change, seed=1) != bootstrap_interval(change, seed=2)

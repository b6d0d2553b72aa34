"""The log-sum-exp of all documents, told from the nearest."""

import numpy as np
import pytest
import torch

from nudge_core.corpus.background import log_of_rest, logsumexp_of_all


def drawn(count: int, seed: int = 0, spread: float = 0.08) -> torch.Tensor:
    return 0.05 + spread * torch.randn(30, count, generator=torch.Generator().manual_seed(seed))


def best(scores: torch.Tensor, k: int) -> torch.Tensor:
    return torch.sort(scores, dim=1, descending=True).values[:, :k]


@pytest.mark.parametrize("temperature", [0.02, 0.05, 1.0])
@pytest.mark.parametrize("count", [1, 2, 99, 100])
def test_nothing_is_estimated_where_all_are_known(count, temperature):
    scores = drawn(count)
    told = logsumexp_of_all(best(scores, 100), temperature, count)
    torch.testing.assert_close(told, torch.logsumexp(scores / temperature, 1))


@pytest.mark.parametrize("temperature", [0.01, 0.05, 0.3, 10.0])
@pytest.mark.parametrize("spread", [0.0, 1e-6, 0.05, 3.0])
@pytest.mark.parametrize("count", [101, 5000, 10**9])
def test_the_rest_is_within_its_bound(count, spread, temperature):
    scores = best(drawn(200, spread=spread), 100)
    rest = log_of_rest(scores, temperature, count)
    bound = np.log(count - 100) + scores[:, -1].double() / temperature
    assert torch.isfinite(rest).all()
    assert (rest <= bound + 1e-9).all()


def test_equal_scores_give_the_bound():
    told = logsumexp_of_all(torch.full((1, 50), 0.4), 0.1, 1000)
    assert float(told) == pytest.approx(np.log(1000) + 4, abs=1e-5)


@pytest.mark.parametrize("temperature", [0.05, 0.1])
@pytest.mark.parametrize("count", [2000, 100_000])
def test_it_is_nearer_than_the_nearest_alone(count, temperature):
    scores = drawn(count)
    truth = torch.logsumexp(scores / temperature, 1)
    off = (logsumexp_of_all(best(scores, 100), temperature, count) - truth).abs()
    without = (torch.logsumexp(best(scores, 100) / temperature, 1) - truth).abs()
    assert off.mean() < 0.25 * without.mean()


def test_an_index_that_found_fewer():
    """Each question by what it has; one document tells nothing of the rest, and none nothing at all."""
    scores = best(drawn(3000), 100)
    few = scores.clone()
    few[0, 40:], few[1, 1:], few[2] = -torch.inf, -torch.inf, -torch.inf
    told = logsumexp_of_all(few, 0.05, 3000)
    torch.testing.assert_close(told[0], logsumexp_of_all(scores[:1, :40], 0.05, 3000)[0])
    assert float(told[1]) == pytest.approx(float(scores[1, 0] / 0.05), abs=1e-5)
    assert torch.isneginf(told[2])
    torch.testing.assert_close(told[3:], logsumexp_of_all(scores[3:], 0.05, 3000))


def test_no_documents_and_no_questions():
    assert torch.isneginf(logsumexp_of_all(torch.zeros(2, 0), 0.05, 0)).all()
    assert logsumexp_of_all(torch.zeros(0, 5), 0.05, 9).shape == (0,)

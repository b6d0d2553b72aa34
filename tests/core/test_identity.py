"""γ = 0 changes nothing, bit for bit; and nothing that a caller passes is ever changed."""

import copy

import numpy as np
import pytest
import torch

from nudge_core import NudgeM, NudgeN, evaluate, finetune


def bits(array):
    return array.tobytes() if isinstance(array, np.ndarray) else array.view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("method", [NudgeN(gammas=0.0), NudgeM(gammas=0.0), NudgeN(gammas=[0.0]), NudgeM(gammas=[0.0])])
def test_gamma_zero_moves_no_document(sample, method):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=method)
    assert len(tuned) == 0
    assert bits(tuned.apply_to(drawn.X)) == bits(drawn.X)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("method", [NudgeN(gammas=0.0), NudgeM(gammas=0.0)])
def test_gamma_zero_is_the_identity_in_every_type(sample, method, dtype):
    X = torch.from_numpy(sample(0).X.copy()).to(dtype)
    assert bits(finetune(X, sample(0).train, method=method).apply_to(X)) == bits(X)


@pytest.mark.parametrize("method", [NudgeN(), NudgeM(), NudgeN("fine", "nDCG@10"), NudgeM([0.1, 1.0], "RR@5")])
def test_inputs_are_never_changed(sample, method):
    drawn = sample(1)
    X, train, validation = drawn.X.copy(), copy.deepcopy(drawn.train), copy.deepcopy(drawn.validation)
    tuned = finetune(X, train, validation, method=method, refit=True)
    vectors = tuned.vectors.copy()
    evaluate(X, validation, tuned=tuned, train=train)
    tuned.apply_to(X)
    assert bits(X) == bits(drawn.X)
    assert bits(tuned.vectors) == bits(vectors)
    for now, before in ((train, drawn.train), (validation, drawn.validation)):
        assert torch.equal(now.embeddings, before.embeddings)
        assert np.array_equal(now.relevance.documents, before.relevance.documents)
        assert np.array_equal(now.relevance.offsets, before.relevance.offsets)


def test_the_result_shares_no_memory_with_the_corpus(sample):
    X = sample(0).X.copy()
    tuned = finetune(X, sample(0).train, method=NudgeN(gammas=0.1))
    copied = tuned.apply_to(X)
    X[:] = 7
    assert abs(tuned.vectors).max() <= 1
    assert abs(copied).max() <= 1


@pytest.mark.parametrize("method", [NudgeN(), NudgeM()])
def test_the_same_call_gives_the_same_bits(sample, method):
    drawn = sample(2)
    first, second = (finetune(drawn.X, drawn.train, drawn.validation, method=method) for _ in range(2))
    assert bits(first.vectors) == bits(second.vectors)
    assert first.gamma == second.gamma

"""NUDGE-N equals the authors' package `nudge-ft` 0.1.2: the same γ, the same vectors to 1e-5.

That package adds accuracies up in float32. Where fractions such as 1/3 make two γ equal, its rounding decides; so questions have 1, 2 or 4
answers here, whose fractions are exact. `test_a_gamma_that_rounding_chose` covers the others.
"""

import numpy as np
import pytest
from peer_calls import as_dict, others

from nudge_core import NudgeN, finetune
from nudge_core.compat import NUDGEN
from nudge_core.methods.options import PAPER

EXACT = (1, 2, 4)
SIZES = [(25, 4, 20), (60, 8, 30), (150, 16, 60), (300, 48, 40)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(4))
def test_finetune(sample, peer, seed, size):
    docs, dim, questions = size
    drawn = sample(seed, docs=docs, dim=dim, questions=questions)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeN())
    theirs = peer("N", drawn.X, as_dict(drawn.train), as_dict(drawn.validation))
    assert tuned.apply_to(drawn.X) == pytest.approx(theirs, abs=1e-5)
    at_our_gamma = peer("N", drawn.X, as_dict(drawn.train), as_dict(drawn.validation), gamma=tuned.gamma)
    assert np.array_equal(theirs, at_our_gamma), "another γ"


@pytest.mark.parametrize("with_others", [False, True])
@pytest.mark.parametrize("val_k", [1, 2, 10])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(2))
def test_compat(sample, peer, seed, size, val_k, with_others):
    docs, dim, questions = size
    drawn = sample(seed, docs=docs, dim=dim, questions=questions, sizes=EXACT)
    call = drawn.X, as_dict(drawn.train), as_dict(drawn.validation), others(dim) if with_others else None
    ours = NUDGEN("cpu").finetune_embeddings(*call, val_k=val_k)
    assert ours == pytest.approx(peer("N", *call, val_k=val_k), abs=1e-5)


@pytest.mark.parametrize("val_k", [1, 2, 10])
@pytest.mark.parametrize("seed", range(20))
def test_compat_with_rows_named_twice(sample, peer, seed, val_k):
    """As there: twice the weight in training, once in the accuracy of NUDGE-N."""
    drawn = sample(seed, sizes=EXACT)
    sets = [as_dict(drawn.train), as_dict(drawn.validation)]
    for part in sets:
        part["q_ans_indx"] = [rows + rows[:1] * (i % 2) for i, rows in enumerate(part["q_ans_indx"])]
    ours = NUDGEN("cpu").finetune_embeddings(drawn.X, *sets, val_k=val_k)
    assert ours == pytest.approx(peer("N", drawn.X, *sets, val_k=val_k), abs=1e-5)


@pytest.mark.parametrize("seed", range(30))
def test_a_gamma_that_rounding_chose(sample, peer, seed):
    """With thirds and fifths that package's sums in float32 decide between γ of the same accuracy."""
    drawn = sample(seed, sizes=(1, 2, 3, 5))
    call = drawn.X, as_dict(drawn.train), as_dict(drawn.validation)
    ours, theirs = NUDGEN("cpu").finetune_embeddings(*call, val_k=10), peer("N", *call, val_k=10)
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_the_grid_is_that_of_the_paper():
    assert pytest.approx([0.02 * step for step in range(25)]) == PAPER

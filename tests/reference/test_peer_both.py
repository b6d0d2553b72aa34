"""What holds of both solvers of `nudge_core.compat`: they equal the authors' package `nudge-ft` 0.1.2 to 1e-5."""

import numpy as np
import pytest
from peer_calls import as_dict, others

from nudge_core.compat import NUDGEM, NUDGEN

SOLVERS = [("M", NUDGEM), ("N", NUDGEN)]


@pytest.mark.parametrize(("name", "solver"), SOLVERS)
@pytest.mark.parametrize("gamma", [0.0, 0.07, 0.48, 1.5, 1.7])
def test_one_gamma(sample, peer, gamma, name, solver):
    drawn = sample(1)
    call = drawn.X, as_dict(drawn.train), as_dict(drawn.validation)
    ours = solver("cpu").finetune_embeddings(*call, gamma=gamma)
    assert ours == pytest.approx(peer(name, *call, gamma=gamma), abs=1e-5)


def test_a_large_gamma_of_nudge_m(sample, peer):
    drawn = sample(1)
    call = drawn.X, as_dict(drawn.train), as_dict(drawn.validation)
    ours = NUDGEM("cpu").finetune_embeddings(*call, gamma=20.0)
    assert ours == pytest.approx(peer("M", *call, gamma=20.0), abs=1e-5)


@pytest.mark.parametrize(("name", "solver"), SOLVERS)
def test_vectors_of_any_length(sample, peer, name, solver):
    drawn = sample(2)
    long = drawn.X * np.linspace(0.2, 9, len(drawn.X), dtype=np.float32)[:, None]
    call = long, as_dict(drawn.train), as_dict(drawn.validation), 5 * others(8)
    assert solver("cpu").finetune_embeddings(*call) == pytest.approx(peer(name, *call), abs=1e-5)

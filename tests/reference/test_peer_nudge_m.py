"""`compat.NUDGEM` equals the authors' package `nudge-ft` 0.1.2 to 1e-5, its 1e-8 in the slopes included."""

import numpy as np
import pytest
from peer_calls import as_dict, others

from nudge_core.compat import NUDGEM

SIZES = [(25, 4, 20), (60, 8, 30), (150, 16, 60), (300, 48, 40)]


@pytest.mark.parametrize("with_others", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(4))
def test_compat(sample, peer, seed, size, with_others):
    docs, dim, questions = size
    drawn = sample(seed, docs=docs, dim=dim, questions=questions)
    call = drawn.X, as_dict(drawn.train), as_dict(drawn.validation), others(dim) if with_others else None
    assert NUDGEM("cpu").finetune_embeddings(*call) == pytest.approx(peer("M", *call), abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_compat_with_rows_named_twice(sample, peer, seed):
    drawn = sample(seed)
    sets = [as_dict(drawn.train), as_dict(drawn.validation)]
    for part in sets:
        part["q_ans_indx"] = [rows + rows[: i % 3] for i, rows in enumerate(part["q_ans_indx"])]
    assert NUDGEM("cpu").finetune_embeddings(drawn.X, *sets) == pytest.approx(peer("M", drawn.X, *sets), abs=1e-5)


def test_compat_where_no_answer_can_be_first(sample, peer):
    """No interval at all: γ is 0, the documents stay."""
    X = np.asarray([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    questions = {"q_embs": np.asarray([[0.0, -1.0]], dtype=np.float32), "q_ans_indx": [[1]]}
    train = {"q_embs": np.asarray([[0.0, 1.0]], dtype=np.float32), "q_ans_indx": [[1]]}
    ours = NUDGEM("cpu").finetune_embeddings(X, train, questions)
    assert ours.tolist() == X.tolist() == peer("M", X, train, questions).tolist()

"""Where `nudge-ft` 0.1.2 fails or goes wrong, `nudge_core.compat` is right."""

import brute_force
import numpy as np
import pytest
from peer_calls import as_dict, others

from nudge_core import NudgeN, finetune
from nudge_core.compat import NUDGEM, NUDGEN


@pytest.fixture
def call(sample):
    drawn = sample(1, docs=40, sizes=(1, 2))
    return drawn.X, as_dict(drawn.train), as_dict(drawn.validation)


@pytest.fixture(name="others")
def forty_one():
    return others(8, 41)


@pytest.mark.parametrize(("solver", "move"), [(NUDGEN, brute_force.turn), (NUDGEM, brute_force.shift)])
def test_a_list_of_gamma_is_tried(sample, call, solver, move):
    """That package multiplies by the list, although its signature asks for one."""
    drawn, gammas = sample(1, docs=40, sizes=(1, 2)), [0.05, 0.2, 0.45]
    scores = [brute_force.mean("Success@1", move(drawn.X, drawn.train, g), drawn.validation) for g in gammas]
    best = move(drawn.X, drawn.train, gammas[int(np.argmax(scores))])
    assert solver("cpu").finetune_embeddings(*call, gamma=gammas) == pytest.approx(best, abs=1e-5)


def test_the_peer_does_refuse_a_list_of_gamma(peer, call):
    with pytest.raises((TypeError, RuntimeError, ValueError)):
        peer("N", *call, gamma=[0.05, 0.2])


@pytest.mark.parametrize("block", [8, 20, 40])
def test_a_last_block_with_fewer_than_k_rows(peer, call, others, block):
    """Block by block, 41 rows leave one over; with all rows in one block that package is right."""
    with pytest.raises(RuntimeError):
        peer("N", *call, others, val_k=5, val_batch_size=block)
    right = peer("N", *call, others, val_k=5, val_batch_size=1000)
    assert NUDGEN("cpu").finetune_embeddings(*call, others, val_k=5, val_batch_size=block) == pytest.approx(
        right, abs=1e-5
    )


@pytest.mark.parametrize("block", [3, 40, 41, 42, 10_000])
def test_the_batch_size_changes_nothing(peer, call, others, block):
    """Fewer rows than a batch, as many, and more."""
    for name, solver in (("N", NUDGEN), ("M", NUDGEM)):
        right = peer(name, *call, others, val_batch_size=1000)
        ours = solver("cpu").finetune_embeddings(*call, others, val_batch_size=block)
        assert ours == pytest.approx(right, abs=1e-5)


def test_fewer_other_documents_than_k(sample, call, others):
    """Two rows beside val_k = 10 are not enough for that package; here they compete as any row of the corpus would."""
    drawn = sample(1, docs=40, sizes=(1, 2))
    ours = NUDGEN("cpu").finetune_embeddings(*call, others[:2], val_k=10)
    together = np.concatenate([drawn.X, others[:2] / np.linalg.norm(others[:2], axis=1, keepdims=True)])
    tuned = finetune(together, drawn.train, drawn.validation, method=NudgeN(measure="CR@10"))
    assert ours == pytest.approx(tuned.apply_to(together)[:40], abs=1e-6)


@pytest.mark.parametrize("solver", [NUDGEN, NUDGEM])
def test_no_other_documents_is_the_same_as_none(call, solver):
    empty = np.zeros((0, 8), dtype=np.float32)
    bare = solver("cpu").finetune_embeddings(*call)
    assert np.array_equal(solver("cpu").finetune_embeddings(*call, empty), bare)


@pytest.mark.parametrize("solver", [NUDGEN, NUDGEM])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_type_given_comes_back_and_the_input_stays(call, solver, dtype):
    X = call[0].astype(dtype)
    before = X.copy()
    out = solver("cpu").finetune_embeddings(X, *call[1:])
    assert out.dtype == dtype
    assert np.array_equal(X, before)
    exact = solver("cpu").finetune_embeddings(X.astype(np.float32), *call[1:])
    assert np.array_equal(out, exact.astype(dtype))


def test_gamma_above_two_never_makes_a_zero_vector(call):
    """That package replaces a document without questions by normalise(0) from γ = 2 on."""
    out = NUDGEN("cpu").finetune_embeddings(*call, gamma=2.5)
    assert np.linalg.norm(out, axis=1) == pytest.approx(1, abs=1e-6)


def test_of_equal_documents_that_of_the_corpus_comes_before_the_other_ones():
    """At γ = 0 the first question finds its document beside an equal one, at γ > 0 the second question finds its own: a draw, so γ = 0."""
    X = np.asarray([[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], dtype=np.float32)
    other = np.asarray([[1, 0, 0, 0], [0, 0.9999, 0.0141, 0]], dtype=np.float32)
    train = {"q_embs": np.asarray([[0, 0, 0, 1], [0, 0.6, 0.8, 0]], dtype=np.float32), "q_ans_indx": [[1], [2]]}
    validation = {"q_embs": np.asarray([[1, 0, 0, 0], [0, 0.8, 0.6, 0]], dtype=np.float32), "q_ans_indx": [[1], [2]]}
    assert NUDGEN("cpu").finetune_embeddings(X, train, validation, other, gamma=[0.0, 0.1]).tolist() == X.tolist()

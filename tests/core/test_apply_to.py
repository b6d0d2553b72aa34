"""`Nudge.apply_to`: a full copy in the type given, in which rows that did not move are bit-equal."""

import numpy as np
import pytest
import torch

from nudge_core import NudgeM, NudgeN, finetune
from nudge_core.errors import InputError

PRECISION = {torch.float16: 1e-3, torch.bfloat16: 8e-3, torch.float32: 1e-7, torch.float64: 1e-7}


@pytest.fixture(params=[NudgeN(gammas=0.2), NudgeM(gammas=0.3)], ids=["N", "M"])
def tuned(request, sample):
    return finetune(sample(0).X, sample(0).train, method=request.param)


@pytest.mark.parametrize("dtype", PRECISION)
def test_tensor(sample, tuned, dtype):
    X = torch.from_numpy(sample(0).X.copy()).to(dtype)
    out = tuned.apply_to(X)
    stayed = np.setdiff1d(np.arange(len(X)), tuned.rows)
    assert isinstance(out, torch.Tensor)
    assert out.dtype == dtype
    assert len(stayed)
    assert torch.equal(out[stayed].view(torch.uint8), X[stayed].view(torch.uint8))
    assert out[tuned.rows].float().numpy() == pytest.approx(tuned.vectors, abs=2 * PRECISION[dtype])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_array(sample, tuned, dtype):
    X = sample(0).X.astype(dtype)
    out = tuned.apply_to(X)
    stayed = np.setdiff1d(np.arange(len(X)), tuned.rows)
    assert isinstance(out, np.ndarray)
    assert out.dtype == dtype
    assert out[stayed].tobytes() == X[stayed].tobytes()
    assert out[tuned.rows].tobytes() != X[tuned.rows].tobytes()


def test_memory_map(sample, tuned, tmp_path):
    np.save(tmp_path / "X.npy", sample(0).X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert np.array_equal(tuned.apply_to(mapped), tuned.apply_to(sample(0).X))


def test_rows_of_any_length_keep_theirs(sample):
    """So that cosine similarity ranks the same, and a mixed search by dot product does not jump."""
    drawn = sample(0)
    lengths = np.linspace(0.2, 7, len(drawn.X), dtype=np.float32)
    tuned = finetune(drawn.X * lengths[:, None], drawn.train, method=NudgeN(gammas=0.2))
    out = tuned.apply_to(drawn.X * lengths[:, None])
    assert np.linalg.norm(out, axis=1) == pytest.approx(lengths, rel=1e-5)
    assert out / lengths[:, None] == pytest.approx(tuned.apply_to(drawn.X), abs=1e-6)


def test_nudge_m_is_refused_beside_vectors_of_other_lengths(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, method=NudgeM(gammas=0.3))
    with pytest.raises(
        InputError, match=r"NUDGE-M .*dot product.*lengths from 3 .*to 3.*normalise them first, or use NudgeN"
    ):
        tuned.apply_to(3 * drawn.X)


@pytest.mark.parametrize("shape", [(59, 8), (60, 7), (60, 9), (8, 60)])
def test_another_shape_is_refused(tuned, shape):
    with pytest.raises(InputError, match=rf"\({shape[0]}, {shape[1]}\).*\(60, 8\).*that were fine-tuned"):
        tuned.apply_to(np.ones(shape, dtype=np.float32))


def test_integers_are_refused(tuned):
    with pytest.raises(InputError, match=r"int64; expected float16.*astype"):
        tuned.apply_to(np.ones((60, 8), dtype=np.int64))

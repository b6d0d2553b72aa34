"""`Nudge.save` and `Nudge.load`: everything comes back, and a write that fails leaves the old file."""

from dataclasses import fields

import numpy as np
import pytest

from nudge_core import Nudge, NudgeM, NudgeN, QuerySet, finetune, open_corpus
from nudge_core.data import storage
from nudge_core.errors import InputError

UNICODE = ["naïve", "日本語", "a b", "", "🦜", "x\n\ty", '"quoted"', "Ω" * 50]
IDS = {
    "rows": None,
    "integers": [2**60 - i for i in range(8)],
    "strings": [f"doc-{i}" for i in range(8)],
    "unicode": UNICODE,
}


def make(ids, method, *, validation=True):
    X = np.eye(8, dtype=np.float32)
    rng = np.random.default_rng(0)
    labels = [[i if ids is None else ids[i]] for i in range(8)]
    train, held_out = (QuerySet(X + 0.4 * rng.normal(size=(8, 8)), labels) for _ in range(2))
    return finetune(open_corpus(X, ids), train, held_out if validation else None, method=method)


def same(one, other):
    for field in fields(Nudge):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if isinstance(first, np.ndarray):
            assert (first.dtype, first.shape) == (second.dtype, second.shape), field.name
            assert first.tolist() == second.tolist(), field.name
        elif field.name == "curve" and first is not None:
            assert (first.gamma.tolist(), first.score.tolist(), first.measure) == (
                second.gamma.tolist(),
                second.score.tolist(),
                second.measure,
            )
        else:
            assert first == second, field.name
    return True


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("method", [NudgeN("fine", "nDCG@10"), NudgeM(), NudgeM([0.3], "RR@3")])
def test_round_trip_with_a_curve(tmp_path, ids, method):
    tuned = make(IDS[ids], method)
    tuned.save(tmp_path / "tuned.safetensors")
    assert same(tuned, Nudge.load(tmp_path / "tuned.safetensors"))


@pytest.mark.parametrize("ids", IDS)
def test_round_trip_without_a_curve(tmp_path, ids):
    tuned = make(IDS[ids], NudgeN(gammas=0.3), validation=False)
    tuned.save(str(tmp_path / "tuned.safetensors"))
    assert same(tuned, Nudge.load(str(tmp_path / "tuned.safetensors"), dim=8))


@pytest.mark.parametrize("ids", IDS)
def test_round_trip_where_nothing_moved(tmp_path, ids):
    tuned = make(IDS[ids], NudgeN(gammas=0.0))
    assert len(tuned) == 0
    tuned.save(tmp_path / "tuned")
    assert same(tuned, Nudge.load(tmp_path / "tuned"))


def test_what_is_loaded_can_be_applied(tmp_path):
    tuned, X = make(None, NudgeN(gammas=0.3)), np.eye(8, dtype=np.float32)
    tuned.save(tmp_path / "tuned")
    assert np.array_equal(Nudge.load(tmp_path / "tuned").apply_to(X), tuned.apply_to(X))


def test_saving_replaces_the_file_and_leaves_nothing_else(tmp_path):
    for gamma in (0.1, 0.2):
        make(None, NudgeN(gammas=gamma)).save(tmp_path / "tuned")
    assert Nudge.load(tmp_path / "tuned").gamma == 0.2
    assert [file.name for file in tmp_path.iterdir()] == ["tuned"]


@pytest.mark.parametrize("written", [b"", b"half of a file"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, written):
    old = make(None, NudgeN(gammas=0.1))
    old.save(tmp_path / "tuned")

    def full_disk(arrays, path, metadata):
        path.write_bytes(written)
        raise OSError("no space left on device")

    monkeypatch.setattr(storage, "save_file", full_disk)
    with pytest.raises(OSError, match="no space left"):
        make(None, NudgeN(gammas=0.2)).save(tmp_path / "tuned")
    assert same(old, Nudge.load(tmp_path / "tuned"))
    assert [file.name for file in tmp_path.iterdir()] == ["tuned"]


@pytest.mark.parametrize("path", ["no-such-folder/tuned", "."])
def test_a_path_that_cannot_be_written_is_named(tmp_path, path):
    with pytest.raises(InputError, match=r"cannot write .*folder that exists"):
        make(None, NudgeN(gammas=0.1)).save(tmp_path / path)

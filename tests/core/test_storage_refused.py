"""What `Nudge.load` refuses: other files, other versions, files cut short, other models."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_tensors

from nudge_core import Nudge, NudgeN, finetune
from nudge_core.errors import FileFormatError


@pytest.fixture
def saved(sample, tmp_path):
    path = tmp_path / "tuned.safetensors"
    finetune(sample(0).X, sample(0).train, sample(0).validation, method=NudgeN()).save(path)
    return path


def test_another_dimension(saved):
    with pytest.raises(
        FileFormatError, match=r"tuned.safetensors.* dimension 8, expected 384: .*another embedding model"
    ):
        Nudge.load(saved, dim=384)


def test_another_version(saved):
    header_size = int.from_bytes(saved.read_bytes()[:8], "little")
    metadata = json.loads(saved.read_bytes()[8 : 8 + header_size])["__metadata__"]
    save_file(load_file(saved), saved, {**metadata, "version": "2"})
    with pytest.raises(FileFormatError, match=r"is of version 2; this program reads version 1: .*upgrade"):
        Nudge.load(saved)


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 100, 0.5, 0.99])
def test_a_file_cut_short(saved, keep):
    content = saved.read_bytes()
    saved.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(FileFormatError, match=r"tuned.safetensors.*truncated or of another format"):
        Nudge.load(saved)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_plain_safetensors_file(tmp_path, dtype, metadata):
    save_tensors({"vectors": torch.zeros(3, 4, dtype=dtype)}, tmp_path / "model.safetensors", metadata)
    with pytest.raises(FileFormatError, match=r"safetensors file, but not one of fine-tuned documents.*Nudge.save"):
        Nudge.load(tmp_path / "model.safetensors")


class Bomb:
    """A pickle that acts when it is read."""

    def __reduce__(self):
        return (print, ("unpickled",))


@pytest.mark.parametrize("write", [pickle.dump, torch.save])
def test_a_pickle_is_refused_and_never_run(tmp_path, capfd, write):
    with (tmp_path / "tuned.pkl").open("wb") as file:
        write(Bomb(), file)
    with pytest.raises(FileFormatError, match="cannot be read as safetensors"):
        Nudge.load(tmp_path / "tuned.pkl")
    assert "unpickled" not in capfd.readouterr().out


@pytest.mark.parametrize("name", ["missing.safetensors", ""])
def test_no_such_file(tmp_path, name):
    with pytest.raises(FileFormatError, match=r"there is no file .*Nudge.save"):
        Nudge.load(tmp_path / name)


def test_arrays_that_do_not_fit_together(saved):
    arrays = load_file(saved)
    header_size = int.from_bytes(saved.read_bytes()[:8], "little")
    metadata = json.loads(saved.read_bytes()[8 : 8 + header_size])["__metadata__"]
    save_file({**arrays, "vectors": np.ascontiguousarray(arrays["vectors"][:-1])}, saved, metadata)
    with pytest.raises(FileFormatError, match=r"ids for vectors of shape .*write it again"):
        Nudge.load(saved)

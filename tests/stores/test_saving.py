"""Saved in a folder, a store is there whole, whatever stops the next saving: it is killed between any two steps, or the disk is full."""

import os
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
from engines.base import Lookup
from engines.faiss import FAISS, FaissEngine

from nudge_core.errors import InputError, WriteError
from nudge_integrations.stores import adapter_of, save_folder, saved_folder
from nudge_integrations.stores import saving as module

IDS = [f"d{i}" for i in range(200)]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def random(seed):
    return np.random.default_rng(seed).normal(size=(200, 8))


def filled(folder, seed):
    return FaissEngine().make(
        folder, "l2", IDS, random(seed), [f"text {seed} {i}" for i in range(200)], [{"seed": seed}] * 200
    )


def loaded(folder):
    """The seed of what is there, if it is whole."""
    store = FAISS.load_local(saved_folder(folder), Lookup({}, 8), allow_dangerous_deserialization=True)
    seeds = {document.metadata["seed"] for document in store.docstore._dict.values()}
    [seed] = seeds
    assert adapter_of(store).read(IDS).tobytes() == random(seed).astype(np.float32).tobytes()
    return seed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_before_any_step(tmp_path, monkeypatch):
    first, second = filled(tmp_path, 1), filled(tmp_path, 2)
    save_folder(first.save_local, tmp_path / "index")
    assert loaded(tmp_path / "index") == 1
    seen = []
    for step in range(30):
        child = os.fork()
        if child == 0:
            left = iter(range(step))
            for owner, name in ((Path, "rename"), (os, "fsync"), (module.shutil, "rmtree"), (os, "open")):
                real = getattr(owner, name)

                def stop(*args, real=real, left=left, **options):
                    if next(left, None) is None:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return real(*args, **options)

                monkeypatch.setattr(owner, name, stop)
            save_folder(second.save_local, tmp_path / "index")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        seen.append(loaded(tmp_path / "index"))
        if status == 0:
            break
        save_folder(first.save_local, tmp_path / "index")
        assert names(tmp_path) == ["index"]
    assert status == 0
    assert {*seen} == {1, 2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_full_disk_leaves_what_was_there(tmp_path):
    first, second = filled(tmp_path, 1), filled(tmp_path, 2)
    save_folder(first.save_local, tmp_path / "index")
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        try:
            save_folder(second.save_local, tmp_path / "index")
        except WriteError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert names(tmp_path) == ["index"]
    assert loaded(tmp_path / "index") == 1


def test_what_fails_to_save_is_said(tmp_path):
    save_folder(filled(tmp_path, 1).save_local, tmp_path / "index")

    def fail(folder):
        Path(folder).mkdir()
        raise OSError("no space left")

    with pytest.raises(WriteError, match=r"nothing was saved to .*index.*no space left.*what it held before is there"):
        save_folder(fail, tmp_path / "index")
    assert loaded(tmp_path / "index") == 1


def test_anything_that_saves_to_a_folder(tmp_path):
    def save(folder):
        Path(folder, "deep").mkdir(parents=True)
        Path(folder, "deep", "a.json").write_text("[1]", encoding="utf-8")

    for _ in range(2):
        assert save_folder(save, tmp_path / "new" / "place") == str(tmp_path / "new" / "place")
    assert names(tmp_path / "new") == ["place"]
    assert (tmp_path / "new" / "place" / "deep" / "a.json").read_text() == "[1]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("index", print), "save is a str; expected the function that saves, without brackets, and then the folder"),
        ((None, "index"), "save is the result of a call; expected the function"),
        ((print, None), "folder is a NoneType; expected a text or a Path"),
    ],
)
def test_wrong_arguments(arguments, said):
    with pytest.raises(InputError, match=said):
        save_folder(*arguments)

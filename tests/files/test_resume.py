"""A pass that was killed goes on where it was, and finds the same bit by bit."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from files_common import questions, vectors

from nudge_core import NudgeN, finetune, open_corpus
from nudge_core.corpus import background
from nudge_core.errors import InputError

OPTIONS = {"exclude": np.arange(40), "temperature": 0.05, "progress": False}

KILLED = """
import os, signal, sys
import numpy as np, torch
from nudge_core import open_corpus
from nudge_core.corpus import background
keep, left = background.Kept.keep, int(sys.argv[3])
background.EVERY = 0
def keep_and_die(self, *args, **options):
    global left
    keep(self, *args, **options)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
background.Kept.keep = keep_and_die
corpus = open_corpus(sys.argv[1], resume=sys.argv[2])
Q = torch.from_numpy(np.load(sys.argv[2] + "/questions.npy"))
corpus.background(Q, 5, exclude=np.arange(40), temperature=0.05, progress=False)
"""


@pytest.fixture
def every_block(monkeypatch):
    monkeypatch.setattr(background, "EVERY", 0)
    monkeypatch.setattr("nudge_core.corpus.background.time.monotonic", iter(range(10**6)).__next__)


def same(ours, theirs):
    return (
        torch.equal(ours.scores, theirs.scores)
        and torch.equal(ours.rows, theirs.rows)
        and torch.equal(ours.logsumexp, theirs.logsumexp)
        and ours.lengths == theirs.lengths
    )


@pytest.mark.parametrize("after", [1, 3])
def test_killed_and_gone_on(tmp_path, write, after):
    X, folder = vectors(20_000), tmp_path / "kept"
    write(tmp_path, X, cuts=(9_000,))
    folder.mkdir()
    Q = questions(X, 300).embeddings
    np.save(folder / "questions.npy", Q)
    program = [sys.executable, "-c", KILLED, tmp_path, folder, str(after)]
    assert subprocess.run(program, check=False).returncode == -9
    (kept,) = folder.glob("background-*.npz")
    with np.load(kept) as found:
        assert 0 < found["walk"][0] < 20_000
    corpus, read = open_corpus(tmp_path, resume=folder), []
    walk = corpus._walk
    corpus._walk = lambda size, first: (read.append(first), walk(size, first))[1]
    ours = corpus.background(Q, 5, **OPTIONS)
    assert read[0] > 0
    assert same(ours, open_corpus(tmp_path).background(Q, 5, **OPTIONS))


def test_every_place_to_stop(tmp_path, write, every_block, monkeypatch):
    X = vectors(10_000)
    write(tmp_path, X, cuts=(4_000, 4_000, 9_999))
    Q = questions(X, 600).embeddings
    whole = open_corpus(tmp_path).background(Q, 5, **OPTIONS)
    for stop in range(1, 8):
        corpus, folder = open_corpus(tmp_path, resume=tmp_path / f"kept{stop}"), tmp_path / f"kept{stop}"
        walk = corpus._walk

        def some(size, first, walk=walk, stop=stop):
            for number, block in enumerate(walk(size, first)):
                if number == stop:
                    raise KeyboardInterrupt
                yield block

        corpus._walk = some
        with pytest.raises(KeyboardInterrupt):
            corpus.background(Q, 5, **OPTIONS)
        assert [file.suffix for file in folder.iterdir()] == [".npz"]
        assert same(open_corpus(tmp_path, resume=folder).background(Q, 5, **OPTIONS), whole)


def test_a_finished_pass_is_not_walked_again(tmp_path, write):
    X = vectors()
    write(tmp_path, X)
    train, validation = questions(X), questions(X, seed=2)
    first = finetune(open_corpus(tmp_path, resume=tmp_path / "kept"), train, validation)
    corpus = open_corpus(tmp_path, resume=tmp_path / "kept")
    corpus._read = lambda size, row: pytest.fail("read") if row == 0 else (block for block in ())
    again = finetune(corpus, train, validation, method=NudgeN())
    assert again.vectors.tolist() == first.vectors.tolist()
    assert again.gamma == first.gamma


@pytest.mark.parametrize("change", ["questions", "k", "exclude", "temperature", "cosine", "file"])
def test_what_was_kept_of_something_else_is_left_alone(tmp_path, write, change):
    X, folder = vectors(), tmp_path / "kept"
    write(tmp_path, X)
    Q, options = questions(X).embeddings, {**OPTIONS, "k": 5}
    open_corpus(tmp_path, resume=folder).background(Q, **options)
    if change == "questions":
        Q = Q + 1e-6
    elif change == "file":
        write(tmp_path, X[::-1].copy())
    else:
        options |= {"k": 6, "exclude": np.arange(41), "temperature": 0.06, "cosine": False, change: options.get(change)}
        options |= {change: {"k": 6, "exclude": np.arange(41), "temperature": 0.06, "cosine": False}[change]}
    ours = open_corpus(tmp_path, resume=folder).background(Q, **options)
    assert same(ours, open_corpus(tmp_path).background(Q, **options))
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"something else"])
def test_a_damaged_file_is_begun_anew(tmp_path, write, caplog, content):
    X, folder = vectors(), tmp_path / "kept"
    corpus = open_corpus(write(tmp_path, X), resume=folder)
    Q = questions(X).embeddings
    whole = corpus.background(Q, 5, **OPTIONS)
    (kept,) = folder.iterdir()
    kept.write_bytes(content)
    assert same(corpus.background(Q, 5, **OPTIONS), whole)
    assert "begins anew" in caplog.text


def test_no_room_for_what_was_found_is_said_and_the_pass_goes_on(tmp_path, write, caplog, monkeypatch, every_block):
    def full(file, **arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    X, folder = vectors(), tmp_path / "kept"
    ours = open_corpus(write(tmp_path, X), resume=folder).background(questions(X).embeddings, 5, **OPTIONS)
    assert same(ours, open_corpus(tmp_path).background(questions(X).embeddings, 5, **OPTIONS))
    assert "No space left on device" in caplog.text
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_and_vectors_in_memory(tmp_path, write):
    X = vectors()
    (tmp_path / "taken").write_text("a file")
    corpus = open_corpus(write(tmp_path, X), resume=tmp_path / "taken")
    with pytest.raises(InputError, match=r"resume=.*taken' is no folder"):
        corpus.background(questions(X).embeddings, 5)
    with pytest.raises(InputError, match="in memory need none"):
        open_corpus(X, resume=tmp_path)

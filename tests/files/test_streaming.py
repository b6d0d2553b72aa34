"""Streaming: the same results as in memory, a block ahead at most, and no more memory for more rows."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from files_common import DIM, DOCS, questions, vectors

from nudge_core import NudgeN, finetune, open_corpus
from nudge_core.corpus import files
from nudge_core.corpus.files import prefetched


@pytest.mark.parametrize("cuts", [(), (1, 500, 500, 999)])
@pytest.mark.parametrize("read", [1, 1000, 1 << 24])
def test_the_background_does_not_depend_on_how_much_is_read_at_a_time(tmp_path, monkeypatch, write, cuts, read):
    monkeypatch.setattr(files, "READ", read)
    X = vectors()
    corpus, Q = open_corpus(write(tmp_path, X, cuts=cuts)), questions(X).embeddings
    for size in (3, 64, 5000):
        assert torch.equal(torch.cat(list(corpus.blocks(size))), torch.from_numpy(X))
    ours, memory = (c.background(Q, 7, exclude=np.arange(5), temperature=0.1) for c in (corpus, open_corpus(X)))
    assert ours.rows.tolist() == memory.rows.tolist()
    assert ours.scores.numpy() == pytest.approx(memory.scores.numpy(), abs=1e-6)
    assert ours.logsumexp.numpy() == pytest.approx(memory.logsumexp.numpy(), rel=1e-6)


@pytest.mark.parametrize("options", [{"row_group_size": 7}, {"row_group_size": 300, "compression": "zstd"}])
def test_blocks_are_of_one_size_whatever_the_row_groups(tmp_path, options):
    from files_common import write_parquet

    corpus = open_corpus(write_parquet(tmp_path, vectors(), **options))
    assert [len(block) for block in corpus.blocks(64)] == [64] * (DOCS // 64) + [DOCS % 64]


def test_rows_are_read_in_runs_and_stand_in_the_order_asked(tmp_path, write, monkeypatch):
    from nudge_core.corpus import npy

    X, rows = vectors(), np.random.default_rng(0).integers(0, DOCS, size=300)
    corpus = open_corpus(write(tmp_path, X, cuts=(10, 700)))
    for gap in (0, 100, 1 << 20):
        monkeypatch.setattr(npy, "GAP", gap)
        assert corpus.rows(rows).numpy().tolist() == X[rows].tolist()


def test_a_thread_gets_the_next_ready_and_no_more():
    got, threads = [], set()

    def items():
        for number in range(5):
            got.append(number)
            threads.add(threading.current_thread())
            yield number

    seen = []
    for number in prefetched(items()):
        time.sleep(0.01)
        seen.append(number)
        assert len(got) <= len(seen) + 1
    assert seen == list(range(5))
    assert threads == threads - {threading.main_thread()}


def test_an_error_comes_where_its_item_would_and_leaving_early_closes():
    closed = []

    def items():
        try:
            yield 1
            yield 2
            raise ValueError("here")
        finally:
            closed.append(True)

    seen = []
    with pytest.raises(ValueError, match="here"):
        seen.extend(prefetched(items()))
    assert closed == [True]
    walk = prefetched(items())
    assert next(walk) == 1
    walk.close()
    assert closed == [True, True]
    assert not any(thread.name.startswith("nudge-read") for thread in threading.enumerate())


def test_urls_are_read_as_files_are(tmp_path, kind):
    """A file system in memory stands for any that fsspec knows."""
    fsspec = pytest.importorskip("fsspec")
    from files_common import WRITERS

    X = vectors()
    WRITERS[kind](tmp_path, X, cuts=(300,))
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path), f"/nudge-{kind}", recursive=True)
    train, validation = questions(X, seed=1), questions(X, seed=2)
    here = finetune(tmp_path, train, validation, method=NudgeN())
    for url in (f"memory://nudge-{kind}", f"file://{tmp_path}"):
        there = finetune(url, train, validation, method=NudgeN())
        assert there.ids.tolist() == here.ids.tolist()
        assert there.vectors.tolist() == here.vectors.tolist()
    one = next(name for name in memory.ls(f"/nudge-{kind}", detail=False))
    assert len(open_corpus(f"memory:/{one}")) == 300


MEMORY = """
import sys, resource, numpy as np, torch
from nudge_core import open_corpus
from nudge_core.corpus import files
files.READ = 1 << 20
Q = torch.randn(4, 256)
small, large = (open_corpus(path) for path in sys.argv[1:])
def anonymous():
    return 1024 * sum(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("RssAnon"))
small.background(Q, 3)
before = peak = anonymous()
for block in large.blocks(4096):
    peak = max(peak, anonymous())
large.background(Q, 3)
print(max(peak, anonymous()) - before)
"""


def test_memory_does_not_grow_with_the_rows(tmp_path, write):
    X = vectors(30_000, 256).astype("f2")
    for name, times in (("small", 1), ("large", 10)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, np.tile(X, (times, 1)))
    program = [sys.executable, "-c", MEMORY, tmp_path / "small", tmp_path / "large"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 75e6, "the large file holds 150 MB"
    assert DIM

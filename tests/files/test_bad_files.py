"""Files that change while they are read, ids that stand in two of them, URLs that cannot be opened."""

import os

import numpy as np
import pytest
from files_common import questions, vectors, write_npy, write_parquet

from nudge_core import NudgeN, finetune, open_corpus
from nudge_core.corpus import files
from nudge_core.errors import FileFormatError, InputError, UnknownIdError


def last(folder):
    return max(path for path in folder.iterdir() if "ids" not in path.name)


def touch(path):
    os.utime(path, (1, 1))


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-1000])


def replace(path):
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").replace(path)


CHANGES = {"touched": touch, "cut short": cut_short, "replaced": replace, "removed": os.remove}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_since_it_was_opened(tmp_path, write, change):
    X = vectors()
    corpus = open_corpus(write(tmp_path, X, cuts=(500,)))
    CHANGES[change](last(tmp_path))
    says = "has gone since it was opened" if change == "removed" else "has changed since it was opened"
    for read in (lambda: corpus.background(questions(X).embeddings, 3), lambda: corpus.rows(np.asarray([999]))):
        with pytest.raises(FileFormatError, match=rf"001\.\w+' {says}.*open the corpus again"):
            read()


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read(tmp_path, write, change, monkeypatch):
    """Half of its blocks have been handed out; what is read of it before or after is not used."""
    monkeypatch.setattr(files, "READ", 1 << 12)
    X = vectors()
    corpus = open_corpus(write(tmp_path, X))
    blocks = corpus.blocks(64)
    for _ in range(4):
        next(blocks)
    CHANGES[change](last(tmp_path))
    with pytest.raises(FileFormatError, match=r"000\.\w+' has (changed|gone)"):
        list(blocks)


def test_a_change_behind_a_url(kind):
    fsspec = pytest.importorskip("fsspec")
    memory, X = fsspec.filesystem("memory"), vectors()
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from files_common import WRITERS

    with TemporaryDirectory() as folder:
        WRITERS[kind](Path(folder), X)
        memory.put(folder, f"/changing-{kind}", recursive=True)
        corpus = open_corpus(f"memory://changing-{kind}")
        name = memory.ls(f"/changing-{kind}", detail=False)[0]
        memory.pipe(name, memory.cat(name))
        with pytest.raises(FileFormatError, match="has changed since it was opened"):
            corpus.background(questions(X).embeddings, 3)


@pytest.mark.parametrize(
    ("ids", "twice"),
    [([f"d{i % 999}" for i in range(1000)], "'d0'"), ([i % 998 for i in range(1000)], "0, 1"), (["ü"] * 1000, "'ü'")],
)
def test_an_id_in_two_shards_is_named_with_both(tmp_path, write, ids, twice):
    with pytest.raises(
        InputError, match=rf"more than once: {twice} \(the first in rows \d+ of 000\.\w+ and \d+ of 00\d"
    ):
        open_corpus(write(tmp_path, vectors(), ids=ids, cuts=(10, 500)))


def test_ids_of_two_kinds_in_two_files(tmp_path, write):
    X = vectors(10)
    write(tmp_path, X, ids=list(range(10)))
    for file in list(tmp_path.iterdir()):
        file.rename(file.with_name(file.name.replace("000", "001")))
    write(tmp_path, X)
    if (tmp_path / "000.npy").exists():
        np.save(tmp_path / "000.ids.npy", np.asarray([f"d{i}" for i in range(10)]))
    with pytest.raises(InputError, match="integers in some files and strings in others"):
        open_corpus(tmp_path)


@pytest.mark.parametrize("kind_of_id", [str, int])
def test_ids_beside_every_shard(tmp_path, kind_of_id):
    X, ids = vectors(), [kind_of_id(7 * i + 3) for i in range(1000)]
    corpus = open_corpus(write_npy(tmp_path, X, ids, (10, 10, 500)))
    assert corpus.ids.tolist() == ids
    asked = np.asarray([ids[999], ids[0], ids[10]], dtype=object if kind_of_id is str else int)
    assert corpus.find(asked).tolist() == [999, 0, 10]
    with pytest.raises(UnknownIdError, match="not in the corpus"):
        corpus.find(np.asarray([kind_of_id(5)], dtype=asked.dtype))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "001.ids.npy").unlink(), r"001\.npy has no 001\.ids\.npy: give every shard its ids"),
        (
            lambda folder: np.save(folder / "001.ids.npy", np.arange(7)),
            r"001\.ids\.npy holds 7 ids for the 990 documents",
        ),
        (
            lambda folder: np.save(folder / "001.ids.npy", np.arange(990.0)),
            r"types \['float'\], the one of row 10 is 0\.0",
        ),
    ],
)
def test_ids_of_a_shard_that_do_not_fit(tmp_path, spoil, says):
    write_npy(tmp_path, vectors(), list(range(1000)), (10,))
    spoil(tmp_path)
    with pytest.raises(InputError, match=says):
        open_corpus(tmp_path)


def test_a_second_file_without_the_id_column(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    write_parquet(tmp_path, vectors())
    pq.write_table(pa.table({"name": ["x"], "vector": pa.array([[0.0] * 8])}), tmp_path / "001.parquet")
    with pytest.raises(InputError, match=r"001\.parquet has no column 'id'; its columns are name, vector"):
        open_corpus(tmp_path)


@pytest.mark.parametrize("url", ["nothing://bucket/X.npy", "memory://nowhere/X.npy", "memory://nowhere"])
def test_urls_that_lead_nowhere(url):
    pytest.importorskip("fsspec")
    with pytest.raises((InputError, FileFormatError), match="nothing|no file or folder"):
        open_corpus(url)


def test_a_kind_of_url_whose_package_is_missing(monkeypatch):
    pytest.importorskip("fsspec")
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(InputError, match=r"'s3://bucket/X\.npy' cannot be opened: .*s3fs"):
        open_corpus("s3://bucket/X.npy")


def test_a_mistake_in_the_middle_of_a_pass_leaves_no_thread(tmp_path, write):
    import threading

    X = vectors(20_000)
    X[15_000] = np.nan
    with pytest.raises(InputError, match=r"row 15000\) holds nan"):
        finetune(write(tmp_path, X), questions(X), questions(X, seed=2), method=NudgeN())
    assert not any(thread.name.startswith("nudge-read") for thread in threading.enumerate())

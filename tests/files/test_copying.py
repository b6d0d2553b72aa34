"""Copies of files with moved vectors: as in memory, everything else bit by bit, all or nothing."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from files_common import questions, vectors, write_npy, write_parquet

from nudge_core import Nudge, NudgeM, NudgeN, finetune, open_corpus
from nudge_core.corpus import copying, files, parquet
from nudge_core.errors import FileFormatError, InputError, NudgeError, WriteError


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    for module in (files, copying, parquet):
        monkeypatch.setattr(module, "READ", 1 << 12)


def tune(X, source, method=None):
    return finetune(source, questions(X), method=method or NudgeN(gammas=0.3))


def read(path):
    return torch.cat(list(open_corpus(path).blocks(100)))


def everything(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("cuts", [(), (0, 50, 900)])
def test_a_copy_is_what_apply_to_gives(tmp_path, write, dtype, cuts):
    X = (vectors() * np.linspace(0.5, 2, 1000)[:, None]).astype(dtype)
    (tmp_path / "in").mkdir()
    before = everything(write(tmp_path / "in", X, cuts=cuts))
    tuned = tune(X, tmp_path / "in")
    tuned.copy_files(tmp_path / "in", tmp_path / "out", progress=False)
    after = read(tmp_path / "out")
    assert torch.equal(after, torch.from_numpy(tuned.apply_to(X)))
    still = np.setdiff1d(np.arange(1000), tuned.rows)
    assert after.numpy()[still].tobytes() == X[still].tobytes()
    assert everything(tmp_path / "in") == before
    assert sorted(everything(tmp_path / "out")) == sorted(before)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in", "out"]


def test_one_file_becomes_one_file_and_replaces_another_only_when_told(tmp_path, write):
    X = vectors()
    (source,) = write(tmp_path, X).iterdir()
    target = tmp_path / f"moved{source.suffix}"
    target.write_text("old")
    tuned = tune(X, source)
    with pytest.raises(InputError, match=r"is there already: give another name, or overwrite=True"):
        tuned.copy_files(source, target)
    assert target.read_text() == "old"
    tuned.copy_files(source, target, overwrite=True)
    assert torch.equal(read(target), torch.from_numpy(tuned.apply_to(X)))


def test_ids_other_columns_codecs_and_metadata_of_parquet_stay(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    X = vectors(100)
    for kind in (pa.list_(pa.float32(), 8), pa.list_(pa.float32()), pa.large_list(pa.float32())):
        column = pa.array(X.tolist(), type=kind)
        fields = {
            "text": [f"t{i % 3}" for i in range(100)],
            "id": list(range(100)),
            "v": column,
            "m": [{"a": i} for i in range(100)],
        }
        table = pa.table(fields).replace_schema_metadata({"who": "made it"})
        pq.write_table(
            table, tmp_path / "X.parquet", compression={"text": "zstd", "v.list.element": "snappy"}, row_group_size=30
        )
        tuned = finetune(tmp_path / "X.parquet", questions(X, about=50), method=NudgeN(gammas=0.3))
        tuned.copy_files(tmp_path / "X.parquet", tmp_path / "Y.parquet", overwrite=True)
        new, old = pq.read_table(tmp_path / "Y.parquet"), pq.read_table(tmp_path / "X.parquet")
        assert new.schema.equals(old.schema, check_metadata=True)
        assert new.drop_columns(["v"]) == old.drop_columns(["v"])
        assert np.asarray(new["v"].to_pylist(), "f4").tolist() == tuned.apply_to(X).tolist()
        codecs = [
            [pq.ParquetFile(tmp_path / f"{n}.parquet").metadata.row_group(0).column(i).compression for i in range(4)]
            for n in "XY"
        ]
        assert codecs[0] == codecs[1]


def test_npy_of_other_layouts_and_ids_beside(tmp_path):
    X, ids = vectors(), [f"ü{i}" for i in range(1000)]
    for name, array in (("big", X.astype(">f4")), ("fortran", np.asfortranarray(X))):
        np.save(tmp_path / f"{name}.npy", array)
        tuned = tune(X, tmp_path / f"{name}.npy")
        tuned.copy_files(tmp_path / f"{name}.npy", tmp_path / "out.npy", overwrite=True)
        assert np.load(tmp_path / "out.npy").dtype == array.dtype
        assert np.load(tmp_path / "out.npy").tolist() == tuned.apply_to(X).tolist()
    (tmp_path / "in").mkdir()
    write_npy(tmp_path / "in", X, ids, (300,))
    tune(X, tmp_path / "in").copy_files(tmp_path / "in", tmp_path / "out")
    assert open_corpus(tmp_path / "out").ids.tolist() == ids


def test_from_a_url(tmp_path, write):
    fsspec = pytest.importorskip("fsspec")
    X = vectors()
    fsspec.filesystem("memory").put(f"{write(tmp_path, X)}/", f"{tmp_path}/", recursive=True)
    tuned = tune(X, tmp_path)
    tuned.copy_files(f"memory://{tmp_path}", tmp_path / "out")
    assert torch.equal(read(tmp_path / "out"), torch.from_numpy(tuned.apply_to(X)))


def test_moves_that_are_of_other_files_are_refused(tmp_path, write):
    X = vectors()
    for name, array, ids in (
        ("in", X, None),
        ("shorter", X[:-1], None),
        ("other", X[::-1].copy(), None),
        ("named", X, [f"e{i}" for i in range(1000)]),
    ):
        (tmp_path / name).mkdir()
        write(tmp_path / name, array, ids=ids)
    tuned = tune(X, tmp_path / "in")
    has_ids = isinstance(tuned.ids[0], str)
    for name, says in (
        ("shorter", "made for 1000 documents .* the corpus has 999"),
        ("other", "these are other vectors"),
        ("named", r"is 'd\d+' in the moves and 'e\d+'"),
    ):
        if name != "named" or has_ids:
            with pytest.raises(InputError, match=says):
                tuned.copy_files(tmp_path / name, tmp_path / "out")
    with pytest.raises(InputError, match="use apply_to for vectors in memory"):
        tuned.copy_files(X, tmp_path / "out")
    shifted = finetune(X / np.linalg.norm(X, axis=1, keepdims=True), questions(X), method=NudgeM(gammas=0.2))
    if not has_ids:
        with pytest.raises(InputError, match="searched by dot product beside vectors of unit length"):
            shifted.copy_files(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))


def test_targets_that_are_refused(tmp_path, write):
    X = vectors()
    (tmp_path / "in").mkdir()
    write(tmp_path / "in", X, cuts=(10,))
    tuned = tune(X, tmp_path / "in")
    before = everything(tmp_path / "in")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (source, _) = sorted((tmp_path / "in").iterdir())[:2]
    for target, says in (
        (tmp_path / "in", "is there already"),
        (tmp_path / "full", "is there already: name a folder that is not"),
        (tmp_path / "none" / "out", "in a folder that exists"),
        ("s3://bucket/out", "is a URL; copies are written on this machine"),
    ):
        with pytest.raises(InputError, match=says):
            tuned.copy_files(tmp_path / "in", target)
    one = finetune(source, questions(X[:10], about=10), method=NudgeN(gammas=0.3))
    with pytest.raises(InputError, match="is the corpus itself"):
        one.copy_files(source, source)
    assert everything(tmp_path / "in") == before


def test_a_file_that_changes_while_it_is_copied(tmp_path, write, monkeypatch):
    X = vectors()
    (tmp_path / "in").mkdir()
    (source,) = write(tmp_path / "in", X).iterdir()
    tuned = tune(X, source)
    change = Nudge.change

    def meanwhile(self, block, first):
        if first:
            source.write_bytes(source.read_bytes() + b"more")
        return change(self, block, first)

    monkeypatch.setattr(Nudge, "change", meanwhile)
    with pytest.raises(FileFormatError, match="has changed since it was opened"):
        tuned.copy_files(tmp_path / "in", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


FULL = """
import resource, sys
from pathlib import Path
from nudge_core import Nudge
from nudge_core.errors import WriteError
tuned, source, target = Nudge.load(sys.argv[1]), *map(Path, sys.argv[2:])
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    tuned.copy_files(source, target, progress=False)
except WriteError as error:
    assert "could not be written" in str(error) and "nothing of it is left" in str(error), error
    sys.exit(7)
"""


@pytest.mark.parametrize("cuts", [(), (10_000,)])
def test_no_room(tmp_path, write, cuts):
    """A limit on the size of files stands for a full disk."""
    X = vectors(20_000)
    (tmp_path / "in").mkdir()
    before = everything(write(tmp_path / "in", X, cuts=cuts))
    source = tmp_path / "in" if cuts else next((tmp_path / "in").iterdir())
    tune(X, source).save(tmp_path / "tuned.safetensors")
    program = [sys.executable, "-c", FULL, tmp_path / "tuned.safetensors", source, tmp_path / f"out{source.suffix}"]
    assert subprocess.run(program, check=False).returncode == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "tuned.safetensors"]
    assert everything(tmp_path / "in") == before
    assert issubclass(WriteError, NudgeError)


def test_parquet_without_row_groups_is_copied(tmp_path):
    X = vectors(50)
    write_parquet(tmp_path, X, cuts=(0,))
    tuned = finetune(tmp_path, questions(X, about=20), method=NudgeN(gammas=0.3))
    tuned.copy_files(tmp_path, tmp_path / "out")
    assert torch.equal(read(tmp_path / "out"), torch.from_numpy(tuned.apply_to(X)))

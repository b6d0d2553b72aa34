"""Writing: a whole copy with the moved vectors in place, or nothing; what is finished is kept."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq
from ray_common import DIM, DOCS, FILES, in_pieces, write_files

from nudge_core import LinearMap, NudgeM, NudgeN, QuerySet, finetune
from nudge_core.corpus import ParquetCorpus, RayCorpus
from nudge_core.corpus.ray import writing
from nudge_core.errors import FileFormatError, InputError, WriteError

pytestmark = pytest.mark.enable_socket
EVERY = np.arange(DOCS)
NAMES = [f"doc{i}" for i in EVERY]
KINDS = [
    pa.list_(pa.float32(), DIM),
    pa.list_(pa.float16(), DIM),
    pa.list_(pa.float64()),
    pa.large_list(pa.field("element", pa.float32(), nullable=False)),
]


@pytest.fixture
def tuned(corpus, sets):
    """Moves in the first and in the last file only."""
    train = QuerySet(sets[0].embeddings[:3], [["doc1"], ["doc39"], ["doc110"]])
    return finetune(corpus, train, method=NudgeN(gammas=0.3))


@pytest.fixture
def files(folder):
    return {file: file.read_bytes() for file in folder.iterdir()}


def read(folder: Path) -> np.ndarray:
    return ParquetCorpus(folder).rows(EVERY).numpy()


def listed(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


PARTS = [f"part-{number}.parquet" for number in range(FILES)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_all_is_as_it_was_but_the_moved_vectors(tmp_path, X, sets, kind):
    X = X if kind.value_type != pa.float16() else X.astype("f2")
    corpus = in_pieces(write_files(tmp_path / "corpus", X, NAMES, kind=kind, compression="zstd"))
    tuned = finetune(corpus, QuerySet(sets[0].embeddings[:2], [["doc5"], ["doc45"]]), method=NudgeN(gammas=0.3))
    manifest = corpus.write(tuned, tmp_path / "new", progress=False)
    assert np.array_equal(read(tmp_path / "new"), tuned.apply_to(X).astype("f4"))
    for part in PARTS:
        old, new = (pq.ParquetFile(tmp_path / name / part) for name in ("corpus", "new"))
        assert new.schema_arrow.equals(old.schema_arrow, check_metadata=True)
        assert new.read(["id", "text"]).equals(old.read(["id", "text"]))
        assert {new.metadata.row_group(0).column(i).compression for i in range(3)} == {"ZSTD"}
    assert (tmp_path / "new" / PARTS[2]).read_bytes() == (tmp_path / "corpus" / PARTS[2]).read_bytes()  # nothing moved
    assert json.loads((tmp_path / "new" / "manifest.json").read_text()) == manifest
    assert [part["moved"] for part in manifest["parts"]] == [1, 1, 0]
    assert [part["bytes"] for part in manifest["parts"]] == [(tmp_path / "new" / p).stat().st_size for p in PARTS]
    assert (manifest["docs"], manifest["moved"], manifest["method"]) == (DOCS, 2, "NUDGE-N")
    assert listed(tmp_path) == ["corpus", "new"]
    assert listed(tmp_path / "new") == ["manifest.json", *PARTS]


def test_a_map_moves_every_vector(corpus, sets, X, tmp_path, files):
    tuned = finetune(corpus, *sets, method=LinearMap(), progress=False)
    assert len(tuned) == DOCS
    corpus.write(tuned, tmp_path / "new", progress=False)
    assert np.array_equal(read(tmp_path / "new"), tuned.apply_to(X))
    assert {file: file.read_bytes() for file in files} == files


def test_what_was_written_is_a_corpus_to_go_on_with(corpus, tuned, tmp_path):
    corpus.write(tuned, str(tmp_path / "new"), progress=False)
    again = RayCorpus(tmp_path / "new", num_cpus=2)
    assert again.rows(tuned.rows).numpy() == pytest.approx(read(tmp_path / "new")[tuned.rows])


def test_behind_a_url(corpus, tuned, X, tmp_path):
    """As in an object store: files are moved one by one, the manifest last."""
    corpus.write(tuned, f"local://{tmp_path}/new", progress=False)
    assert np.array_equal(read(tmp_path / "new"), tuned.apply_to(X))
    assert listed(tmp_path) == ["corpus", "new"]


def test_a_worker_killed_while_it_writes(corpus, tuned, X, tmp_path, monkeypatch):
    marker = tmp_path / "killed"

    def dying(part, moves):
        from nudge_core.corpus.ray import work as module

        if not marker.exists():

            def half(piece, number, sink, change, bar):
                sink.write(b"PAR1 and half of it")
                sink.flush()
                marker.touch()
                os.kill(os.getpid(), 9)

            module.write_parquet = half
        return module.write_part(part, moves)

    monkeypatch.setattr(writing, "write_part", dying)
    corpus.write(tuned, tmp_path / "new", progress=False)
    assert marker.exists()
    assert np.array_equal(read(tmp_path / "new"), tuned.apply_to(X))
    assert listed(tmp_path / "new") == ["manifest.json", *PARTS]  # and no half file


@pytest.mark.parametrize("url", [False, True])
@pytest.mark.parametrize("step", range(8))
def test_killed_at_any_step_the_same_call_completes_it(corpus, tuned, X, tmp_path, files, monkeypatch, step, url):
    """Of renames here and by the workers, the first `step` happen. Until the last one there is no manifest under the name asked for."""
    import fsspec

    target = f"local://{tmp_path}/new" if url else tmp_path / "new"
    done = []

    class Killed(BaseException):
        pass

    def here(function):
        def limited(*args, **options):
            if len(done) == step:
                raise Killed
            done.append(args)
            return function(*args, **options)

        return limited

    with monkeypatch.context() as patched:
        system = fsspec.implementations.local.LocalFileSystem
        patched.setattr(system, "mv", here(system.mv))
        patched.setattr(Path, "rename", here(Path.rename))
        patched.setattr(type(corpus.cluster), "run", in_this_process)
        try:
            corpus.write(tuned, target, progress=False)
        except Killed:
            assert not (tmp_path / "new" / "manifest.json").exists()
            if not url:
                assert not (tmp_path / "new").exists()
        kept = {f: f.stat().st_mtime_ns for f in tmp_path.glob("new*/part-*")}
        patched.undo()
        patched.setattr(type(corpus.cluster), "run", in_this_process)
        corpus.write(tuned, target, progress=False)
    assert np.array_equal(read(tmp_path / "new"), tuned.apply_to(X))
    assert listed(tmp_path) == ["corpus", "new"]
    assert listed(tmp_path / "new") == ["manifest.json", *PARTS]
    for file, time in kept.items():
        assert (tmp_path / "new" / file.name).stat().st_mtime_ns == time  # not written again
    assert {file: file.read_bytes() for file in files} == files


def in_this_process(self, function, items, shared, take, **_):
    for number, item in enumerate(items):
        take(number, function(item, shared))


def test_a_full_disk(corpus, tuned, X, tmp_path, files, monkeypatch):
    """Real: the second part goes to /dev/full."""

    def full(part, moves):
        from types import SimpleNamespace

        from nudge_core.corpus.ray import work as module

        if not part.path.endswith("part-2.parquet"):
            return module.write_part(part, moves)
        folder, name = part.path.rsplit("/", 1)
        Path(folder, f".{name}.0.part").symlink_to("/dev/full")
        before, module.uuid4 = module.uuid4, lambda: SimpleNamespace(hex="0")
        try:
            return module.write_part(part, moves)
        finally:
            module.uuid4 = before

    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_part", full)
        with pytest.raises(WriteError, match=r"part-2.parquet' cannot be written .*No space left.*make room.*are kept"):
            corpus.write(tuned, tmp_path / "new", progress=False)
    assert listed(tmp_path) == ["corpus", "new.unfinished"]
    assert not [name for name in listed(tmp_path / "new.unfinished") if name.endswith(".part")]
    assert {file: file.read_bytes() for file in files} == files
    corpus.write(tuned, tmp_path / "new", progress=False)
    assert np.array_equal(read(tmp_path / "new"), tuned.apply_to(X))


def test_writing_again_changes_nothing(corpus, tuned, tmp_path):
    first = corpus.write(tuned, tmp_path / "new", progress=False)
    times = [file.stat().st_mtime_ns for file in (tmp_path / "new").iterdir()]
    assert corpus.write(tuned, tmp_path / "new", progress=False) == first
    assert [file.stat().st_mtime_ns for file in (tmp_path / "new").iterdir()] == times


def test_a_folder_that_holds_something_else(corpus, tuned, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"new' is there already.*a new folder"):
        corpus.write(tuned, tmp_path / "new")
    assert listed(tmp_path) == ["corpus", "new"]


def test_other_moves_in_the_same_folder(corpus, tuned, tmp_path):
    corpus.write(tuned, tmp_path / "new", progress=False)
    with pytest.raises(InputError, match="is there already"):
        corpus.write(replace(tuned, vectors=-tuned.vectors), tmp_path / "new")


def test_the_unfinished_write_of_other_moves(corpus, tuned, tmp_path):
    (tmp_path / "new.unfinished").mkdir()
    (tmp_path / "new.unfinished" / "job.json").write_text('{"key": "other"}')
    with pytest.raises(InputError, match=r"new.unfinished' holds the unfinished write of other moves.*delete it"):
        corpus.write(tuned, tmp_path / "new")


def test_the_folder_of_the_corpus_itself(corpus, folder, tuned, files):
    with pytest.raises(InputError, match="folder of the corpus itself"):
        corpus.write(tuned, folder)
    assert {file: file.read_bytes() for file in folder.iterdir()} == files


def test_moves_of_another_corpus(corpus, tuned, tmp_path, X):
    with pytest.raises(InputError, match="made for 7 documents"):
        corpus.write(replace(tuned, docs=7), tmp_path / "new")
    with pytest.raises(InputError, match=r"row 1 is 'doc2' in the moves and 'doc1' in the corpus"):
        corpus.write(replace(tuned, ids=np.asarray(["doc2", "doc39", "doc110"], dtype=object)), tmp_path / "new")
    with pytest.raises(InputError, match="more than γ allows"):
        corpus.write(replace(tuned, vectors=-tuned.vectors), tmp_path / "new", progress=False)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    shift = replace(finetune(unit, QuerySet(X[:1], [[1]]), method=NudgeM(gammas=0.1)), ids=tuned.ids[:1])
    with pytest.raises(InputError, match="normalise them first"):
        corpus.write(shift, tmp_path / "newer", progress=False)


def test_a_part_that_changes_while_it_is_copied(corpus, tuned, folder, tmp_path):
    write_files(folder, read(folder)[::-1], NAMES, compression="none")
    with pytest.raises(FileFormatError, match="has changed since it was opened"):
        corpus.write(tuned, tmp_path / "new", progress=False)
    assert not (tmp_path / "new").exists()

"""`.npy` files and folders that cannot be read, and what is said of them."""

import numpy as np
import pytest

from nudge_core import open_corpus
from nudge_core.corpus import NpyCorpus
from nudge_core.errors import FileFormatError, InputError

X = np.eye(4, dtype=np.float32)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileFormatError, match=r"no file or folder .*gone.npy.*give a \.npy or \.parquet file"):
        open_corpus(tmp_path / "gone.npy")
    with pytest.raises(FileFormatError, match=r"gone.npy.* cannot be read as \.npy"):
        NpyCorpus(tmp_path / "gone.npy")


@pytest.mark.parametrize("keep", [0, 3, 8, 60, 130, -1])
def test_a_file_cut_short(tmp_path, keep):
    np.save(tmp_path / "X.npy", X)
    (tmp_path / "X.npy").write_bytes((tmp_path / "X.npy").read_bytes()[:keep])
    with pytest.raises(
        FileFormatError, match=r"X.npy.* cannot be read as \.npy .*truncated.*write it again with numpy.save"
    ):
        open_corpus(str(tmp_path / "X.npy"))


@pytest.mark.parametrize("text", ["hello", "0.1 0.2\n0.3 0.4\n" * 50])
def test_a_text_named_npy(tmp_path, text):
    (tmp_path / "X.npy").write_text(text)
    with pytest.raises(FileFormatError, match=r"X.npy.* of another format") as error:
        open_corpus(tmp_path / "X.npy")
    assert "unsafely" not in str(error.value), "no advice to allow pickles"


def test_an_archive_named_npy(tmp_path):
    with (tmp_path / "X.npy").open("wb") as file:
        np.savez(file, X=X)
    with pytest.raises(FileFormatError, match=r"X.npy.* of another format"):
        open_corpus(tmp_path / "X.npy")


def test_python_objects(tmp_path):
    np.save(tmp_path / "X.npy", np.asarray([{"a": 1}], dtype=object))
    with pytest.raises(FileFormatError, match=r"X.npy.* Python objects"):
        open_corpus(tmp_path / "X.npy")


@pytest.mark.parametrize(
    ("array", "says"), [(np.arange(4.0), r"shape \(4,\)"), (np.eye(3, dtype=int), "int64; expected float16")]
)
def test_what_is_no_matrix_of_floats(tmp_path, array, says):
    np.save(tmp_path / "X.npy", array)
    with pytest.raises(InputError, match=rf"vectors in X.npy .*{says}"):
        open_corpus(tmp_path / "X.npy")


def test_no_documents(tmp_path):
    np.save(tmp_path / "X.npy", X[:0])
    with pytest.raises(InputError, match=r"X.npy' holds no documents"):
        open_corpus(tmp_path / "X.npy")


def test_an_empty_shard_among_others_is_no_fault(tmp_path):
    for name, part in (("0", X[:2]), ("1", X[:0]), ("2", X[2:])):
        np.save(tmp_path / f"{name}.npy", part)
    corpus = open_corpus(tmp_path)
    assert corpus.rows(np.arange(4)).tolist() == X.tolist()


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (np.eye(2, 3, dtype="f4"), "dimension 3 and type torch.float32"),
        (np.eye(2, 4), "dimension 4 and type torch.float64"),
    ],
)
def test_a_shard_that_differs_is_named(tmp_path, second, says):
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "b.npy", second)
    with pytest.raises(InputError, match=rf"shard b.npy has {says}, a.npy has 4 and torch.float32: .*one model"):
        open_corpus(tmp_path)


def test_a_shard_that_is_cut_short_is_named(tmp_path):
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "b.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-5])
    with pytest.raises(FileFormatError, match=r"b.npy' cannot be read"):
        open_corpus(tmp_path)


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (np.asarray(list("abc")), "3 ids for 4 documents"),
        (np.asarray(list("abca")), "more than once: 'a'"),
        (np.arange(4.0), r"types \['float'\]"),
    ],
)
def test_ids_that_do_not_fit(tmp_path, ids, says):
    np.save(tmp_path / "0.npy", X)
    np.save(tmp_path / "ids.npy", ids)
    with pytest.raises(InputError, match=says):
        open_corpus(tmp_path)


def test_ids_saved_as_python_objects_say_how_to_save_them(tmp_path):
    np.save(tmp_path / "0.npy", X)
    np.save(tmp_path / "ids.npy", np.asarray(list("abcd"), dtype=object))
    with pytest.raises(FileFormatError, match=r"ids.npy.*numpy.asarray\(ids, dtype=str\)"):
        open_corpus(tmp_path)


def test_ids_given_beside_ids_in_the_folder(tmp_path):
    np.save(tmp_path / "0.npy", X)
    np.save(tmp_path / "ids.npy", np.arange(4))
    with pytest.raises(InputError, match=r"brings its own ids in ids\.npy"):
        open_corpus(tmp_path, ids=list("abcd"))


def test_shards_whose_numbers_are_not_padded(tmp_path):
    for number in (2, 10):
        np.save(tmp_path / f"part{number}.npy", X)
    with pytest.raises(InputError, match=r"part10\.npy, part2\.npy.*pad the numbers"):
        open_corpus(tmp_path)
    (tmp_path / "part2.npy").rename(tmp_path / "part02.npy")
    assert len(open_corpus(tmp_path)) == 2 * len(X)


def test_a_folder_without_vectors_and_a_file_of_another_kind(tmp_path):
    with pytest.raises(FileFormatError, match=r"neither a \.npy or \.parquet file nor a folder that holds any"):
        open_corpus(tmp_path)
    with pytest.raises(FileFormatError, match=r"holds no \.npy shards"):
        NpyCorpus(tmp_path)
    (tmp_path / "X.csv").write_text("1,2")
    with pytest.raises(FileFormatError, match=r"X.csv' is neither"):
        open_corpus(tmp_path / "X.csv")

"""Parquet files that cannot be read, and what is said of them."""

import numpy as np
import pytest
import torch

from nudge_core import QuerySet, evaluate, open_corpus
from nudge_core.corpus import ParquetCorpus
from nudge_core.errors import FileFormatError, InputError

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'nudge-integrations[files]'")
from pyarrow import parquet as pq  # noqa: E402  # after the line that skips without it

NAMES_ROW = pytest.mark.skipif(int(pa.__version__.split(".")[0]) < 26, reason="older pyarrow names the file alone")
VECTORS = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
FIXED = pa.list_(pa.float32(), 2)
PLAIN = pa.list_(pa.float32())


def write(path, columns=None, **more):
    table = {"id": list("abc"), "vector": pa.array(VECTORS, type=FIXED)} if columns is None else columns
    pq.write_table(pa.table({**table, **more}), path)
    return path


def search(corpus):
    return corpus.background(torch.ones(1, corpus.dim), 1, progress=False)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileFormatError, match=r"no file or folder .*gone.parquet"):
        open_corpus(tmp_path / "gone.parquet")
    with pytest.raises(FileFormatError, match=r"gone.parquet.* missing"):
        ParquetCorpus(tmp_path / "gone.parquet")
    with pytest.raises(FileFormatError, match=r"holds no \.parquet files"):
        ParquetCorpus(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 0.5, -1])
def test_a_file_cut_short(tmp_path, keep):
    path = write(tmp_path / "X.parquet")
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(FileFormatError, match=r"X.parquet' cannot be read as Parquet .*truncated or of another format"):
        open_corpus(path)


def test_a_text_named_parquet(tmp_path):
    (tmp_path / "X.parquet").write_text("id,vector\n" * 30)
    with pytest.raises(FileFormatError, match=r"X.parquet' cannot be read as Parquet"):
        open_corpus(tmp_path / "X.parquet")


def test_pages_that_are_damaged(tmp_path):
    path = write(tmp_path / "X.parquet")
    content = bytearray(path.read_bytes())
    content[4:-200] = b"\xff" * (len(content) - 204)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"X.parquet' cannot be read as Parquet"):
        search(open_corpus(path))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"vector": VECTORS}, r"X.parquet has no column 'id'; its columns are vector: .*id_column="),
        ({"id": list("abc")}, r"X.parquet has 0 columns of vectors among id; expected one: .*vector_column="),
        ({"id": list("abc"), "u": VECTORS, "v": VECTORS}, r"has 2 columns of vectors among id, u, v"),
        ({"id": list("abc"), "u": [[1, 2]] * 3}, r"has 0 columns of vectors"),
        ({"id": list("abc"), "u": [1.0, 2.0, 3.0]}, r"has 0 columns of vectors"),
    ],
)
def test_columns_that_are_missing_or_too_many(tmp_path, columns, says):
    with pytest.raises(InputError, match=says):
        open_corpus(write(tmp_path / "X.parquet", columns))


def test_columns_can_be_named(tmp_path):
    columns = {"key": [5, 6, 7], "u": VECTORS, "v": [row[::-1] for row in VECTORS]}
    corpus = ParquetCorpus(write(tmp_path / "X.parquet", columns), id_column="key", vector_column="v")
    assert corpus.ids.tolist() == [5, 6, 7]
    assert corpus.rows(np.asarray([0])).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    ("column", "says"), [("w", "no column 'w'"), ("n", "of type int64; expected a fixed-size list")]
)
def test_a_vector_column_named_wrongly(tmp_path, column, says):
    path = write(tmp_path / "X.parquet", n=[1, 2, 3])
    with pytest.raises(InputError, match=says):
        ParquetCorpus(path, vector_column=column)


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize("kind", [pytest.param(FIXED, marks=NAMES_ROW), PLAIN], ids=["fixed", "plain"])
def test_a_null_vector_is_named(tmp_path, kind, row):
    vectors = [None if i == row else v for i, v in enumerate(VECTORS)]
    path = write(tmp_path / "X.parquet", vector=pa.array(vectors, type=kind))
    with pytest.raises(
        InputError, match=rf"document '{'abc'[row]}' \(row {row}\) has a vector of length None, expected 2"
    ):
        search(open_corpus(path))


@NAMES_ROW
@pytest.mark.parametrize("read", [search, lambda corpus: corpus.rows(np.arange(9))])
def test_a_null_vector_in_the_last_row_group_of_the_last_file_is_named(tmp_path, read):
    for name in range(3):
        vectors = pa.array([*VECTORS[:2], None if name == 2 else VECTORS[2]], type=FIXED)
        table = pa.table({"id": [f"{name}{letter}" for letter in "abc"], "vector": vectors})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=2)
    with pytest.raises(InputError, match=r"document '2c' \(row 8\) has a vector of length None"):
        read(open_corpus(tmp_path))


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_a_null_within_a_vector_is_named(tmp_path, kind):
    values = pa.array([None if i == 3 else np.float16(1) for i in range(6)]).cast(kind)
    path = write(tmp_path / "X.parquet", vector=pa.FixedSizeListArray.from_arrays(values, 2))
    with pytest.raises(InputError, match=r"document 'b' \(row 1\) holds nan at position 1"):
        search(open_corpus(path))


@pytest.mark.parametrize("short", [[1.0], [], [1.0, 2.0, 3.0]])
@pytest.mark.parametrize("read", [search, lambda corpus: corpus.rows(np.asarray([0]))])
def test_a_vector_of_another_length_is_named(tmp_path, short, read):
    path = write(tmp_path / "X.parquet", vector=pa.array([VECTORS[0], VECTORS[1], short], type=PLAIN))
    with pytest.raises(
        InputError, match=r"document '[abc]' \(row \d\) has a vector of length \d, expected \d: embed it again"
    ):
        read(open_corpus(path))


def test_no_vector_at_all(tmp_path):
    with pytest.raises(InputError, match=r"'vector' of .*X.parquet' holds no vector: every one is null or empty"):
        open_corpus(write(tmp_path / "X.parquet", vector=pa.array([None, [], None], type=PLAIN)))


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["a", None, "c"], r"row 1 is None: use all integers or all strings"),
        ([1, 2, None], r"row 2 is None"),
        (["a", "b", "a"], r"more than once: 'a'"),
        ([1.0, 2.0, 3.0], r"\['float'\], the one of row 0 is 1.0"),
    ],
)
def test_ids_that_are_of_no_use(tmp_path, ids, says):
    with pytest.raises(InputError, match=says):
        open_corpus(write(tmp_path / "X.parquet", id=ids))


def test_ids_that_stand_in_two_files(tmp_path):
    for name in ("0", "1"):
        write(tmp_path / f"{name}.parquet")
    with pytest.raises(InputError, match=r"more than once: 'a', 'b', 'c'"):
        open_corpus(tmp_path)


@pytest.mark.parametrize("kind", [pa.list_(pa.float32(), 3), pa.list_(pa.float64(), 2), PLAIN])
def test_a_file_whose_type_differs_is_named(tmp_path, kind):
    write(tmp_path / "0.parquet")
    rows = [[1.0] * (3 if kind == pa.list_(pa.float32(), 3) else 2)]
    write(tmp_path / "1.parquet", {"id": ["z"], "vector": pa.array(rows, type=kind)})
    with pytest.raises(InputError, match=r"'vector' of 1.parquet is .*, that of 0.parquet .*one model"):
        open_corpus(tmp_path)


def test_no_documents(tmp_path):
    with pytest.raises(InputError, match="holds no documents"):
        open_corpus(
            write(tmp_path / "X.parquet", {"id": pa.array([], pa.string()), "vector": pa.array([], type=FIXED)})
        )


def test_an_empty_file_among_others_is_no_fault(tmp_path):
    write(tmp_path / "0.parquet", {"id": pa.array([], pa.string()), "vector": pa.array([], type=FIXED)})
    write(tmp_path / "1.parquet")
    assert (
        evaluate(open_corpus(tmp_path), QuerySet(VECTORS, [["a"], ["b"], ["c"]]), "R@1", metric="cosine").mean("R@1")
        == 1
    )


def test_ids_beside_parquet_are_refused(tmp_path):
    with pytest.raises(InputError, match="Parquet brings its own ids"):
        open_corpus(write(tmp_path / "X.parquet"), ids=list("xyz"))

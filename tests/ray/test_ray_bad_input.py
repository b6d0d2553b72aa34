"""What cannot be read, reached or asked for: a sentence, soon, and nothing is changed."""

import os
import socket
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet as pq
from ray_common import DIM, DOCS, in_pieces, write_files

from nudge_core.corpus import RayCorpus
from nudge_core.corpus.ray import work as module
from nudge_core.corpus.ray.cluster import import_ray
from nudge_core.errors import ClusterError, FileFormatError, InputError, NudgeError

pytestmark = pytest.mark.enable_socket
NAMES = [f"doc{i}" for i in range(DOCS)]


@pytest.fixture
def apart(monkeypatch):
    """As if this process were in no cluster."""
    monkeypatch.setattr(import_ray(), "is_initialized", lambda: False)


def search(corpus):
    return corpus.background(torch.ones(1, DIM), 2, progress=False)


def test_a_cluster_that_is_not_there(folder, apart):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(ClusterError, match=rf"no Ray cluster at '{address}' .*ray start --head.*leave it out"):
            RayCorpus(folder, address=address)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_something_else_at_the_address(folder, apart, answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            client, _ = server.accept()
            client.recv(100)
            client.sendall(answer)
            client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ClusterError, match="something else answers"):
            RayCorpus(folder, address=f"127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def test_something_silent_at_the_address(folder, apart, monkeypatch):
    monkeypatch.setattr("nudge_core.corpus.ray.cluster.PATIENCE", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(ClusterError, match=r"no Ray cluster at .*timed out"),
    ):
        RayCorpus(folder, address=f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"address": "ray://10.0.0.1:10001"}, r"Ray Client.*ray job submit.*address=\"auto\""),
        ({"address": "10.0.0.1"}, r"expected \"host:port\""),
        ({"address": "10.0.0.1:6379", "num_cpus": 2}, "num_cpus is 2, but the cluster .* has its own"),
        ({"num_cpus": 0}, "num_cpus is 0; expected a whole number"),
        ({"workers": 1.5}, "workers is 1.5; expected a whole number"),
        ({"num_gpus": -1}, "num_gpus is -1; expected the share"),
        ({"num_gpus": "all"}, "num_gpus is 'all'; expected the share"),
    ],
)
def test_options(folder, apart, options, says):
    with pytest.raises(InputError, match=says):
        RayCorpus(folder, **options)


def test_another_cluster_than_the_one_joined(corpus):
    corpus.rows(np.asarray([0]))
    with pytest.raises(InputError, match=r"is in the Ray cluster at .*leave address out, or call ray.shutdown"):
        RayCorpus(corpus.places[0].path, address="10.0.0.1:6379")


def test_gpus_that_are_not_there(folder):
    with pytest.raises(InputError, match=r"num_gpus is 0.5 for each worker, the cluster has 0"):
        search(in_pieces(folder, num_gpus=0.5))


def test_no_id_column(folder):
    with pytest.raises(InputError, match=r"part-0.parquet has no column 'key'.*text, vector, id"):
        RayCorpus(folder, id_column="key")


@pytest.mark.parametrize(
    ("kind", "vectors"),
    [(pa.list_(pa.float32(), 4), np.ones((5, 4), "f4")), (pa.list_(pa.float16(), DIM), np.ones((5, DIM), "f2"))],
)
def test_a_part_of_another_dimension_or_type(folder, kind, vectors):
    pq.write_table(
        pa.table({"id": list("abcde"), "vector": pa.array(list(vectors), type=kind)}), folder / "part-9.parquet"
    )
    with pytest.raises(InputError, match=r"'vector' of part-9.parquet is .*that of part-0.parquet"):
        RayCorpus(folder)


def test_a_vector_of_another_length_where_lengths_are_free(tmp_path, X):
    vectors = [row.tolist() for row in X]
    vectors[77] = vectors[77][:5]
    folder = tmp_path / "corpus"
    folder.mkdir()
    table = pa.table({"id": NAMES, "vector": pa.array(vectors, type=pa.list_(pa.float32()))})
    pq.write_table(table, folder / "part.parquet", row_group_size=20)
    with pytest.raises(InputError, match=rf"document 'doc77' \(row 77\) has a vector of length 5, expected {DIM}"):
        search(in_pieces(folder))


def test_an_id_in_two_parts(tmp_path, X):
    folder = write_files(tmp_path / "twice", X, [*NAMES[:-1], "doc3"])
    with pytest.raises(
        InputError, match=r"more than once: 'doc3' .*rows 3 of part-0.parquet and 119 of part-2.parquet"
    ):
        RayCorpus(folder)


@pytest.mark.parametrize("call", [search, lambda corpus: corpus.rows(np.asarray([50]))])
def test_a_part_that_changes_after_it_was_opened(corpus, folder, X, call):
    write_files(folder, X[::-1], NAMES, compression="none")
    with pytest.raises(
        FileFormatError, match=r"part-\d.parquet' has changed since it was opened .*open the corpus again"
    ):
        call(corpus)


def test_a_part_that_changes_while_it_is_read(corpus, monkeypatch):
    def meddling(layout, asked):
        from nudge_core.corpus.ray import work

        def norms(self, values, first):
            os.utime(layout.place.path)
            return super(work.Piece, self)._norms(values, first + layout.first)

        before, work.Piece._norms = work.Piece._norms, norms
        try:
            return work.background(layout, asked)
        finally:
            work.Piece._norms = before

    monkeypatch.setattr(module, "background", meddling)
    with pytest.raises(FileFormatError, match="has changed since it was opened"):
        search(corpus)


def test_a_part_that_is_gone(corpus, folder):
    (folder / "part-1.parquet").unlink()
    with pytest.raises(FileFormatError, match=r"part-1.parquet' has gone"):
        search(corpus)


def test_questions_of_another_dimension(corpus):
    with pytest.raises(InputError, match="the questions have dimension 3, the documents 8"):
        corpus.background(torch.ones(1, 3), 2, progress=False)


def test_no_ray(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(NudgeError, match=r"a corpus on Ray needs the package 'ray'.*nudge-integrations\[ray\]"):
        RayCorpus(folder).rows(np.asarray([0]))

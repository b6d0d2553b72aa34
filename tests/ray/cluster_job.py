"""Started by a test: a simulated cluster of three machines, joined by its address."""

import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import ray
import torch
from pyarrow import parquet
from ray.cluster_utils import Cluster

from nudge_core.corpus import ParquetCorpus, RayCorpus
from nudge_core.corpus.ray import work as module

ROWS, DIM, FILES = 40, 8, 6


def watched(log: Path, seconds: float):
    """`work.background` that says which machine computes, and takes its time."""

    def background(layout, asked):
        import ray

        from nudge_core.corpus.ray import work

        found = work.background(layout, asked)
        (log / f"{layout.first}-{ray.get_runtime_context().get_node_id()}").touch()
        time.sleep(seconds)
        return found

    return background


def machines(log: Path) -> set[str]:
    found = {file.name.split("-")[1] for file in log.iterdir()}
    for file in log.iterdir():
        file.unlink()
    return found


def main(folder: Path, log: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(FILES):
        X = pa.array(rng.normal(size=(ROWS, DIM)).tolist(), type=pa.list_(pa.float32(), DIM))
        ids = list(range(number * ROWS, (number + 1) * ROWS))
        parquet.write_table(pa.table({"id": ids, "vector": X}), folder / f"{number}.parquet")
    Q = torch.from_numpy(rng.normal(size=(5, DIM)).astype("f4"))
    expected = ParquetCorpus(folder).background(Q, 4, temperature=0.1, progress=False)

    def same(corpus: RayCorpus) -> str:
        found = corpus.background(Q, 4, temperature=0.1, progress=False)
        close = torch.allclose(found.scores, expected.scores, atol=1e-6) and torch.allclose(
            found.logsumexp, expected.logsumexp, atol=1e-5
        )
        return "same" if close and torch.equal(found.rows, expected.rows) else "different"

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    with_gpu = cluster.add_node(num_cpus=1, num_gpus=1)
    third = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    corpus = RayCorpus(folder, address=cluster.address, num_gpus=0)
    module.background = watched(log, 1.0)
    outcome = same(corpus)
    assert len(machines(log)) >= 2, "one machine did everything"
    print("three machines:", outcome)

    module.background = watched(log, 0)
    outcome = same(RayCorpus(folder, address=cluster.address))
    assert machines(log) == {with_gpu.node_id}
    print("on the machine with a GPU:", outcome)

    module.background = watched(log, 1.0)

    def lose() -> None:
        while not any(third.node_id in file.name for file in log.iterdir()):
            time.sleep(0.05)
        cluster.remove_node(third, allow_graceful=False)

    thread = threading.Thread(target=lose)
    thread.start()
    outcome = same(corpus)
    thread.join()
    print("one machine lost:", outcome)
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as log:
        main(Path(folder), Path(log))

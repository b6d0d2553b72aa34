"""Workers that are lost: Ray repeats what they were at, and the result is the same."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from nudge_core import NudgeN, finetune
from nudge_core.corpus import ParquetCorpus
from nudge_core.corpus.ray import work as module
from nudge_core.errors import ClusterError

pytestmark = pytest.mark.enable_socket
JOB = Path(__file__).with_name("cluster_job.py")


@pytest.fixture(scope="module", autouse=True)
def started_job(tmp_path_factory) -> Iterator[tuple[subprocess.Popen, Path]]:
    """A simulated cluster in a process of its own, for a minute beside the other tests: it waits most of the time."""
    folder = tmp_path_factory.mktemp("cluster")
    with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as err:
        job = subprocess.Popen([sys.executable, "-W", "ignore", JOB], stdout=out, stderr=err)
        yield job, folder
    job.kill()
    job.wait()


def dying(log: Path, first: int, times: int):
    """`work.background`, but the first workers that take the piece which begins with the row `first` kill themselves. Travels by value."""

    def background(layout, asked):
        from nudge_core.corpus.ray import work

        with log.open("a") as file:
            file.write(f"{layout.first}\n")
        if layout.first == first and log.read_text().split().count(str(first)) <= times:
            os.kill(os.getpid(), 9)
        return work.background(layout, asked)

    return background


@pytest.mark.parametrize("first", [0, 60])
def test_a_worker_killed_in_the_middle(corpus, folder, sets, tmp_path, monkeypatch, first, capfd):
    expected = finetune(ParquetCorpus(folder), *sets, method=NudgeN(), progress=False)
    merged = []
    real = module.Merger.add
    monkeypatch.setattr(
        module.Merger, "add", lambda self, number, found: (merged.append(number), real(self, number, found))
    )
    monkeypatch.setattr(module, "background", dying(tmp_path / "log", first, 1))
    ours = finetune(corpus, *sets, method=NudgeN(), progress=False)
    assert np.array_equal(ours.vectors, expected.vectors)
    assert (ours.rows.tolist(), ours.gamma, ours.after) == (expected.rows.tolist(), expected.gamma, expected.after)
    begun = Counter((tmp_path / "log").read_text().split())
    assert begun[str(first)] >= 2  # killed once, and done
    assert len(begun) == len(corpus._pieces_of_all) == 6
    assert sorted(merged) == list(range(6))  # each piece once
    assert capfd.readouterr() == ("", "")


def test_a_piece_that_kills_every_worker_is_given_up(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("nudge_core.corpus.ray.cluster.RETRIES", 1)
    monkeypatch.setattr(module, "background", dying(tmp_path / "log", 20, 99))
    with pytest.raises(ClusterError, match=r"lost 2 times on the same part.*short of memory") as caught:
        corpus.background(torch.ones(1, 8), 3, progress=False)
    assert "\n" not in str(caught.value)


def test_an_error_that_is_none_of_ours_is_one_sentence(corpus, monkeypatch):
    def broken(layout, asked):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(module, "background", broken)
    with pytest.raises(ClusterError, match=r"Ray failed \(.*no such kernel.*logs") as caught:
        corpus.background(torch.ones(1, 8), 3, progress=False)
    assert "\n" not in str(caught.value)


def test_a_cluster_of_several_machines_one_of_which_is_lost(started_job):
    """Three simulated machines, one with a GPU that is none; one of them goes while it computes."""
    job, folder = started_job
    status = job.wait(200)
    out, err = ((folder / name).read_text() for name in ("stdout", "stderr"))
    assert status == 0, err[-3000:]
    assert [line for line in out.splitlines() if line.endswith(("same", "different"))] == [
        "three machines: same",
        "on the machine with a GPU: same",
        "one machine lost: same",
    ]

"""RayCorpus with one and with two worker processes, and with a worker killed in the middle: the same result, and how much faster two are.

    python benchmarks/ray_corpus.py                 writes results/ray.json; some minutes, 4 GB of temporary files
    python benchmarks/ray_corpus.py --docs 200000   smaller; prints what it would write

NUDGE-N end to end from Parquet of float16 on a Ray of this machine, each worker one thread. The settings take turns. In the third one a worker is
killed by SIGKILL within a piece in the middle of the corpus, the first time that this piece is computed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import psutil
import pyarrow as pa
import ray
import torch
from measuring import _busy, machine
from pyarrow import parquet

from nudge_core import Nudge, NudgeN, QuerySet, finetune
from nudge_core.corpus import ParquetCorpus, RayCorpus

RESULTS = Path(__file__).parent / "results" / "ray.json"
DIM, TRAINING, VALIDATION, ROUNDS, FILES, GROUP = 384, 2000, 1000, 3, 8, 50_000
TARGET = 1.6


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        "| RayCorpus | seconds | range of the rounds | rows a second | largest difference to one worker |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, run in figures["runs"].items():
        low, high = min(run["seconds"]), max(run["seconds"])
        lines.append(
            f"| {name} | {run['median']:.1f} | {low:.1f} … {high:.1f} | {figures['docs'] / run['median']:,.0f} | {run['difference']:g} |"
        )
    speed_up = figures["speed_up"]
    return "\n".join(
        [
            *lines,
            "",
            f"Speed-up of two workers: {speed_up['median']:.2f} ({speed_up['min']:.2f} … {speed_up['max']:.2f} in the rounds; target ≥ {TARGET}). "
            f"{figures['docs']:,} × {DIM} in float16, {TRAINING:,} training and {VALIDATION:,} validation questions, "
            f"{figures['pieces']} pieces; one thread each on {figures['machine']['cores']} cores of {figures['machine']['processor']}. "
            f"Largest difference to the vectors of `ParquetCorpus`: {figures['difference_to_one_process']:g}.",
        ]
    )


def write_corpus(folder: Path, docs: int) -> None:
    """Random directions; ids are integers."""
    rng = np.random.default_rng(0)
    for number, rows in enumerate(np.array_split(np.arange(docs), FILES)):
        vectors = np.concatenate(
            [
                rng.standard_normal((len(part), DIM), dtype=np.float32).astype(np.float16)
                for part in np.array_split(rows, max(1, len(rows) // GROUP))
            ]
        )
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), DIM)
        parquet.write_table(
            pa.table({"id": rows, "vector": column}), folder / f"part-{number:02}.parquet", row_group_size=GROUP
        )


def ask(corpus: ParquetCorpus) -> tuple[QuerySet, QuerySet]:
    """Questions near one document each; validation questions are about documents that training ones are about too."""
    rng = np.random.default_rng(1)
    rows = rng.choice(len(corpus), TRAINING, replace=False)
    documents = corpus.rows(rows).numpy()
    shift = rng.standard_normal(documents.shape, dtype=np.float32) * 3

    def near(some: slice) -> QuerySet:
        noise = rng.standard_normal(documents[some].shape, dtype=np.float32)
        return QuerySet(documents[some] + shift[some] + noise, [[int(name)] for name in corpus.names(rows[some])])

    return near(slice(None)), near(slice(VALIDATION))


@contextmanager
def worker_killed(first: int, marker: Path):
    """The worker that is first to take the piece which begins with this row dies at once."""
    from nudge_core.corpus.ray import work as module

    def dying(layout, asked):  # nested, so that it travels to the workers by value
        if layout.first == first and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), 9)
        from nudge_core.corpus.ray import work

        return work.background(layout, asked)

    with mock.patch.object(module, "background", dying):
        yield
    if not marker.exists():
        raise RuntimeError("no worker was killed")
    marker.unlink()


def timed(corpus: ParquetCorpus, questions: tuple[QuerySet, QuerySet]) -> tuple[float, float, Nudge]:
    """Seconds, the share of the machine that others took, and the result."""
    busy, own, start = _busy(), _own(), time.perf_counter()
    tuned = finetune(corpus, *questions, method=NudgeN(), device="cpu", progress=False)
    seconds = time.perf_counter() - start
    others = (_busy() - busy) - (_own() - own)
    return seconds, max(0.0, others / seconds / (psutil.cpu_count() or 1)), tuned


def _own() -> float:
    """CPU seconds of this process and of Ray's; those of a worker that died are lost."""
    this = psutil.Process()
    return sum(
        sum(process.cpu_times()[:2]) for process in (this, *this.children(recursive=True)) if process.is_running()
    )


def apart(one: Nudge, other: Nudge) -> float:
    """The largest difference of a value; of other documents or another γ infinity."""
    if not np.array_equal(one.rows, other.rows) or one.gamma != other.gamma or one.after != other.after:
        return float("inf")
    return float(np.abs(one.vectors - other.vectors).max())


def measure(docs: int, folder: Path) -> dict[str, Any]:
    """All settings in turns."""
    write_corpus(folder, docs)
    os.sync()  # what is still to be written to disk is not measured
    one, two = (RayCorpus(folder, num_cpus=2, workers=workers) for workers in (1, 2))
    questions = ask(ParquetCorpus(folder))
    pieces = one._pieces_of_all
    middle = pieces[len(pieces) // 2].first
    reference = finetune(ParquetCorpus(folder), *questions, method=NudgeN(), device="cpu", progress=False)
    two.background(questions[1].embeddings[:10], 1, progress=False)  # Ray starts, and both its workers load torch
    names = ("1 worker", "2 workers", "2 workers, one killed")
    runs: dict[str, dict[str, Any]] = {name: {"seconds": [], "others": [], "difference": 0.0} for name in names}
    results: list[Nudge] = []
    for _ in range(ROUNDS):
        for name, corpus in zip(names, (one, two, two), strict=True):
            if name == names[2]:
                with worker_killed(middle, folder / "killed"):
                    seconds, others, tuned = timed(corpus, questions)
            else:
                seconds, others, tuned = timed(corpus, questions)
            results.append(tuned)
            runs[name]["seconds"].append(round(seconds, 2))
            runs[name]["others"].append(round(others, 3))
            runs[name]["difference"] = max(runs[name]["difference"], apart(results[0], tuned))
            print(f"{name}: {seconds:.1f} s, others took {100 * others:.0f} %", file=sys.stderr, flush=True)
    for run in runs.values():
        run["median"] = statistics.median(run["seconds"])
    ratios = [a / b for a, b in zip(runs[names[0]]["seconds"], runs[names[1]]["seconds"], strict=True)]
    return {
        "docs": docs,
        "dim": DIM,
        "pieces": len(pieces),
        "moved": len(results[0]),
        "gamma": results[0].gamma,
        "runs": runs,
        "speed_up": {
            "median": round(statistics.median(ratios), 3),
            "min": round(min(ratios), 3),
            "max": round(max(ratios), 3),
        },
        "difference_to_one_process": max(apart(reference, tuned) for tuned in results),
        "machine": machine(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "ray": ray.__version__,
            "pyarrow": pa.__version__,
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=int, default=4_000_000)
    asked_for = parser.parse_args().docs
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(asked_for, Path(temporary))
    print(table(found))
    if asked_for == parser.get_default("docs"):
        RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    ray.shutdown()

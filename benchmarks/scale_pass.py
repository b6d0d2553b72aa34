"""One run over a Parquet file, in a process of its own: `python scale_pass.py bare|nudge FOLDER` prints seconds and memory as JSON.

bare    read the blocks of vectors, normalise them, one product with the validation questions, the maximum: what any exact method has to do
nudge   `finetune` from the path: ids read and checked, labelled documents found and read, the pass, the choice of γ, the move
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from measuring import PeakMemory, anonymous_memory
from pyarrow import parquet
from scale_files import DIM, THREADS, TRAIN

from nudge_core import NudgeN, QuerySet, finetune

BLOCK = 8192


def bare(folder: Path, queries: torch.Tensor) -> dict[str, float]:
    """The best similarity of each question."""
    best = torch.full((len(queries),), -torch.inf)
    file = parquet.ParquetFile(folder / "documents.parquet", pre_buffer=False, buffer_size=1 << 20)
    for batch in file.iter_batches(BLOCK, columns=["vector"], use_threads=False):
        block = torch.from_numpy(batch.column(0).flatten().to_numpy(zero_copy_only=False)).reshape(-1, DIM).float()
        block = block / torch.linalg.vector_norm(block, dim=1, keepdim=True)
        best = torch.maximum(best, product(queries, block).amax(1))
    return {"mean_of_best": float(best.mean())}


def product(queries: torch.Tensor, block: torch.Tensor) -> torch.Tensor:
    """By oneDNN, the faster of torch's two products on the machine of the results: as nudge_core does."""
    return torch.nn.functional.linear(queries.to_mkldnn(), block).to_dense()


def nudge(folder: Path, train: QuerySet, validation: QuerySet) -> dict[str, float]:
    """Fine-tune from the path."""
    tuned = finetune(folder / "documents.parquet", train, validation, method=NudgeN(), progress=False)
    return {
        "moved": len(tuned),
        "gamma": tuned.gamma,
        "before": tuned.before or 0.0,
        "after": tuned.after or 0.0,
        **tuned.seconds,
    }


def main(run: str, folder: str) -> None:
    """Print the figures."""
    torch.set_num_threads(THREADS)
    with np.load(Path(folder) / "questions.npz") as arrays:
        questions, documents = arrays["questions"], arrays["documents"]
    names = [[f"document-{row:09}"] for row in documents.tolist()]
    train = QuerySet(questions[:TRAIN], names[:TRAIN])
    validation = QuerySet(questions[TRAIN:], names[TRAIN:])
    idle, start, worked = anonymous_memory(), time.perf_counter(), time.process_time()
    with PeakMemory() as memory:
        found = bare(Path(folder), validation.embeddings) if run == "bare" else nudge(Path(folder), train, validation)
    seconds, cpu = time.perf_counter() - start, time.process_time() - worked
    peak = {"peak_mb": memory.peak / 1e6, "above_idle_mb": (memory.peak - idle) / 1e6}
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, **peak, **found}))


if __name__ == "__main__":
    main(*sys.argv[1:])

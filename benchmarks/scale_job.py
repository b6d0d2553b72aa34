"""One fine-tuning with many labels, in a process of its own: `python scale_job.py FOLDER METHOD PAIRS` prints seconds and memory as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import PeakMemory, anonymous_memory
from numpy.typing import NDArray
from scale_labels import LABELLED, THREADS, VALIDATION

from nudge_core import Contrastive, NudgeN, QuerySet, finetune

METHODS: dict[str, Any] = {
    "NUDGE-N": NudgeN(),
    "contrastive": Contrastive(temperature=0.05, guard=0.5, margin=0, start=0, steps=8),
}


def questions(folder: Path, pairs: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Embeddings and the two relevant documents of each question; the last ones validate."""
    rng = np.random.default_rng(1)
    documents = np.load(folder / "documents.npy", mmap_mode="r")
    labelled = np.sort(rng.choice(len(documents), size=int(LABELLED * pairs), replace=False))
    count = pairs // 2 + VALIDATION
    relevant = labelled[rng.integers(0, len(labelled), size=(count, 2))]
    relevant[: len(labelled) // 2] = labelled[: len(labelled) // 2 * 2].reshape(-1, 2)  # every one at least once
    relevant[:, 1] = np.where(
        relevant[:, 0] == relevant[:, 1],
        labelled[(np.searchsorted(labelled, relevant[:, 0]) + 1) % len(labelled)],
        relevant[:, 1],
    )
    dim = documents.shape[1]
    asked = rng.standard_normal((count, dim), dtype=np.float32)
    wording = np.random.default_rng(2)
    for start in range(0, count, 65_536):
        part = slice(start, start + 65_536)
        asked[part] += (
            documents[relevant[part, 0]].astype(np.float32) / 2 + documents[relevant[part, 1]].astype(np.float32) / 2
        )
    asked += wording.standard_normal(dim, dtype=np.float32) / 2
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    return asked, relevant


def main(folder: str, method: str, pairs: str) -> None:
    """Print the figures."""
    torch.set_num_threads(THREADS)
    asked, relevant = questions(Path(folder), int(pairs))
    idle, start, worked = anonymous_memory(), time.perf_counter(), time.process_time()
    with PeakMemory() as memory:
        train = QuerySet(asked[:-VALIDATION], relevant[:-VALIDATION])
        validation = QuerySet(asked[-VALIDATION:], relevant[-VALIDATION:])
        made = time.process_time() - worked
        tuned = finetune(Path(folder) / "documents.npy", train, validation, method=METHODS[method], progress=False)
    figures = {
        "method": method,
        "pairs": len(train.relevance.documents),
        "questions": len(train),
        "moved": len(tuned),
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - worked,
        "cpu_seconds_of_question_sets": made,
        "stages": dict(tuned.seconds),
        "peak_mb": memory.peak / 1e6,
        "above_idle_mb": (memory.peak - idle) / 1e6,
        "before": tuned.before,
        "after": tuned.after,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])

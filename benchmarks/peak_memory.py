"""The memory of one fine-tuning from a mapped file, in a process of its own: `python peak_memory.py documents.npy questions.npz NudgeN [measure]`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import speed_data
import torch
from measuring import PeakMemory, anonymous_memory

import nudge_core


def main(documents: str, questions: str, method: str, *measure: str) -> None:
    """Print the figures as JSON."""
    torch.set_num_threads(2)
    idle = anonymous_memory()
    with PeakMemory() as memory:
        train, validation = speed_data.Questions.load(Path(questions)).sets()
        chosen = getattr(nudge_core, method)(**({"measure": measure[0]} if measure else {}))
        start = time.perf_counter()
        nudge_core.finetune(documents, train, validation, method=chosen, progress=False)
        seconds = time.perf_counter() - start
    megabytes = {"idle_mb": idle / 1e6, "peak_mb": memory.peak / 1e6, "above_idle_mb": (memory.peak - idle) / 1e6}
    print(json.dumps({**{name: round(value, 1) for name, value in megabytes.items()}, "seconds": round(seconds, 3)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

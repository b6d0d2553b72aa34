"""Notebooks hold what they printed, without errors or places on somebody's machine; `make notebooks` runs each from its first cell to its last."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))
LONGEST = 45
"""Lines of a cell."""
each = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def check_outputs(path):
    """What a reader sees under the cells."""
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "not run from top to bottom"
    outputs = [output for cell in code for output in cell["outputs"]]
    assert len(outputs) >= len(code) // 2
    assert [output["output_type"] for output in outputs if output["output_type"] == "error"] == []
    said = json.dumps(
        [
            {**output, "data": {k: v for k, v in output.get("data", {}).items() if k.startswith("text")}}
            for output in outputs
        ]
    )
    assert re.findall(r"(?:/home/|/root/|/Users/|/tmp/|/var/|/opt/|[A-Z]:\\\\)\S*", said) == []
    assert re.findall(r"\w+Warning\b.*", said) == []  # those of Python; reports have words of warning of their own


@each
def test_outputs_are_there_without_errors_warnings_and_places_on_a_machine(notebook):
    check_outputs(notebook)


@each
def test_cells_are_short_and_the_last_words_say_what_is_next(notebook):
    assert max(len(cell["source"]) for cell in cells(notebook, "code")) <= LONGEST
    text = "".join(line for cell in cells(notebook, "markdown") for line in cell["source"])
    assert "\n" not in text.strip()[:1]
    assert text.startswith("# ")
    assert "pip install" in text
    assert "## Next" in text


def test_notebooks_are_numbered_one_question_each():
    assert [path.stem.split("_")[0] for path in NOTEBOOKS] == [str(i + 1) for i in range(5)]


@pytest.mark.skipif(os.environ.get("NUDGE_NOTEBOOKS") != "run", reason="minutes of work: `make notebooks` runs them")
@each
def test_notebook_runs_in_three_minutes_on_two_cores(notebook, tmp_path):
    place = {"NUDGE_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "JUPYTER_RUNTIME_DIR": str(tmp_path / "jupyter")}
    folder = Path(os.environ.get("NUDGE_NOTEBOOKS_OUT", tmp_path))
    command = [sys.executable, notebook.parent / "run.py", "--out", folder, notebook.stem.split("_")[0]]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=os.environ | place, capture_output=True, text=True, timeout=850)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-3000:]
    check_outputs(folder / notebook.name)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < 2 * 180, f"{used:.0f} s of processor time"

"""Run notebooks from the first cell to the last, and keep what they print but for standard error, times and versions.

python notebooks/run.py                       all of them, in place
python notebooks/run.py 1 3                   those of these numbers
python notebooks/run.py --out FOLDER 1        into a folder
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def run(path: Path, target: Path) -> None:
    """Run one notebook; what a cell raises is raised, and nothing is written."""
    book = nbformat.read(path, as_version=4)
    NotebookClient(
        book,
        timeout=600,
        startup_timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": tempfile.mkdtemp()}},
    ).execute()
    for cell in book.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    book.metadata.language_info = {"name": "python"}
    nbformat.write(book, target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*")
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    os.environ.setdefault("NUDGE_HOME", tempfile.mkdtemp())  # no journal in the user's own folder
    options.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(HERE.glob("*.ipynb")):
        if not options.numbers or path.stem.split("_")[0] in options.numbers:
            run(path, options.out / path.name)

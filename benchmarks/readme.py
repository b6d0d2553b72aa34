"""Put the tables of the committed figures, and the output of the examples, into the README and the pages.

python benchmarks/readme.py
"""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TABLES: dict[str, tuple[str, ...]] = {
    "README.md": ("accuracy", "demo", "peers", "speed-line", "large"),
    "benchmarks/README.md": ("ablation", "learning", "evidence"),
    "docs/arrays.md": (),
    "docs/coming_from.md": ("beside",),
    "docs/langchain.md": (),
    "docs/matching.md": ("matching",),
    "docs/safety.md": ("lost_updates", "stores"),
    "docs/scale.md": ("scale_files", "ray", "search", "scale_labels", "scale"),
}
MADE_BY = {
    "speed-line": ("speed", "line", "speed"),
    "large": ("scale", "large", "scale"),
    "beside": ("beside", "table", "peers"),
    "ray": ("ray_corpus", "table", "ray"),
}
"""Module, function and figures of a mark; by default all three bear its name, and the function is `table`."""
EXAMPLE = re.compile(r"(```python\n(.*?)```\s*```text\n)(.*?)(```)", re.DOTALL)


def fill(text: str, names: tuple[str, ...]) -> str:
    """A page with current tables."""
    for name in names:
        module, function, results = MADE_BY.get(name, (name, "table", name))
        figures = json.loads((HERE / "results" / f"{results}.json").read_text(encoding="utf-8"))
        table = getattr(importlib.import_module(module), function)(figures).strip()
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", rf"\g<1>{table}\n\g<2>", text, flags=re.DOTALL)
    return text


def run(text: str) -> str:
    """A page with what its examples print."""
    return EXAMPLE.sub(lambda found: found[1] + output(found[2]) + found[4], text)


def output(code: str) -> str:
    """What an example prints."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(printed):
        os.chdir(folder)
        exec(compile(code, "example", "exec"), {})
    return undated(printed.getvalue())


def undated(text: str) -> str:
    """The same on every day."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "2026-01-31T12:00:00+00:00", text)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    for name, marks in TABLES.items():
        page = ROOT / name
        page.write_text(run(fill(page.read_text(encoding="utf-8"), marks)), encoding="utf-8")

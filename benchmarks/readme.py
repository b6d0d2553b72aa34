"""Put the tables of the committed figures, and the output of the example, into the README and the page of the benchmarks.

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
TABLES = {
    HERE.parent / "README.md": ("accuracy", "demo", "matching", "peers", "speed", "stores"),
    HERE / "README.md": ("ablation",),
}
EXAMPLE = re.compile(r"(```python\n(.*?)```\s*```text\n)(.*?)(```)", re.DOTALL)


def fill(text: str, names: tuple[str, ...]) -> str:
    """A page with current tables and output."""
    for name in names:
        figures = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))
        table = importlib.import_module(name).table(figures).strip()
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", rf"\g<1>{table}\n\g<2>", text, flags=re.DOTALL)
    return EXAMPLE.sub(lambda found: found[1] + output(found[2]) + found[4], text)


def output(code: str) -> str:
    """What an example prints."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(printed):
        os.chdir(folder)
        exec(compile(code, "README.md", "exec"), {})
    return printed.getvalue()


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    for page, names in TABLES.items():
        page.write_text(fill(page.read_text(encoding="utf-8"), names), encoding="utf-8")

"""Labelled sets of our own for the accuracy benchmarks: Python's standard library, some modules or all, and the shipped questions about them.

python benchmarks/stdlib.py FOLDER             some modules; writes corpus.jsonl, queries.jsonl and qrels/
python benchmarks/stdlib.py --whole FOLDER     the set of the demo
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nudge_integrations.demo.data import build, library
from nudge_integrations.labels import LabelledData

MODULES = ("collections", "csv", "glob", "itertools", "json", "os", "pathlib", "shutil", "tempfile", "zipfile")


def write(data: LabelledData, folder: Path) -> None:
    """Write a set in BEIR form."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for name, texts in (("corpus", data.documents), ("queries", data.queries)):
        lines = (json.dumps({"_id": key, "text": text}) for key, text in texts.items())
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for split, judged in data.qrels.items():
        rows = [
            f"{query}\t{document}\t{grade:g}" for query, found in judged.items() for document, grade in found.items()
        ]
        lines = "\n".join(["query-id\tcorpus-id\tscore", *rows])
        (folder / "qrels" / f"{split}.tsv").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[-1])
    write(build(target)[0] if "--whole" in sys.argv[1:-1] else library(*MODULES), target)

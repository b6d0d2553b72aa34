"""A labelled set of our own for the accuracy benchmarks: some modules of Python's standard library, and the shipped questions about them.

python benchmarks/stdlib.py FOLDER     writes corpus.jsonl, queries.jsonl and qrels/
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nudge_integrations.demo.data import library

MODULES = ("collections", "csv", "glob", "itertools", "json", "os", "pathlib", "shutil", "tempfile", "zipfile")


def write(folder: Path) -> None:
    """Write the set in BEIR form."""
    data = library(*MODULES)
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
    write(Path(sys.argv[1]))

"""Labelled sets of our own for the accuracy benchmarks: Python's standard library, some modules or all, and the shipped questions about them.

python benchmarks/stdlib.py FOLDER             some modules; writes corpus.jsonl, queries.jsonl and qrels/
python benchmarks/stdlib.py --whole FOLDER     the set of the demo
"""

from __future__ import annotations

import argparse
import json
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--whole", action="store_true", help="all of the library, not ten modules")
    options = parser.parse_args()
    write(build(options.folder)[0] if options.whole else library(*MODULES), options.folder)

"""How often a nudge would write: with labels that mean nothing, and with true ones of few questions, and what these gain.

python benchmarks/evidence.py FOLDER [FOLDER …]     folders in BEIR form; writes results/evidence.json

All cells take about six hours of one core; `--labels`, `--method` and `--questions` run some. Cells that are run again replace theirs, others stay.

Labels that mean nothing: the labels of all questions are permuted at random over the questions, and 5, 20, 100 or 500 of these are given. True
labels: 10, 30, 100 or 300 questions, and their gain in nDCG@10 on 500 others. Each with `Auto()`, and with `Auto(allow_map=True)`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from labelled import LabelledSet, load

from nudge_core import Auto, QuerySet, evaluate
from nudge_core.evaluation.results import LEAST
from nudge_core.selection.evidence import ERROR
from nudge_core.trial import trial

FALSE, TRUE, OTHERS = (5, 20, 100, 500), (10, 30, 100, 300), 500
Cell = tuple[Path, bool, bool, int]


def draw(data: LabelledSet, count: int, seed: int, *, permuted: bool) -> tuple[QuerySet, QuerySet]:
    """Some questions, and others to measure by."""
    rng = np.random.default_rng(seed)
    everything = QuerySet.concat([data.train, data.validation, data.test])
    relevance = everything.relevance
    labels = relevance.take(rng.permutation(len(relevance))) if permuted else relevance
    asked = QuerySet(everything.embeddings, labels)
    order = rng.permutation(len(asked))
    return asked.take(order[:count]), asked.take(order[count : count + OTHERS])


def one(
    data: LabelledSet, count: int, seed: int, *, permuted: bool, allow_map: bool
) -> tuple[bool, float, float | None]:
    """Whether vectors would be written, the mean gain in standard errors, and the gain on other questions."""
    given, others = draw(data, count, seed, permuted=permuted)
    done = trial(data.X, given, method=Auto(allow_map=allow_map), seed=seed, progress=False)
    if not done.improves or permuted:
        return done.improves, done.evidence.t, None
    before, after = (evaluate(data.X, others, ["nDCG@10"], tuned=tuned, progress=False) for tuned in (None, done.tuned))
    return True, done.evidence.t, 100 * (after.mean("nDCG@10") - before.mean("nDCG@10"))


def cells(folders: list[Path], labels: str | None, method: str | None, counts: list[int] | None) -> Iterator[Cell]:
    """Those that were asked for: folder, whether labels are permuted, whether a map may be learned, number of questions."""
    for permuted in (True, False):
        for folder, allow_map, count in itertools.product(folders, (False, True), FALSE if permuted else TRUE):
            asked = (labels, "permuted" if permuted else "true"), (method, "map" if allow_map else "auto")
            if all(wanted in (None, this) for wanted, this in asked) and count in (counts or [count]):
                yield folder, permuted, allow_map, count


def run(cell: Cell, draws: int) -> dict[str, Any]:
    """The figures of a cell."""
    folder, permuted, allow_map, count = cell
    data, started = load(folder), time.perf_counter()
    some = [one(data, count, seed, permuted=permuted, allow_map=allow_map) for seed in range(draws)]
    gains = [gain for _, _, gain in some if gain is not None]
    return {
        "set": folder.name,
        "labels": "permuted" if permuted else "true",
        "map": allow_map,
        "questions": count,
        "draws": draws,
        "written": sum(wrote for wrote, _, _ in some),
        "gain": round(float(np.mean(gains)), 2) if gains else None,
        "worst": round(float(np.min(gains)), 2) if gains else None,
        "t": [round(float(np.clip(t, -99, 99)), 2) for _, t, _ in some],
        "seconds": round(time.perf_counter() - started, 1),
    }


def keep(out: Path, row: dict[str, Any]) -> None:
    """In the place of the same cell's earlier figures."""
    rows = json.loads(out.read_text(encoding="utf-8"))["rows"] if out.exists() else []
    name = itemgetter("labels", "set", "map", "questions")
    rows = sorted([other for other in rows if name(other) != name(row)] + [row], key=name)
    out.write_text(json.dumps({"least": LEAST, "error": ERROR, "rows": rows}, indent=1) + "\n", encoding="utf-8")


def table(results: dict[str, Any]) -> str:
    """Markdown: how often something is written, and what it gains."""
    rows = [
        "| set | labels | questions | method | written | mean gain on other questions | worst |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        method = "Auto, map allowed" if row["map"] else "Auto"
        gain, worst = ("" if row[name] is None else f"{row[name]:+.2f}" for name in ("gain", "worst"))
        rows.append(
            f"| {row['set']} | {row['labels']} | {row['questions']} | {method} | {row['written']} of {row['draws']} | {gain} | {worst} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--draws", type=int, default=100, help="of labels that mean nothing")
    parser.add_argument("--true-draws", type=int, default=100, help="of true labels")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/evidence.json"))
    parser.add_argument("--labels", choices=("permuted", "true"))
    parser.add_argument("--method", choices=("auto", "map"), help="map: one may be learned")
    parser.add_argument("--questions", type=int, nargs="+")
    options = parser.parse_args()
    for cell in cells(options.folders, options.labels, options.method, options.questions):
        row = run(cell, options.draws if cell[1] else options.true_draws)
        keep(options.out, row)
        print({name: value for name, value in row.items() if name != "t"}, flush=True)

"""Learning curves: accuracy by the share of the labelled questions that is learned from.

    python benchmarks/learning.py FOLDER [FOLDER …]     folders in BEIR form; adds their figures to results/learning.json
    python benchmarks/learning.py --table               renders the table from that file

Training and validation questions are drawn three times for each share. What all of them give stands in results/accuracy.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

RESULTS = Path(__file__).parent / "results" / "learning.json"
SHARES = (0.01, 0.03, 0.1, 0.3)
DRAWS = 3
NAMES = ("none", "NUDGE-N", "contrastive", "map", "Auto", "Auto, map allowed")


def measure(folder: Path) -> Iterator[dict[str, Any]]:
    """For each method and share the nDCG@10 of each draw, all and unseen questions; one share after the other."""
    import torch
    from candidates import CANDIDATES
    from labelled import load

    torch.set_num_threads(1)
    labelled = load(folder)
    result: dict[str, Any] = {"labelled questions": [], "methods": {name: [] for name in NAMES}}
    for share in SHARES:
        draws = [labelled.sample(share, seed) for seed in range(DRAWS)]
        result["labelled questions"].append(len(draws[0].learned))
        found_by_draw = [_runs(draw, CANDIDATES) for draw in draws]
        for name, points in result["methods"].items():
            runs = [run[name] for run in found_by_draw]
            found = [labelled.measure(run.X, draw.learned) for run, draw in zip(runs, draws, strict=True)]
            points.append(
                {
                    "nDCG@10": [figures["nDCG@10"] for figures in found],
                    "unseen": [figures["unseen"]["nDCG@10"] for figures in found],
                    "chosen": [run.chosen for run in runs],
                    "seconds": [run.seconds for run in runs],
                }
            )
        yield result


def _runs(draw: Any, candidates: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name in ("none", "NUDGE-N", "Auto", "Auto, map allowed"):
        found |= candidates[name].runs(draw, name)
    return found


def table(results: dict[str, Any]) -> str:
    """Markdown: mean over the draws; in brackets the worst draw against none, where it lies below."""
    everything = json.loads(RESULTS.with_name("accuracy.json").read_text(encoding="utf-8"))["all-MiniLM-L6-v2"]
    rows = [
        "| nDCG@10 | " + " | ".join(f"{share:.0%}" for share in SHARES) + " | all |",
        "|---" * (len(SHARES) + 2) + "|",
    ]
    for name, figures in results.items():
        counts = [*figures["labelled questions"], sum(everything[name]["questions"][:2])]
        rows.append(f"| **{name}**, labelled questions | " + " | ".join(f"{count:,}" for count in counts) + " |")
        none = figures["methods"]["none"]
        for method, points in figures["methods"].items():
            cells = [_cell(point["nDCG@10"], none[i]["nDCG@10"]) for i, point in enumerate(points)]
            whole = (everything[name]["methods"][one]["nDCG@10"] for one in (method, "none"))
            rows.append(f"| {method} | " + " | ".join([*cells, _cell(*([score] for score in whole))]) + " |")
    return "\n".join(rows)


def _cell(scores: list[float], none: list[float]) -> str:
    worst = min(score - before for score, before in zip(scores, none, strict=True))
    return f"{mean(scores):.1f}" + (f" ({worst:+.1f})" if worst < -0.05 else "")


def main() -> None:
    """Measure the sets named, or render the table."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for argument in sys.argv[1:]:
        for found in measure(Path(argument)) if argument != "--table" else ():
            results[Path(argument).resolve().name] = found
            RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()

"""Accuracy of every method on labelled sets, beside the authors' package.

    python benchmarks/accuracy.py FOLDER [FOLDER …]              folders in BEIR form; adds their figures to results/accuracy.json
    python benchmarks/accuracy.py --embedding TF-IDF FOLDER …    the same with another embedding, made here
    python benchmarks/accuracy.py --table                        renders the tables from that file

Nothing is chosen on the test questions. Each method runs once with all labelled questions, and with three draws of nine tenths of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results" / "accuracy.json"
DRAWS = 3
SHARE = 0.9


def measure(labelled: Any, candidates: dict[str, Any], draws: int = DRAWS) -> Iterator[dict[str, Any]]:
    """The figures of some methods, scores from 0 to 100: with all labelled questions, then with one draw of them after the other."""
    torch.set_num_threads(1)  # so that CPU seconds are work, not threads that wait for each other
    result: dict[str, Any] = {**labelled.describe(), "methods": {}}
    for name, run in _runs(labelled, candidates):
        figures = {**labelled.measure(run.X), "chosen": run.chosen, "seconds": run.seconds, "redrawn": []}
        result["methods"][name] = figures
    yield result
    for seed in range(draws):
        draw = labelled.sample(SHARE, seed)
        for name, run in _runs(draw, candidates):
            figures = labelled.measure(run.X, draw.learned)
            drawn = {"nDCG@10": figures["nDCG@10"], "unseen": figures["unseen"], "chosen": run.chosen}
            result["methods"][name]["redrawn"].append(drawn)
        yield result


def _runs(labelled: Any, candidates: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, candidate in candidates.items():
        yield from candidate.runs(labelled, name).items()


def table(results: dict[str, Any]) -> str:
    """Markdown: for each embedding the methods by the sets, and what the choice between them costs."""
    return "\n\n".join(_table(*found) for found in results.items()) + "\n\n" + _choice(results)


def _table(embedding: str, sets: dict[str, Any]) -> str:
    rows = [f"| {embedding} | " + " | ".join(sets) + " |", "|---" * (len(sets) + 1) + "|"]
    names = dict.fromkeys(name for figures in sets.values() for name in figures["methods"])
    for name in names:
        rows.append(
            f"| {name} | " + " | ".join(_cell(figures["methods"].get(name)) for figures in sets.values()) + " |"
        )
    times = [sum(method["seconds"] or 0 for method in figures["methods"].values()) for figures in sets.values()]
    rows.append("| *seconds, all together* | " + " | ".join(f"{seconds:.0f}" for seconds in times) + " |")
    return "\n".join(rows)


def _choice(results: dict[str, Any]) -> str:
    """`Auto` against the best method that it could have taken, and against leaving the documents as they are."""
    rows = ["| Auto against | the best without a map | the best | none | none, unseen questions |", "|---" * 5 + "|"]
    for embedding, sets in results.items():
        for name, figures in sets.items():
            if "Auto, map allowed" not in figures["methods"]:
                continue
            score = {method: found["nDCG@10"] for method, found in figures["methods"].items()}
            moves = max(score[method] for method in ("none", "NUDGE-N", "contrastive"))
            best = max(moves, score["map"], score["map, then contrastive"])
            free, bound = (figures["methods"][method]["unseen"] for method in ("Auto, map allowed", "Auto"))
            before = figures["methods"]["none"]["unseen"]["nDCG@10"]
            none = [f"{score[method] - score['none']:+.1f}" for method in ("Auto", "Auto, map allowed")]
            unseen = [f"{found['nDCG@10'] - before:+.1f}" for found in (bound, free)] if free["questions"] >= 10 else []
            rows.append(
                f"| {name}, {embedding} | {score['Auto'] - moves:+.1f} | {score['Auto, map allowed'] - best:+.1f} "
                f"| {', '.join(none)} | {', '.join(unseen)} |"
            )
    return "\n".join(rows) if len(rows) > 2 else ""


def _cell(figures: dict[str, Any] | None) -> str:
    """With all labels (unseen); mean ± standard deviation of the draws."""
    if figures is None:
        return ""
    unseen = figures["unseen"]
    bracket = f" ({unseen['nDCG@10']:.1f})" if unseen["questions"] >= 10 else ""
    drawn = [one["nDCG@10"] for one in figures["redrawn"]]
    spread = f"; {mean(drawn):.1f} ± {stdev(drawn):.1f}" if len(set(drawn)) > 1 else ""
    return f"{figures['nDCG@10']:.1f}{bracket}{spread}"


def main() -> None:
    """Measure the sets named, or render the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--embedding", choices=["all-MiniLM-L6-v2", "TF-IDF"], default="all-MiniLM-L6-v2")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument(
        "--only", action="append", help="a method by name, again for several; the others keep their figures"
    )
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if options.folders:
        from candidates import CANDIDATES, NAMES
        from labelled import load

        chosen = {name: CANDIDATES[name] for name in options.only or CANDIDATES}
        sets = {folder.resolve().name: load(folder, options.embedding) for folder in options.folders}
        passes = {name: measure(labelled, chosen, options.draws) for name, labelled in sets.items()}
        done = results.setdefault(options.embedding, {})
        kept = {name: dict(done.get(name, {}).get("methods", {})) for name in sets}
        for _ in range(1 + options.draws):
            for name, found in passes.items():
                figures = next(found)
                merged = {**kept[name], **figures["methods"]}
                methods = {method: merged[method] for method in NAMES if method in merged}
                done[name] = {**figures, "methods": methods}
                RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()

"""Accuracy of NUDGE-M and NUDGE-N on labelled sets, beside the authors' package.

    python benchmarks/accuracy.py FOLDER [FOLDER …]     folders in BEIR form with embeddings.npz; writes results/accuracy.json
    python benchmarks/accuracy.py --table               renders the table from that file

γ is chosen on the validation questions, figures are on the test questions. The spread comes from drawing training and validation questions anew,
in the same numbers, from their union; the test questions stay.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import nudge
from numpy.typing import NDArray

from nudge_core import NudgeM, NudgeN, QuerySet, evaluate, finetune
from nudge_core.methods import Method
from nudge_integrations.embeddings import load_embeddings
from nudge_integrations.labels import read_beir

RESULTS = Path(__file__).parent / "results" / "accuracy.json"
MEASURES = ["nDCG@10", "CR@10", "Success@1"]
REDRAWS = 5

METHODS: dict[str, tuple[Method, bool]] = {
    "NUDGE-M": (NudgeM(), False),
    "NUDGE-N": (NudgeN(), False),
    "NUDGE-N, fine grid by nDCG@10, refit": (NudgeN("fine", "nDCG@10"), True),
}
PEERS: dict[str, Callable[[], Any]] = {"nudge-ft M": nudge.NUDGEM, "nudge-ft N": nudge.NUDGEN}


def measure_set(folder: Path) -> dict[str, Any]:
    """All figures of one set, scores from 0 to 100."""
    data = read_beir(folder)
    vectors = load_embeddings(data)
    X = vectors.corpus.vectors.numpy()
    train, validation, test = (by_row(vectors.query_set(data, split), vectors) for split in ("train", "dev", "test"))
    result: dict[str, Any] = {"documents": len(X), "questions": [len(train), len(validation), len(test)], "methods": {}}
    result["methods"]["none"] = scores(X, test, train + validation)
    for name, (method, refit) in METHODS.items():
        start = time.perf_counter()
        tuned = finetune(X, train, validation, method=method, refit=refit, progress=False)
        seconds = time.perf_counter() - start
        redrawn = [redraw(X, train, validation, test, method, refit, seed) for seed in range(REDRAWS)]
        spread = {"mean": round(mean(redrawn), 2), "sd": round(stdev(redrawn), 2)}
        figures = scores(tuned.apply_to(X), test, train + validation)
        result["methods"][name] = {
            **figures,
            "gamma": tuned.gamma,
            "seconds": round(seconds, 3),
            "redrawn nDCG@10": spread,
        }
    for name, peer in PEERS.items():
        start = time.perf_counter()
        with redirect_stdout(io.StringIO()):
            moved = peer().finetune_embeddings(X, as_peer(train), as_peer(validation))
        seconds = time.perf_counter() - start
        result["methods"][name] = {**scores(moved, test, train + validation), "seconds": round(seconds, 3)}
    return result


def by_row(queries: QuerySet, vectors: Any) -> QuerySet:
    """The same questions, with documents named by row."""
    rows = vectors.corpus.find(queries.relevance.documents)
    relevance = type(queries.relevance)(queries.relevance.offsets, rows, queries.relevance.grades)
    return QuerySet(queries.embeddings, relevance, ids=queries.ids)


def scores(X: NDArray[Any], test: QuerySet, learned: QuerySet) -> dict[str, Any]:
    """Means by measure; nDCG@10 also of seen and unseen questions (with training and validation counted as learned from)."""
    found = evaluate(X, test, MEASURES, train=learned, metric="dot", progress=False)
    figures: dict[str, Any] = {measure: round(100 * found.mean(measure), 2) for measure in MEASURES}
    for subset in ("seen", "unseen"):
        count = int(found.subset(subset).sum())
        figures[subset] = {
            "questions": count,
            "nDCG@10": round(100 * found.mean("nDCG@10", subset), 2) if count else None,
        }
    return figures


def redraw(
    X: NDArray[Any], train: QuerySet, validation: QuerySet, test: QuerySet, method: Method, refit: bool, seed: int
) -> float:
    """nDCG@10 with training and validation questions drawn anew."""
    first, second = (train + validation).split(len(train) / (len(train) + len(validation)), seed=seed)
    tuned = finetune(X, first, second, method=method, refit=refit, progress=False)
    return 100 * evaluate(X, test, ["nDCG@10"], tuned=tuned, progress=False).mean("nDCG@10")


def as_peer(queries: QuerySet) -> dict[str, Any]:
    """Questions as nudge-ft takes them."""
    return {
        "q_embs": queries.embeddings.numpy(),
        "q_ans_indx": [list(queries.relevance[i]) for i in range(len(queries))],
    }


def table(results: dict[str, Any]) -> str:
    """Markdown: nDCG@10 of each set, unseen questions in brackets."""
    sets = list(results)
    names = list(results[sets[0]]["methods"])
    rows = ["| nDCG@10 | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name in sets:
        cells = []
        for figures in results[name]["methods"].values():
            unseen = figures["unseen"]
            bracket = f" ({unseen['nDCG@10']:.1f})" if unseen["questions"] >= 10 else ""
            spread = figures.get("redrawn nDCG@10")
            cells.append(f"{figures['nDCG@10']:.1f}{bracket}" + (f" ± {spread['sd']:.1f}" if spread else ""))
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    """Measure the sets named, or render the table."""
    if sys.argv[1:] != ["--table"]:
        folders = [Path(argument) for argument in sys.argv[1:]]
        usable = [folder for folder in folders if (folder / "embeddings.npz").is_file()]
        results = {folder.resolve().name: measure_set(folder) for folder in usable}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()

"""What each part of the methods brings: the same runs with one part changed.

python benchmarks/ablation.py FOLDER [FOLDER …]     folders in BEIR form; adds their figures to results/ablation.json
python benchmarks/ablation.py --table               renders the table from that file
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "ablation.json"


def parts(labelled: Any) -> dict[str, Any]:
    """The runs, by what they change."""
    from candidates import CANDIDATES, Candidate

    from nudge_core import Auto, Contrastive, LinearMap, NudgeN

    learned = labelled.learned.relevance
    mass = len(labelled.learned) / len(set(learned.documents.tolist()))
    return {
        "NUDGE-N: one pull": CANDIDATES["NUDGE-N"],
        "NUDGE-N without refit": Candidate(NudgeN("fine", "nDCG@10"), refit=False),
        "Auto, map allowed": CANDIDATES["Auto, map allowed"],  # and with it each of its ways
        "contrastive, steps not divided by the mean label mass": Candidate(Contrastive(rate=0.1 * mass)),
        "contrastive, labelled documents as the only negatives": Candidate(Contrastive(), labelled_only=True),
        "contrastive without the guard of unseen questions": Candidate(Contrastive(guard=0)),
        "contrastive without margin and start": Candidate(Contrastive(margin=0, start=0)),
        "contrastive, no setting chosen but the steps": Candidate(Contrastive(0.05, guard=0, margin=0, start=0)),
        "map, labelled documents as the only negatives": Candidate(LinearMap(), labelled_only=True),
        "map, documents without labels counted as the others": Candidate(LinearMap(unlabelled=1)),
        "map, one temperature": Candidate(LinearMap(temperature=0.04)),
        "map, no setting chosen but the steps": Candidate(LinearMap(unlabelled=1)),
        "Auto, map allowed, without refit": Candidate(Auto(allow_map=True), refit=False),
        "Auto, map allowed, unseen_weight=0": Candidate(Auto(allow_map=True, unseen_weight=0)),
    }


def table(results: dict[str, Any]) -> str:
    """Markdown: the runs by the sets; unseen questions in brackets."""
    rows = ["| nDCG@10 | " + " | ".join(results) + " |", "|---" * (len(results) + 1) + "|"]
    for name in dict.fromkeys(name for figures in results.values() for name in figures["methods"]):
        rows.append(f"| {name} | " + " | ".join(_cell(figures["methods"][name]) for figures in results.values()) + " |")
    return "\n".join(rows)


def _cell(figures: dict[str, Any]) -> str:
    unseen = figures["unseen"]
    return f"{figures['nDCG@10']:.1f}" + (f" ({unseen['nDCG@10']:.1f})" if unseen["questions"] >= 10 else "")


def main() -> None:
    """Measure the sets named, or render the table."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for argument in sys.argv[1:]:
        if argument != "--table":
            from accuracy import measure
            from labelled import load

            labelled = load(Path(argument))
            for found in measure(labelled, parts(labelled), draws=0):
                results[Path(argument).resolve().name] = found
                RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()

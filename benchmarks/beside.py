"""What people do instead, beside this project's methods: from results/accuracy.json and results/peers.json.

python benchmarks/beside.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from peers import cell

RESULTS = Path(__file__).parent / "results" / "peers.json"
NAMES = {
    "none": "nothing",
    "nudge-ft M": "nudge-ft, NUDGEM",
    "nudge-ft N": "nudge-ft, NUDGEN",
    "adapter on questions": "linear adapter on questions",
    "model fine-tuned": "model trained, all embedded again",
    "NUDGE-N": "here: `NudgeN`",
    "Auto": "here: `Auto`, the default",
    "Auto, map allowed": "here: `Auto`, map allowed",
}


def table(peers: dict[str, Any]) -> str:
    """Markdown: nDCG@10 of each set, unseen questions in brackets, and seconds on two cores."""
    ours = json.loads(RESULTS.with_name("accuracy.json").read_text(encoding="utf-8"))["all-MiniLM-L6-v2"]
    found = {name: {**ours.get(name, {}).get("methods", {}), **figures["peers"]} for name, figures in peers.items()}
    rows = ["| nDCG@10 | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for key, name in NAMES.items():
        rows.append(f"| {name} | " + " | ".join(cell(methods.get(key)) for methods in found.values()) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))

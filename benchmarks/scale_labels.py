"""Many labels: NUDGE-N with up to a million labelled pairs, contrastive steps with as many as they take. Each in a process of its own.

python benchmarks/scale_labels.py            500,000 questions of two pairs each; writes results/scale_labels.json
python benchmarks/scale_labels.py --quick    a hundredth; printed only
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "scale_labels.json"
DOCS, DIM, VALIDATION = 1_000_000, 128, 2000
PAIRS = {"NUDGE-N": (10_000, 100_000, 1_000_000), "contrastive": (10_000, 100_000)}
"""Labelled pairs; more are too many for contrastive steps, which refuse them."""
LABELLED = 0.3
"""Labelled documents for each pair; two pairs a question."""
THREADS = len(os.sched_getaffinity(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the size; print, write nothing")
    parser.add_argument("--only", choices=("NUDGE-N", "contrastive"), help="one method; the figures of the other stay")
    parser.add_argument("--pairs", type=int, help="one number of pairs; the figures of others stay")
    parser.add_argument("--folder", help="where documents.npy is, or is made and left; a temporary folder if not given")
    options = parser.parse_args()
    found = measure(100 if options.quick else 1, options.only, options.pairs, options.folder)
    if not options.quick:
        new = {(point["method"], point["pairs"]): point for point in found["points"]}
        if RESULTS.exists():
            before = json.loads(RESULTS.read_text(encoding="utf-8"))["points"]
            known = {(point["method"], point["pairs"]): point for point in before}
            new = {key: point for key, point in known.items() if key[1] in PAIRS[key[0]]} | new
        found["points"] = [new[key] for key in sorted(new)]
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1), table(found), sep="\n")


def measure(smaller: int, only: str | None, pairs_only: int | None, kept: str | None) -> dict[str, Any]:
    """Every point."""
    import measuring

    script, points = str(Path(__file__).resolve().with_name("scale_job.py")), []
    with contextlib.ExitStack() as stack:
        folder = kept or stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("NUDGE_BENCHMARKS")))
        make(Path(folder), DOCS // smaller)
        wanted = [
            (name, pairs)
            for name, counts in PAIRS.items()
            if only in (None, name)
            for pairs in counts
            if pairs_only in (None, pairs)
        ]
        for method, pairs in wanted:
            command = [sys.executable, script, folder, method, str(pairs // smaller)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            points.append(json.loads(done.stdout))
    return {
        "machine": measuring.machine(),
        "threads": THREADS,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("torch", "numpy")}},
        "docs": DOCS // smaller,
        "dim": DIM,
        "validation_questions": VALIDATION,
        "points": points,
    }


def make(folder: Path, docs: int) -> None:
    """Documents of float16; those that are there already stay."""
    import numpy as np

    if (folder / "documents.npy").exists():
        return

    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(folder / "documents.npy", "w+", np.float16, (docs, DIM))
    for first in range(0, docs, 65_536):
        out[first : first + 65_536] = rng.standard_normal((min(65_536, docs - first), DIM), dtype=np.float32)
    out.flush()


def table(found: dict[str, Any]) -> str:
    """Markdown: a line for each method and number of pairs."""
    lines = [
        "| method | pairs | questions | documents moved | CPU seconds | per pair | peak memory above an idle process |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {point['method']} | {point['pairs']:,} | {point['questions']:,} | {point['moved']:,} | {point['cpu_seconds']:.0f} "
        f"| {1e6 * point['cpu_seconds'] / point['pairs']:.0f} µs | {point['above_idle_mb']:,.0f} MB |"
        for point in found["points"]
    ]
    machine = found["machine"]
    lines += [
        "",
        f"{found['docs']:,} documents of {found['dim']} dimensions in a `.npy` file of float16, "
        f"{found['validation_questions']:,} validation questions, threads: {found['threads']}, on "
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

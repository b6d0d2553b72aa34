"""A corpus larger than memory: NUDGE-N on Parquet beside one bare pass over the same file. Time and memory of each, in a process of its own.

python benchmarks/scale_files.py            10,000,000 documents: 7.7 GB in a temporary folder; writes results/scale_files.json
python benchmarks/scale_files.py --quick    500,000; printed only
python benchmarks/scale_files.py --table    sums up anew what was measured
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "scale_files.json"
FULL, QUICK = (500_000, 2_000_000, 10_000_000), (500_000,)
DIM, TRAIN, VALIDATION, PIECE, ROUNDS = 384, 2000, 500, 65_536, 3
THREADS = len(os.sched_getaffinity(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small size; print, write nothing")
    parser.add_argument("--table", action="store_true", help="sum up and print anew what was measured")
    options = parser.parse_args()
    if options.table:
        found = json.loads(RESULTS.read_text(encoding="utf-8"))
        found["points"] = [summary(point) for point in found["points"]]
    else:
        found = measure(QUICK if options.quick else FULL)
    if not options.quick:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1), table(found), sep="\n")


def measure(sizes: tuple[int, ...]) -> dict[str, Any]:
    """Every size in turn; the file of one is removed before that of the next is made."""
    import measuring

    return {
        "machine": measuring.machine(),
        "threads": THREADS,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "pyarrow")},
        },
        "dim": DIM,
        "dtype": "float16",
        "training_questions": TRAIN,
        "validation_questions": VALIDATION,
        "points": [_point(docs) for docs in sizes],
    }


def _point(docs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("NUDGE_BENCHMARKS")) as folder:
        make(Path(folder), docs)
        size = (Path(folder) / "documents.parquet").stat().st_size
        runs: dict[str, list[dict[str, float]]] = {"bare": [], "nudge": []}
        for _ in range(ROUNDS):  # in turns; the first of each finds the file in the page cache as far as that holds it
            for run, seen in runs.items():
                command = [sys.executable, str(Path(__file__).resolve().with_name("scale_pass.py")), run, folder]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                seen.append(json.loads(done.stdout))
    return summary({"docs": docs, "file_bytes": size, **runs})


def summary(point: dict[str, Any]) -> dict[str, Any]:
    """The same runs with what is said of them: medians and ranges of all rounds. On a shared machine CPU seconds are what holds."""
    runs = {run: point[run] for run in ("bare", "nudge")}

    def ratios(figure: str) -> dict[str, float]:
        found = [ours[figure] / bare[figure] for bare, ours in zip(*runs.values(), strict=True)]
        return {"median": statistics.median(found), "min": min(found), "max": max(found), "at_most": 1.3}

    def medians(figure: str) -> dict[str, float]:
        return {run: statistics.median(one[figure] for one in seen) for run, seen in runs.items()}

    return {
        **{name: point[name] for name in ("docs", "file_bytes", *runs)},
        "seconds": medians("seconds"),
        "cpu_seconds": medians("cpu_seconds"),
        "ratio": ratios("seconds"),
        "cpu_ratio": ratios("cpu_seconds"),
        "peak_mb": max(one["peak_mb"] for one in runs["nudge"]),
        "above_idle_mb": max(one["above_idle_mb"] for one in runs["nudge"]),
    }


def make(folder: Path, docs: int) -> None:
    """Documents in Parquet as pyarrow writes it, with ids that are texts, and questions about them."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    rows = rng.choice(docs, size=TRAIN + VALIDATION - 300, replace=False)
    train = rows[rng.integers(0, 1500, size=TRAIN)]
    validation = np.concatenate([rows[:300], rows[TRAIN : TRAIN + VALIDATION - 300]])
    asked = np.concatenate([train, validation])
    near = np.zeros((len(asked), DIM), np.float32)
    schema = pa.schema({"id": pa.string(), "vector": pa.list_(pa.float16(), DIM)})
    options: dict[str, Any] = {"compression": "NONE", "use_dictionary": False}
    with parquet.ParquetWriter(folder / "documents.parquet", schema, **options) as writer:
        for first in range(0, docs, PIECE):
            count = min(PIECE, docs - first)
            part = rng.standard_normal((count, DIM), dtype=np.float32).astype(np.float16)
            here = np.flatnonzero((asked >= first) & (asked < first + count))
            near[here] = part[asked[here] - first]
            ids = pa.array([f"document-{row:09}" for row in range(first, first + count)])
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(part.reshape(-1)), DIM)
            writer.write_table(pa.table([ids, vectors], schema=schema))
    wording = rng.standard_normal((len(rows), DIM), dtype=np.float32)
    place = {row: i for i, row in enumerate(rows.tolist())}
    own = wording[[place[row] for row in asked.tolist()]]
    common, noise = rng.standard_normal(DIM, dtype=np.float32), rng.standard_normal(near.shape, dtype=np.float32)
    questions = (near + 2.5 * own + 1.5 * common + 2.5 * noise) / DIM**0.5
    np.savez(folder / "questions.npz", questions=questions, documents=asked)


def table(found: dict[str, Any]) -> str:
    """Markdown: a line for each size."""
    lines = [
        "| documents | file | bare pass | NUDGE-N, end to end | ratio (range) | CPU: bare | NUDGE-N | ratio (range) | peak memory | above idle |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for point in found["points"]:
        seconds, cpu = point["seconds"], point["cpu_seconds"]
        wall, work = (
            f"{point[name]['median']:.2f} ({point[name]['min']:.2f} … {point[name]['max']:.2f})"
            for name in ("ratio", "cpu_ratio")
        )
        lines.append(
            f"| {point['docs']:,} | {point['file_bytes'] / 1e9:.1f} GB | {seconds['bare']:.0f} s | {seconds['nudge']:.0f} s | {wall} "
            f"| {cpu['bare']:.0f} s | {cpu['nudge']:.0f} s | {work} "
            f"| {point['peak_mb']:,.0f} MB | {point['above_idle_mb']:,.0f} MB |"
        )
    machine = found["machine"]
    described = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    lines += [
        "",
        f"{found['dim']} dimensions, {found['dtype']}, {found['training_questions']:,} training and "
        f"{found['validation_questions']} validation questions, threads: {found['threads']}, on "
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB; {described}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)

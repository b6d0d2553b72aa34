"""The law of what was measured, fitted, and what it says of a billion documents. Measures nothing itself.

python benchmarks/scale.py    reads results/scale_files.json, scale_labels.json and ray.json; writes results/scale.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DOCS, DIM, PAIRS, VALIDATION, ITEM = 1_000_000_000, 1024, 1_000_000, 2_000, 2
CLUSTER = {"name": "AWS m7i.8xlarge", "machines": 20, "cores": 32, "network_gbit": 12.5, "memory_gib": 128}


def main() -> None:
    names = ("scale_files", "scale_labels", "ray")
    files, labels, ray = (json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in names)
    found = law(files, labels) | {"largest": largest(files, labels, ray)}
    (RESULTS / "scale.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def law(files: dict[str, Any], labels: dict[str, Any]) -> dict[str, Any]:
    """Lines through the CPU seconds of NUDGE-N, by documents and by pairs, and their values for the cluster."""
    passes = _line([(point["docs"], point["cpu_seconds"]["nudge"]) for point in files["points"]])
    pairs = _line(
        [(point["pairs"], point["cpu_seconds"]) for point in labels["points"] if point["method"] == "NUDGE-N"]
    )
    product = files["dim"] * files["validation_questions"]
    cores = CLUSTER["machines"] * CLUSTER["cores"]  # type: ignore[operator]
    computed = passes["each"] * DOCS * DIM * VALIDATION / product
    read = DOCS * DIM * ITEM * 8 / (CLUSTER["machines"] * CLUSTER["network_gbit"] * 1e9)  # type: ignore[operator]
    labelled = pairs["each"] * PAIRS * DIM / labels["dim"]
    return {
        "files": {**passes, "dim": files["dim"], "validation_questions": files["validation_questions"]},
        "labels": {**pairs, "dim": labels["dim"]},
        "cluster": CLUSTER,
        "docs": DOCS,
        "dim": DIM,
        "pairs": PAIRS,
        "validation_questions": VALIDATION,
        "core_seconds_of_the_pass": computed,
        "seconds_to_read": read,
        "seconds_to_compute": computed / cores,
        "seconds_of_labels": labelled,
        "seconds": max(read, computed / cores) + labelled,
        "bytes": DOCS * DIM * ITEM,
    }


def largest(files: dict[str, Any], labels: dict[str, Any], ray: dict[str, Any]) -> list[dict[str, Any]]:
    """The largest of each that was measured: what, seconds, and what else there is to say."""
    file = max(files["points"], key=lambda point: point["docs"])
    questions = files["training_questions"] + files["validation_questions"]
    of_methods = {point["method"]: point for point in sorted(labels["points"], key=lambda point: point["pairs"])}
    one, two = (ray["runs"][name]["median"] for name in ("1 worker", "2 workers"))
    return [
        {
            "what": f"{file['docs']:,} documents × {files['dim']} in Parquet ({file['file_bytes'] / 1e9:.1f} GB), {questions:,} questions, NUDGE-N",
            "seconds": file["seconds"]["nudge"],
            "more": f"{file['ratio']['median']:.2f} times a bare pass over the file; peak memory {file['peak_mb']:,.0f} MB",
        },
        {
            "what": f"{ray['docs']:,} documents × {ray['dim']} by two workers of Ray, NUDGE-N",
            "seconds": two,
            "more": f"one worker: {one:.0f} s",
        },
        *(
            {
                "what": f"{point['pairs']:,} labelled pairs, {method}",
                "seconds": point["seconds"],
                "more": f"{point['moved']:,} documents moved; peak memory {point['peak_mb']:,.0f} MB",
            }
            for method, point in of_methods.items()
        ),
    ]


def large(found: dict[str, Any]) -> str:
    """Markdown: the largest that was measured."""
    lines = [f"| {one['what']} | {one['seconds']:,.0f} s | {one['more']} |" for one in found["largest"]]
    return "\n".join(["| the largest measured | time | |", "|---|--:|---|", *lines])


def _line(points: list[tuple[float, float]]) -> dict[str, float]:
    """A line y = start + each · x with the least sum of squared relative errors, and the largest of these."""
    import numpy as np

    x, y = np.asarray(points, dtype=float).T
    (start, each), *_ = np.linalg.lstsq(np.stack([1 / y, x / y], 1), np.ones(len(y)), rcond=None)
    off = float(np.abs((start + each * x) / y - 1).max())
    return {"start": float(start), "each": float(each), "largest_relative_error": off}


def table(found: dict[str, Any]) -> str:
    """Markdown: the two laws, and the figure with its parts."""
    files, labels, cluster = found["files"], found["labels"], found["cluster"]
    return "\n".join(
        [
            "| CPU seconds of NUDGE-N | law | largest error at a measured point |",
            "|---|---|--:|",
            f"| documents in Parquet, {files['dim']} dimensions, {files['validation_questions']} validation questions "
            f"| {files['start']:.1f} s + {1e6 * files['each']:.2f} µs · documents | {100 * files['largest_relative_error']:.0f} % |",
            f"| pairs, {labels['dim']} dimensions | {labels['start']:.0f} s + {1e6 * labels['each']:.0f} µs · pairs "
            f"| {100 * labels['largest_relative_error']:.0f} % |",
            "",
            f"| {found['docs']:,} × {found['dim']:,}, {found['pairs']:,} pairs, on {cluster['machines']} {cluster['name']} | seconds |",
            "|---|--:|",
            f"| reading {found['bytes'] / 1e12:.1f} TB of float16 over {cluster['network_gbit']} Gbit/s each | {found['seconds_to_read']:.0f} |",
            f"| computing {found['core_seconds_of_the_pass']:,.0f} core seconds on {cluster['cores']} cores each, meanwhile "
            f"| {found['seconds_to_compute']:.0f} |",
            f"| labels, on one core | {found['seconds_of_labels']:.0f} |",
            f"| **together**: the longer of the first two, and the third | **{found['seconds']:.0f}** |",
        ]
    )


if __name__ == "__main__":
    main()

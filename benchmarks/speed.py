"""Speed and memory of nudge_core, against nudge-ft and against one exact search by faiss.

python benchmarks/speed.py            measure, write results/speed.json and the table in README.md (ten minutes on an idle machine)
python benchmarks/speed.py --quick    small sizes, printed only
python benchmarks/speed.py --table    write the table anew from results/speed.json
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, README = HERE / "results" / "speed.json", HERE / "README.md"
BEGIN, END = "<!-- speed -->", "<!-- /speed -->"
PARTS = ("nudge_n", "mapped", "many_gammas", "nudge_m")
THREADS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes; print, write nothing")
    parser.add_argument("--table", action="store_true", help="only write the table anew")
    options = parser.parse_args()
    if options.quick:
        found = measure(quick=True)
    elif options.table:
        found = json.loads(RESULTS.read_text(encoding="utf-8"))
    else:
        found = measure()
        RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = f"{table(found)}\n\n{seconds(found)}"
    if not options.quick:
        write(text)
    print(text)


def measure(quick: bool = False) -> dict[str, Any]:
    """All parts; faiss and nudge-ft are loaded here, so that tables can be made without them."""
    import faiss
    import measuring
    import speed_parts as parts
    import torch

    sizes = parts.QUICK if quick else parts.FULL
    torch.set_num_threads(THREADS)
    faiss.omp_set_num_threads(THREADS)
    problem = parts.Problem.make(sizes.docs)
    found: dict[str, Any] = {
        "machine": measuring.machine(),
        "threads": THREADS,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "faiss-cpu", "nudge-ft")},
        },
        "many_gammas": parts.many_gammas(problem, sizes),
        "nudge_n": parts.nudge_n(problem, sizes),
        "nudge_m": parts.nudge_m(problem, sizes),
    }
    del problem
    with tempfile.TemporaryDirectory() as folder:
        found["mapped"] = parts.mapped(Path(folder), sizes)
    return found


def table(found: dict[str, Any]) -> str:
    """Markdown: every figure beside its target."""
    rows = ["| measured | documents | figure | range of the rounds | target | met |", "|---|--:|--:|--:|--:|:-:|"]
    rows += [_line(check, found[name]["docs"]) for name in PARTS for check in found[name]["checks"]]
    machine = found["machine"]
    described = (f"{name} {number}" for name, number in found["versions"].items())
    return "\n".join(
        [
            *rows,
            "",
            f"Medians. {machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB, {found['threads']} threads; "
            + ", ".join(described)
            + ".",
        ]
    )


def line(found: dict[str, Any]) -> str:
    """Markdown: the figures that a reader of the README wants, in a sentence."""
    medians = {check["what"]: check["median"] for name in PARTS for check in found[name]["checks"]}
    peer, once, mapped, memory = (
        medians[what]
        for what in (
            "NUDGE-N: nudge-ft's time / ours",
            "NUDGE-N: our time / that of one exact faiss search",
            "NUDGE-N from a mapped file: our time / that of one exact faiss search in memory",
            "NudgeN from a mapped file: peak memory above an idle process, MB",
        )
    )
    docs, many = found["nudge_n"]["docs"], found["mapped"]["docs"]
    return (
        f"NUDGE-N over {docs:,} documents takes {_number(once)} times as long as one exact search by faiss, and `nudge-ft`\n"
        f"{peer:.0f} times as long as ours. {many:,} documents in a mapped file take {_number(mapped)} times as long as that search\n"
        f"in memory, and {memory:.0f} MB; more in [benchmarks/](benchmarks/README.md#speed-and-memory)."
    )


def seconds(found: dict[str, Any]) -> str:
    """Markdown: the times behind the ratios."""
    rows = ["| part of the JSON | run | documents | median seconds | rounds | others |", "|---|---|--:|--:|--:|--:|"]
    for name in PARTS:
        for key, timed in found[name].items():
            if isinstance(timed, dict) and "medians" in timed:
                others = f"{100 * timed['largest_share_of_others']:.0f} %"
                rows += [
                    f"| {name}.{key} | {run} | {found[name]['docs']:,} | {median:.3f} | {len(timed['seconds'][run])} | {others} |"
                    for run, median in timed["medians"].items()
                ]
    return "\n".join(rows)


def write(text: str) -> None:
    """Put the tables between their marks in README.md."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def _line(check: dict[str, Any], docs: int) -> str:
    spread = f"{_number(check['min'])} … {_number(check['max'])}" if "min" in check else ""
    target = next((f"{sign} {check[key]:g}" for key, sign in (("at_most", "≤"), ("at_least", "≥")) if key in check), "")
    met = {True: "yes", False: "**no**", None: ""}[check.get("met")]
    return f"| {check['what']} | {docs:,} | {_number(check['median'])} | {spread} | {target} | {met} |"


def _number(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


if __name__ == "__main__":
    main()

"""background="search" beside the exact background: time as a collection grows, and what five databases find.

    python benchmarks/search.py FOLDER [FOLDER …] [--tables FOLDER]   folders in BEIR form with embeddings.npz; writes results/search.json
    python benchmarks/search.py FOLDER [FOLDER …] --engines           the databases only; what was measured of growth stays
    python benchmarks/search.py FOLDER --growth NUDGE-N               the growth of one method only; all other figures stay
    python benchmarks/search.py --table                               renders the tables from that file

Growth: the first set among generated documents, in PostgreSQL with pgvector and an HNSW index, behind LangChain's PGVectorStore. The whole of `nudge`
is timed, writing and checks included, on a copy of the database in each round; sizes take turns. Engines: each set among generated documents to
20,000, in five databases, each with an approximate index where it has one. All figures are of exact searches of the test questions afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_postgres import PGEngine, PGVectorStore
from langchain_postgres.v2.indexes import HNSWQueryOptions
from search_data import DIM, HNSW, Labelled, configured, copied, documents, fill, labelled, server, with_uuids
from search_engines import ENGINES, Given

from nudge_core import Auto, Contrastive, NudgeN
from nudge_core.methods.base import Method
from nudge_integrations.langchain import NudgeVectorStore

RESULTS = Path(__file__).parent / "results" / "search.json"
SIZES, AMONG, ROUNDS = (10_000, 100_000, 1_000_000), 20_000, 2
GROWN = ("NUDGE-N", "Auto")
EF_SEARCH = 200  # of the application
METHODS: dict[str, Method] = {
    "NUDGE-N": NudgeN("angles", "nDCG@10"),
    "contrastive": Contrastive(0.05, guard=(0.0, 0.5), margin=0, start=0),
    "Auto": Auto(),
}
COMPARED = ("NUDGE-N", "contrastive")


@contextmanager
def opened(started: Any, template: str) -> Iterator[NudgeVectorStore]:
    """A store on a copy of a database."""
    with copied(started, template) as url:
        engine = PGEngine.from_connection_string(url)
        try:
            options = HNSWQueryOptions(ef_search=EF_SEARCH)
            inner = PGVectorStore.create_sync(engine, Given(), "documents", index_query_options=options)
            yield NudgeVectorStore(inner)
        finally:
            engine._run_as_sync(engine.close())


def nudged(
    store: NudgeVectorStore, of: Labelled, method: str, background: Any, *, measured: bool = True
) -> dict[str, Any]:
    """One nudge: its time, what it chose, and nDCG@10 on the test questions by exact search afterwards."""
    train, held, test = (of.questions[split] for split in ("train", "dev", "test"))
    start = time.perf_counter()
    report = store.nudge(train, held, method=METHODS[method], background=background, progress=False)
    seconds = time.perf_counter() - start
    chosen = {name: dict(setting) for name, setting in report.tuned.settings.items()} if report.tuned.settings else {}
    told = {
        "seconds": round(seconds, 2),
        "stages": {name: round(value, 2) for name, value in report.seconds.items()},
        "method": report.tuned.method,
        "gamma": report.tuned.gamma,
        "settings": chosen,
        "moved": len(report.tuned),
    }
    if measured:
        told |= {
            name: points(store.evaluate(test, ["nDCG@10"], background=way, progress=False))
            for name, way in (("nDCG@10", "exact"), ("nDCG@10 by search", "search"))
        }
    return told


def points(evaluation: Any) -> float:
    """Mean nDCG@10, 0 to 100."""
    return round(100 * float(evaluation.mean("nDCG@10")), 2)


def growth(
    of: Labelled, started: Any, sizes: tuple[int, ...], methods: tuple[str, ...], found: dict[str, Any]
) -> Iterator[str]:
    """What grows with the collection, and what does not: put in `found`, one method after the other."""
    templates = {size: fill(of, started, size) for size in sizes}
    for size in sizes:
        found.setdefault(str(size), {})
    for method in methods:
        rounds: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
        for _ in range(ROUNDS):
            for size in sizes:
                with opened(started, templates[size]) as store:
                    for split in ("train", "dev"):  # pages of the copy into memory, as those of a database in use are,
                        # also those that a search goes on to past excluded documents
                        store.evaluate(of.questions[split], ["nDCG@1000"], background="search", progress=False)
                    rounds[size].append(nudged(store, of, method, "search", measured=not rounds[size]))
                    print(method, size, rounds[size][-1], file=sys.stderr, flush=True)
        for size in sizes:
            with opened(started, templates[size]) as store:
                test = of.questions["test"]
                if method == "NUDGE-N":
                    before = store.evaluate(test, ["nDCG@10"], background="exact", progress=False)
                    found[str(size)]["before"] = points(before)
                exact = nudged(store, of, method, "exact")
            whole = [one["seconds"] for one in rounds[size]]
            unwritten = [round(one["seconds"] - one["stages"].get("writing", 0), 2) for one in rounds[size]]
            found[str(size)][method] = {
                "search": rounds[size][0],
                "exact": exact,
                "seconds": whole,
                "median": round(statistics.median(whole), 2),
                "seconds without writing": unwritten,
                "median without writing": round(statistics.median(unwritten), 2),
            }
            print(method, size, found[str(size)][method], file=sys.stderr, flush=True)
        yield method


def engines(of: Labelled, started: Any) -> dict[str, Any]:
    """Each method by the exact background, and by the search of each database."""
    found: dict[str, Any] = {}
    template = fill(of, started, AMONG)
    blocks = list(documents(of, AMONG))
    with opened(started, template) as store:
        before = store.evaluate(of.questions["test"], ["nDCG@10"], background="exact", progress=False)
        found["before"] = points(before)
        found["exact"] = each(store, of, "exact")
    with opened(started, template) as store:
        found["pgvector, HNSW"] = each(store, of, "search")
    for name, make in ENGINES.items():
        with tempfile.TemporaryDirectory() as folder, make(Path(folder), blocks) as inner:
            found[name] = each(NudgeVectorStore(inner), of, "search")
    return found


def each(store: NudgeVectorStore, of: Labelled, background: str) -> dict[str, Any]:
    """The methods compared, on one store."""
    done = {}
    for method in COMPARED:
        done[method] = nudged(store, of, method, background)
        store.restore(progress=False)
        print(of.name, background, method, done[method], file=sys.stderr, flush=True)
    return done


def table(figures: dict[str, Any]) -> str:
    """Markdown of the committed figures."""
    lines = [
        "| method | documents | whole nudge, s | without writing, s | nDCG@10 before | after, exact | after, search | γ exact | γ search |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    sizes = figures["growth"]
    methods = [method for method in GROWN if all(method in one for one in sizes.values())]
    for method in methods:
        for size, one in sizes.items():
            exact, search = one[method]["exact"], one[method]["search"]
            lines.append(
                f"| {method} | {int(size):,} | {one[method]['median']:.1f} | {one[method]['median without writing']:.1f} "
                f"| {one['before']:.2f} | {exact['nDCG@10']:.2f} | {search['nDCG@10']:.2f} | {exact['gamma']:.3f} | {search['gamma']:.3f} |"
            )
    first, last = next(iter(sizes)), list(sizes)[-1]
    lines.append("")
    for method in methods:
        whole, rest = (
            sizes[last][method][key] / sizes[first][method][key] for key in ("median", "median without writing")
        )
        lines.append(
            f"{method}: time of {int(last):,} documents / time of {int(first):,}: {whole:.2f}, without writing {rest:.2f}."
        )
    lines.append("")
    if not figures["engines"]:
        return "\n".join(lines).strip()
    lines += [
        "| set | database | NUDGE-N: nDCG@10 (γ) | contrastive: nDCG@10 (τ, guard, steps) |",
        "|---|---|---|---|",
    ]
    for name, one in figures["engines"].items():
        lines.append(f"| {name} | before | {one['before']:.2f} | {one['before']:.2f} |")
        for engine, done in one.items():
            if engine == "before":
                continue
            setting = done["contrastive"]["settings"].get("contrastive", {})
            told = ", ".join(f"{setting[key]:g}" for key in ("temperature", "guard", "point")) if setting else "none"
            lines.append(
                f"| {name} | {engine} | {done['NUDGE-N']['nDCG@10']:.2f} ({done['NUDGE-N']['gamma']:.3f}) "
                f"| {done['contrastive']['nDCG@10']:.2f} ({told}) |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure everything or a part, or render the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--tables", type=Path, help="a folder in which the databases are kept for the next time")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--engines", action="store_true")
    part.add_argument("--growth", choices=GROWN)
    part.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if not options.table and not options.folders:
        parser.error("name a folder, or --table")
    for folder in options.folders:
        if not folder.is_dir():
            parser.error(f"{folder} is no folder; name one in BEIR form with embeddings.npz")
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    print(table(before if options.table else measure(options, before)))


def measure(options: argparse.Namespace, before: dict[str, Any]) -> dict[str, Any]:
    """All figures, those of `before` where they are not measured anew; written as they come."""
    from measuring import machine

    with tempfile.TemporaryDirectory() as temporary:
        os.environ["NUDGE_HOME"] = str(Path(temporary) / "home")
        started = server(options.tables or Path(temporary) / "postgres")
        sets = [labelled(folder) for folder in options.folders]
        about = {
            "dimensions": DIM,
            "hnsw": HNSW,
            "ef_search": EF_SEARCH,
            "server": configured(started),
            "set": sets[0].name,
            **{s: len(q) for s, q in sets[0].questions.items()},
        }
        figures: dict[str, Any] = {
            "machine": machine(),
            "data": about,
            "growth": before.get("growth", {}) if options.engines or options.growth else {},
            "engines": before.get("engines", {}) if options.growth else {},
        }
        methods = () if options.engines else (options.growth,) if options.growth else GROWN
        for _ in growth(sets[0], started, SIZES, methods, figures["growth"]) if methods else ():
            RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        for of in () if options.growth else sets:
            figures["engines"][of.name] = engines(with_uuids(of), started)
            RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


if __name__ == "__main__":
    main()

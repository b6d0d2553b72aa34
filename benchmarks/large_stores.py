"""A whole nudge and restore of 200,000 documents in Chroma and in FAISS: the time, and the peak memory of the process over what the store takes.

    nice python benchmarks/large_stores.py [chroma] [faiss] [--docs 200000] [--dim 384]     writes results/large_stores.json

Each store is a process of its own. 5,000 questions about 2,500 documents; every vector is read, and those that move are written and put back.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from search_engines import Given

from nudge_core import NudgeN, QuerySet
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import adapter_of

RESULTS = Path(__file__).parent / "results" / "large_stores.json"


def peak() -> float:
    """GiB that this process has taken at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(kind: str, docs: int, dim: int) -> dict[str, Any]:
    """Fill a store, nudge it, and put it back."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(docs, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"d{i}" for i in range(docs)]
    with TemporaryDirectory() as folder:
        store: Any
        if kind == "chroma":
            from langchain_chroma import Chroma

            store = Chroma(
                "docs", Given(), persist_directory=folder, collection_configuration={"hnsw": {"space": "cosine"}}
            )
            for start in range(0, docs, 5000):
                part = slice(start, start + 5000)
                store._collection.add(ids[part], embeddings=vectors[part], documents=ids[part])
        else:
            import faiss
            from langchain_community.docstore.in_memory import InMemoryDocstore
            from langchain_community.vectorstores import FAISS

            store = FAISS(Given(), faiss.IndexFlatIP(dim), InMemoryDocstore(), {})
            store.add_embeddings(zip(ids, vectors, strict=True), ids=ids)
        about = rng.permutation(docs)[:2500].repeat(2)
        ways, noise = rng.normal(size=(2500, dim)).repeat(2, axis=0), rng.normal(size=(len(about), dim))
        asked = (vectors[about] + (4 * ways + noise) / dim**0.5).astype(
            np.float32
        )  # both about a document lie on one side of it
        questions = QuerySet(asked, [[ids[row]] for row in about])
        before = {name: row.tobytes() for name, row in adapter_of(store).fetch(ids[:5000]).items()}
        filled, started = peak(), time.perf_counter()
        wrapped = NudgeVectorStore(store, journal=Path(folder, "journal.sqlite"))
        report = wrapped.nudge(questions, questions, method=NudgeN(gammas=0.3), background="exact", progress=False)
        nudged = time.perf_counter()
        wrapped.restore(progress=False)
        ended = time.perf_counter()
        same = before == {name: row.tobytes() for name, row in adapter_of(store).fetch(ids[:5000]).items()}
        moved = 0 if report.outcome is None else report.outcome.documents
    figures = {"store": kind, "documents": docs, "dim": dim, "moved": moved, "restored bit for bit": same}
    times = {"nudge_s": round(nudged - started, 1), "restore_s": round(ended - nudged, 1)}
    return figures | times | {"filled_GiB": round(filled, 2), "peak_GiB": round(peak(), 2)}


def main() -> None:
    """Measure each store in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", default=["chroma", "faiss"])
    parser.add_argument("--docs", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        print(json.dumps(measure(given.stores[0], given.docs, given.dim)))
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for kind in given.stores:
        command = [sys.executable, __file__, kind, "--here", "--docs", str(given.docs), "--dim", str(given.dim)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results[kind] = json.loads(done.stdout.splitlines()[-1])
        print(results[kind], flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

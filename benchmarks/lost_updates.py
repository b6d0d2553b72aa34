"""Documents that are added again while vectors are written: how many end with a new text and a vector of their old one, and who says so.

    python benchmarks/lost_updates.py [STORE …] [--count 500]     writes results/lost_updates.json
    python benchmarks/lost_updates.py --table                     renders the table from that file

Each store holds 2,000 documents, and each is a process of its own. All of them are moved and put back, over and over, while another thread adds
documents again at random moments, each with another text, past the wrapper, as an application does. After each write every document is compared
with what its text embeds to.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "stores"))

from nudge_core.apply import Journal, Outcome, recover, restore, survey, write
from nudge_core.errors import NudgeError
from nudge_integrations.stores import StoreAdapter, adapter_of

RESULTS = Path(__file__).parent / "results" / "lost_updates.json"
DOCS, DIM, METRICS = 2000, 64, {"faiss": "dot", "lancedb": "l2"}
PAUSES = {
    "memory": 0.001,
    "simple": 0.001,
    "pgvector": 0.003,
    "faiss": 0.02,
}  # seconds between two of them, in the mean
STORES = ["chroma", "lancedb", "faiss", "pgvector", "qdrant", "milvus", "memory", "simple"]
NAMES = {
    "chroma": "Chroma",
    "lancedb": "LanceDB",
    "faiss": "FAISS",
    "pgvector": "pgvector",
    "qdrant": "Qdrant, local mode",
}
NAMES |= {"milvus": "Milvus Lite", "memory": "InMemory", "simple": "SimpleVectorStore"}
ENGINES = {"chroma": "ChromaEngine", "lancedb": "LanceDBEngine", "faiss": "FaissEngine", "pgvector": "PGVectorEngine"}
ENGINES |= {"qdrant": "QdrantEngine", "milvus": "MilvusEngine", "memory": "InMemoryEngine"}


class Hashed(Embeddings):
    """For each text a direction of its own."""

    def embed_query(self, text: str) -> list[float]:
        """(DIM,) of unit length."""
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).normal(size=DIM)
        return (vector / np.linalg.norm(vector)).tolist()  # type: ignore[no-any-return]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One for each."""
        return [self.embed_query(text) for text in texts]


@dataclass
class Shelf:
    """A store under test: its adapter, what adds a document again, and what reads all texts past the adapter."""

    adapter: StoreAdapter
    add_again: Callable[[str, str], None]
    texts: Callable[[], dict[str, str]]


def of_langchain(kind: str, folder: Path, ids: list[str]) -> Shelf:
    """A LangChain store on the engine that the tests use."""
    module = __import__(f"engines.{kind}", fromlist=["x"])
    engine = getattr(module, ENGINES[kind])()
    store = engine.build(str(folder), Hashed(), METRICS.get(kind, "cosine"), DIM)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        store.add_texts([f"{name} 0" for name in part], [{"page": 0}] * len(part), ids=part)

    def add_again(name: str, text: str) -> None:
        if kind in ("lancedb", "faiss"):  # which do not replace a document of the same id
            store.delete([name])
        store.add_texts([text], [{"page": 1}], ids=[name])

    def texts() -> dict[str, str]:
        if kind == "qdrant":
            points, _ = store.client.scroll("docs", limit=2 * DOCS)
            return {str(point.id): point.payload["page_content"] for point in points}
        return {name: text for name, (text, _) in engine.payloads(store).items()}

    return Shelf(adapter_of(store), add_again, texts)


def of_llama_index(ids: list[str]) -> Shelf:
    """LlamaIndex's SimpleVectorStore in an index."""
    from llama_index.core import MockEmbedding, VectorStoreIndex
    from llama_index.core.schema import TextNode

    from nudge_integrations.stores.simple import SimpleAdapter

    def node(name: str, text: str) -> TextNode:
        return TextNode(id_=name, text=text, embedding=Hashed().embed_query(text))

    index = VectorStoreIndex([node(name, f"{name} 0") for name in ids], embed_model=MockEmbedding(DIM))

    def add_again(name: str, text: str) -> None:
        index.delete_nodes([name], delete_from_docstore=True)
        index.insert_nodes([node(name, text)])

    return Shelf(
        SimpleAdapter.of_llama_index(index),
        add_again,
        lambda: {name: index.docstore.get_node(name).text for name in ids},
    )


def measure(kind: str, count: int) -> dict[str, Any]:
    """Move and put back until `count` documents were added again during writes."""
    ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))) for i in range(DOCS)]
    with TemporaryDirectory() as folder:
        shelf = of_llama_index(ids) if kind == "simple" else of_langchain(kind, Path(folder, "store"), ids)
        adapter, found = shelf.adapter, Counter[str]()
        about = {"kind": adapter.kind, "fingerprint": "this", "dim": DIM, "dtype": adapter.dtype}
        journal, last = Journal(Path(folder, "journal.sqlite"), **about), {name: f"{name} 0" for name in ids}
        writing, over, rng = threading.Event(), threading.Event(), np.random.default_rng(0)
        one_at_a_time = threading.Lock()  # whoever adds, and whoever checks
        writer_seconds = 0.0

        def others() -> None:
            while not over.is_set():
                if not writing.wait(0.1):
                    continue
                time.sleep(float(rng.exponential(PAUSES.get(kind, 0.01))))
                name = ids[int(rng.integers(DOCS))]
                if not (during := writing.is_set()):
                    continue
                text = f"{name} {int(last[name].split()[1]) + 1}"
                with one_at_a_time:
                    try:
                        shelf.add_again(name, text)
                    except Exception as error:  # noqa: BLE001
                        found[f"could not be added: {type(error).__name__}"] += 1
                        continue
                    last[name] = text
                found["added again"] += during

        def one(run: Callable[[], Outcome]) -> Outcome:
            nonlocal writer_seconds
            started = time.perf_counter()
            writing.set()
            try:
                return run()
            except NudgeError as error:
                found[f"runs that failed: {type(error).__name__}"] += 1
                print(kind, error, file=sys.stderr)
                return again()
            finally:
                writing.clear()
                writer_seconds += time.perf_counter() - started

        def again() -> Outcome:
            writing.clear()
            time.sleep(0.5)  # whoever is adding a document ends
            return recover(adapter, journal, "finish", progress=False)

        thread = threading.Thread(target=others)
        thread.start()
        try:
            while found["added again"] < count:
                now = survey(adapter, journal).originals
                held = {name: now.get(name, vector) for name, vector in adapter.fetch(ids).items()}
                old = np.stack(list(held.values())).astype(np.float32)
                names, new = list(held), moved(old)
                for run in (
                    lambda: write(adapter, journal, names, new, origins=old, progress=False),  # noqa: B023
                    lambda: restore(adapter, journal, progress=False),
                ):
                    outcome = one(run)
                    with one_at_a_time:
                        check(shelf, last, outcome, found)
                    found["runs"] += 1
        finally:
            over.set()
            thread.join()
    return {"store": NAMES[kind], "documents": DOCS, "seconds": round(writer_seconds, 1), **found}


def moved(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each turned by some twenty degrees, the same for the same vector."""
    turned = vectors + 0.35 * np.roll(vectors, 1, axis=1)
    return (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float32)  # type: ignore[no-any-return]


def check(shelf: Shelf, last: dict[str, str], outcome: Outcome, found: Counter[str]) -> None:
    """Count documents whose vector is not one of their text, and those that do not hold the text that was added last."""
    texts, held = shelf.texts(), shelf.adapter.fetch(list(last))
    told = {*outcome.overwritten}
    for name, text in last.items():
        own = np.asarray(Hashed().embed_query(texts.get(name, "")))
        vector = held.get(name)
        if vector is None or name not in texts:
            found["gone"] += 1
        elif texts[name] != text:
            found["old text back"] += 1
        elif float(vector.astype(np.float64) @ own) < 0.7:
            found["wrong and told" if name in told else "silently wrong"] += 1
        else:
            found["told, but right"] += name in told
            continue
        shelf.add_again(name, text)


def table(figures: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "| store | added again while vectors were written | silently wrong | noticed and listed | an older text is back |",
        "|---|--:|--:|--:|--:|",
    ]
    for row in figures["stores"].values():
        told = [row.get(key, 0) for key in ("added again", "silently wrong", "wrong and told", "old text back")]
        lines.append(f"| {row['store']} | {' | '.join(f'{figure:,}' for figure in told)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure each store in a process of its own, as some of them crash when two threads write to them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", default=STORES)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.table:
        print(table(json.loads(RESULTS.read_text())))
        return
    if given.here:
        print(json.dumps(measure(given.stores[0], given.count)))
        return
    results = json.loads(RESULTS.read_text())["stores"] if RESULTS.exists() else {}
    for kind in given.stores:
        command = [sys.executable, __file__, kind, "--here", "--count", str(given.count)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        crashed = {"store": NAMES[kind], "crashed": done.returncode}
        results[kind] = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else crashed
        print(results[kind], flush=True)
        ordered = {kind: results[kind] for kind in STORES if kind in results}
        RESULTS.write_text(json.dumps({"stores": ordered}, indent=1) + "\n")


if __name__ == "__main__":
    main()

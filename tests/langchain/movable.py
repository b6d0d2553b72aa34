"""Collections that can be moved: stores in a folder or a database, copied as people copy them; and the documents of the shared sample in them."""

import shutil
import subprocess
import uuid
from pathlib import Path

import lancedb
import numpy as np
from engines.chroma import Chroma, chromadb
from engines.lancedb import LanceDB
from engines.milvus import PATIENT, Milvus, server_manager_instance
from engines.pgvector import PGVector, rows, server, sync_engine
from langchain_qdrant import QdrantVectorStore
from qdrant_client import QdrantClient, models
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from nudge_integrations.stores import adapter_of


def ids(count=60):
    return [str(uuid.uuid5(uuid.NAMESPACE_URL, str(i))) for i in range(count)]


class Place:
    """A folder for a store; `copy` gives another one with a copy of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def close(self, store) -> None:
        """Let go of the files."""

    def copy(self, folder: Path, store) -> "Place":
        self.close(store)
        shutil.copytree(self.folder, folder)
        return type(self)(folder)

    def fill(self, store, X) -> None:
        names = ids(len(X))
        store.add_texts([f"text {i}" for i in range(len(X))], [{"page": i} for i in range(len(X))], ids=names)


class Lance(Place):
    def open(self, embedding):
        return LanceDB(lancedb.connect(self.folder), embedding, table_name="docs", mode="append")

    def drop(self, store):
        store._connection.drop_table("docs")


class InChroma(Place):
    def open(self, embedding):
        return Chroma("docs", embedding, client=chromadb.PersistentClient(str(self.folder)))

    def close(self, store):
        store._client.close()

    def drop(self, store):
        store._client.delete_collection("docs")


class Qdrant(Place):
    def open(self, embedding):
        client = QdrantClient(path=str(self.folder))
        if not client.collection_exists("docs"):
            client.create_collection("docs", vectors_config=models.VectorParams(size=8, distance="Cosine"))
        return QdrantVectorStore(client, "docs", embedding)

    def close(self, store):
        store.client.close()

    def drop(self, store):
        store.client.delete_collection("docs")
        store.client.close()


class MilvusLite(Place):
    def open(self, embedding):
        index = {"index_type": "AUTOINDEX", "metric_type": "COSINE", "params": {}}
        where = {"uri": str(self.folder / "docs.db"), **PATIENT}
        return Milvus(embedding, "docs", connection_args=where, index_params=index, enable_dynamic_field=True)

    def close(self, store):
        store.client.close()
        server_manager_instance.release_server(str(self.folder / "docs.db"))

    def drop(self, store):
        store.client.drop_collection("docs")


class Postgres(Place):
    """A database, dumped and loaded under another name."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        super().__init__(folder)
        self.database = database or f"d_{uuid.uuid4().hex}"
        if database is None:
            self.make(self.database)

    @staticmethod
    def make(name: str) -> None:
        with sync_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as c:
            c.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")

    def uri(self, driver=None):
        return server().get_uri(database=self.database, driver=driver)

    def open(self, embedding):
        engine = create_engine(self.uri("psycopg"), poolclass=NullPool)
        return PGVector(embedding, connection=engine, distance_strategy="cosine")

    def copy(self, folder: Path, store) -> "Place":
        tools = Path(rows("SELECT setting FROM pg_config WHERE name = 'BINDIR'")[0][0])
        other = f"d_{uuid.uuid4().hex}"
        self.make(other)
        dump = subprocess.run([tools / "pg_dump", self.uri()], check=False, capture_output=True)
        assert not dump.returncode, dump.stderr
        target = type(self)(folder, other)
        subprocess.run([tools / "psql", "-q", "-v", "ON_ERROR_STOP=1", target.uri()], input=dump.stdout, check=True)
        return target

    def drop(self, store):
        store.delete_collection()
        store.create_collection()


PLACES = (Lance, InChroma, Qdrant, MilvusLite, Postgres)
MARKED = (Lance, Qdrant, MilvusLite, Postgres)


def held(store) -> dict[str, bytes]:
    """What the store holds, to the last bit."""
    pages = list(adapter_of(store).walk(100))
    return {name: vector.tobytes() for names, part in pages for name, vector in zip(names, part, strict=True)}


def vectors(store) -> np.ndarray:
    return adapter_of(store).read(ids())

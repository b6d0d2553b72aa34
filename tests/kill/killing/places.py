"""A place for each store: where its collection and its journal lie, and how they are kept and brought back as they were.

It is the same place all the time, as some stores are known by it. Collections are opened in child processes only.
"""

import shutil
import time
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from langchain_core.vectorstores import VectorStore

from killing.documents import DIM, IDS, METADATAS, TEXTS, Known
from nudge_integrations.stores import save_folder, saved_folder


class Place:
    """A folder in which "now" holds the store and the journal, beside copies of earlier states."""

    indexed: ClassVar[bool] = False  # an index of LlamaIndex
    engine: ClassVar[str]  # what reads texts and metadata past every adapter
    # constants of the adapter's module, so small here that a write is of several pieces
    pieces: ClassVar[dict[str, int]] = {}
    always: ClassVar[str | None] = None
    """The journal, where that is no file beside the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now, self.files, self.home = folder / "now", folder / "now" / "store", folder / "now" / "home"
        self.files.mkdir(parents=True)

    @property
    def journal(self) -> Path:
        """The journal that there is, or else where one may be made."""
        return next((self.home / "journals").glob("*.sqlite"), self.now / "given.sqlite")

    def keep(self, state: str) -> None:
        """Copy what there is now."""
        shutil.copytree(self.now, self.folder / state, symlinks=True)

    def bring_back(self, state: str) -> None:
        """Put a copy of what was kept in the place of what there is now."""
        shutil.rmtree(self.now)
        shutil.copytree(self.folder / state, self.now, symlinks=True)

    def make(self) -> None:
        """A collection with documents, added as a user adds them."""
        store = self.open()
        store.add_texts(TEXTS, METADATAS, ids=IDS)
        self.save(store)

    def open(self) -> VectorStore:
        """The collection as after a restart."""
        raise NotImplementedError

    def save(self, store: VectorStore) -> None:
        """Put on disk what lives in memory."""

    def wait(self) -> None:
        """Until the dead process has no part in the collection any more."""

    def helper(self) -> Any:
        module, name = self.engine.split(".")
        return getattr(import_module(f"engines.{module}"), name)()


class ChromaPlace(Place):
    """The documents lie in its index on disk, and what is changed then in its log, which it works into the index every thousand changes.

    No run here gets so far: Chroma writes the index in place, so that whoever is killed in that moment, whatever for, leaves a collection that
    it cannot open.
    """

    engine, pieces = "chroma.ChromaEngine", {"_PAGE": 5}

    def make(self) -> None:
        index = {"space": "cosine", "batch_size": 5, "sync_threshold": 10}
        store = self.helper().open(self.files, Known(), "docs", {"hnsw": index})
        store.add_texts(TEXTS, METADATAS, ids=IDS)
        assert list(self.files.glob("*/index_metadata.pickle"))
        store._collection.modify(configuration={"hnsw": {"sync_threshold": 1000}})

    def open(self) -> VectorStore:
        return self.helper().open(self.files, Known(), "docs")


class LanceDBPlace(Place):
    engine = "lancedb.LanceDBEngine"

    def open(self) -> VectorStore:
        return self.helper().build(str(self.files), Known(), "l2", DIM)


class FAISSPlace(Place):
    """On disk is what was saved last, all of it."""

    engine = "faiss.FaissEngine"

    def open(self) -> VectorStore:
        saved = Path(saved_folder(self.files / "last"))
        if not saved.exists():
            return self.helper().build(self.files, Known(), "dot", DIM)
        from langchain_community.vectorstores import FAISS

        return FAISS.load_local(str(saved), Known(), allow_dangerous_deserialization=True)

    def save(self, store: VectorStore) -> None:
        save_folder(store.save_local, self.files / "last")


class SimplePlace(Place):
    """LlamaIndex's SimpleVectorStore in an index: on disk is what was persisted last."""

    engine, indexed = "simple.SimpleVectorStore", True

    def open(self) -> Any:
        from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
        from llama_index.core.schema import TextNode

        saved, model = saved_folder(self.files / "last"), _model()
        if Path(saved).exists():
            return load_index_from_storage(StorageContext.from_defaults(persist_dir=saved), embed_model=model)
        rows = zip(IDS, TEXTS, METADATAS, Known().embed_documents(TEXTS), strict=True)
        nodes = [TextNode(id_=name, text=text, metadata=about, embedding=row) for name, text, about, row in rows]
        return VectorStoreIndex(nodes, embed_model=model)

    def make(self) -> None:
        self.save(self.open())

    def save(self, store: Any) -> None:
        save_folder(store.storage_context.persist, self.files / "last")

    def helper(self) -> Any:
        return self

    def payloads(self, index: Any) -> dict[str, tuple[str, dict]]:
        return {name: (node.text, node.metadata) for name, node in index.docstore.docs.items()}


def _model() -> Any:
    from llama_index.core.embeddings import BaseEmbedding

    class Model(BaseEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            return Known().embed_query(query)

        _get_text_embedding = _get_query_embedding

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return Known().embed_query(query)

    return Model(model_name="known")


_CLIENTS: dict[str, Any] = {}  # of this process, as a folder is opened once


class QdrantPlace(Place):
    """A folder, in local mode; by dot product, as it changes the last bits of cosine collections whenever it is opened."""

    engine = "qdrant.QdrantEngine"

    def make(self) -> None:
        from qdrant_client import QdrantClient, models

        client = QdrantClient(path=str(self.files))
        client.create_collection("docs", models.VectorParams(size=DIM, distance=models.Distance.DOT))
        client.close()
        super().make()

    def open(self) -> VectorStore:
        from qdrant_client import QdrantClient

        if str(self.files) not in _CLIENTS:
            _CLIENTS[str(self.files)] = QdrantClient(path=str(self.files))
        return self.helper().open(_CLIENTS[str(self.files)], Known(), "dot")


class MilvusPlace(Place):
    """A file of Milvus Lite, whose server is a thread of the process that is killed."""

    engine = "milvus.MilvusEngine"

    def open(self) -> VectorStore:
        from langchain_milvus import Milvus

        index = {"index_type": "AUTOINDEX", "metric_type": "COSINE", "params": {}}
        uri = {"uri": str(self.files / "docs.db")}
        return Milvus(Known(), "docs", connection_args=uri, index_params=index, enable_dynamic_field=True)


COMMENT = (
    "SELECT col_description(attrelid, attnum) FROM pg_attribute "
    "WHERE attrelid = 'langchain_pg_embedding'\\:\\:regclass AND attname = 'embedding'"
)
"""Which keeps the id of the journal."""


class PGVectorPlace(Place):
    """A schema, in a server that nobody kills; what it holds is kept in other tables of the schema."""

    engine, pieces = "pgvector.PGVectorEngine", {"_ROWS": 10}

    def __init__(self, folder: Path, uri: str, schema: str) -> None:
        super().__init__(folder)
        self.uri, self.schema = uri, schema

    def connections(self, name: str) -> Any:
        from sqlalchemy import NullPool, create_engine

        connect = {"options": f"-csearch_path={self.schema},public", "application_name": name}
        return create_engine(self.uri, poolclass=NullPool, connect_args=connect)

    def sql(self, *statements: str) -> list:
        from sqlalchemy import text

        with self.connections("").begin() as c:
            results = [c.execute(text(one)) for one in statements]
            return results[-1].all() if results[-1].returns_rows else []

    def open(self) -> VectorStore:
        from langchain_postgres import PGVector

        return PGVector(Known(), connection=self.connections(self.schema))

    def keep(self, state: str) -> None:
        super().keep(state)
        self.sql(f"CREATE TABLE {state} AS TABLE langchain_pg_embedding")
        self.comments = {**getattr(self, "comments", {}), state: self.sql(COMMENT)[0][0]}

    def bring_back(self, state: str) -> None:
        super().bring_back(state)
        self.sql("DELETE FROM langchain_pg_embedding", f"INSERT INTO langchain_pg_embedding TABLE {state}")
        said = "NULL" if self.comments[state] is None else f"'{self.comments[state]}'"
        self.sql(f"COMMENT ON COLUMN langchain_pg_embedding.embedding IS {said}")

    def wait(self) -> None:
        """The server may learn only later that its client is dead, and ends what it was told before."""
        query = f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{self.schema}'"
        deadline = time.monotonic() + 30
        while self.sql(query):
            assert time.monotonic() < deadline, "a dead client's connection stays open"
            time.sleep(0.005)


class PGVectorInStorePlace(PGVectorPlace):
    """The journal is in the database of the vectors, which is kept as a whole: states are databases."""

    always = "store"

    def __init__(self, folder: Path, uri: str, database: str) -> None:
        Place.__init__(self, folder)
        self.admin, self.schema = uri, database
        self.uri = uri.replace("/postgres?", f"/{database}?")
        self._tell(f"CREATE DATABASE {database} TEMPLATE template0")
        self.sql("CREATE EXTENSION vector")

    @property
    def journal(self) -> str:
        return "store"

    def connections(self, name: str) -> Any:
        from sqlalchemy import NullPool, create_engine

        return create_engine(self.uri, poolclass=NullPool, connect_args={"application_name": name})

    def _tell(self, *statements: str) -> None:
        from sqlalchemy import NullPool, create_engine

        engine = create_engine(self.admin, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as c:
            for one in statements:
                c.exec_driver_sql(one)

    def keep(self, state: str) -> None:
        Place.keep(self, state)
        self._tell(f"CREATE DATABASE {self.schema}_{state} TEMPLATE {self.schema}")

    def bring_back(self, state: str) -> None:
        Place.bring_back(self, state)
        self._tell(
            f"DROP DATABASE {self.schema} WITH (FORCE)",
            f"CREATE DATABASE {self.schema} TEMPLATE {self.schema}_{state}",
        )

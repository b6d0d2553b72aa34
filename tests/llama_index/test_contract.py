"""Every vector store of LlamaIndex passes the contract of all stores, and is refused where it cannot be served."""

from llama_engines import (
    ChromaEngine,
    FaissEngine,
    FaissMapEngine,
    LanceDBEngine,
    PGHalfvecEngine,
    PGVectorEngine,
    QdrantEngine,
    SimpleEngine,
)

from nudge_integrations.testing import StoreContract


class TestSimple(SimpleEngine, StoreContract):
    pass


class TestChroma(ChromaEngine, StoreContract):
    metrics = ("cosine",)


class TestQdrant(QdrantEngine, StoreContract):
    metrics = ("cosine",)


class TestFaiss(FaissEngine, StoreContract):
    pass


class TestFaissMap(FaissMapEngine, StoreContract):
    metrics = ("dot",)


class TestLanceDB(LanceDBEngine, StoreContract):
    pass


class TestPGVector(PGVectorEngine, StoreContract):
    pass


class TestPGHalfvec(PGHalfvecEngine, StoreContract):
    pass

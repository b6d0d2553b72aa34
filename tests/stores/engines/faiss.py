"""LangChain's FAISS with the kinds of index that hold vectors as they are."""

import warnings

import faiss
import numpy as np
from langchain_core.documents import Document

from .base import Engine, Lookup

with warnings.catch_warnings():  # it announces its own end when it is imported
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    from langchain_community.docstore.in_memory import InMemoryDocstore
    from langchain_community.vectorstores import FAISS

METRICS = {"dot": faiss.METRIC_INNER_PRODUCT, "l2": faiss.METRIC_L2}


class FaissEngine(Engine):
    """A flat index."""

    metrics = tuple(METRICS)

    def index(self, metric, dim):
        return faiss.IndexFlat(dim, METRICS[metric])

    def build(self, folder, embedding, metric, dim):
        return FAISS(embedding, self.index(metric, dim), InMemoryDocstore(), {})

    def reopen(self, folder, metric, store):
        store.save_local(str(folder))
        return FAISS.load_local(str(folder), store.embeddings, allow_dangerous_deserialization=True)

    def payloads(self, store):
        return {name: (document.page_content, document.metadata) for name, document in store.docstore._dict.items()}


class FaissHNSWEngine(FaissEngine):
    """A graph."""

    def index(self, metric, dim):
        return faiss.IndexHNSWFlat(dim, 16, METRICS[metric])


class FaissIVFEngine(FaissEngine):
    """Lists around four centres, all of which are searched."""

    def index(self, metric, dim):
        index = faiss.IndexIVFFlat(faiss.IndexFlat(dim, METRICS[metric]), dim, 4, METRICS[metric])
        index.train(np.random.default_rng(0).normal(size=(200, dim)).astype(np.float32))
        index.nprobe = 4
        return index


class FaissIDMapEngine(FaissEngine):
    """Labels that are not positions, which LangChain itself never makes."""

    def index(self, metric, dim):
        return faiss.IndexIDMap2(faiss.IndexFlat(dim, METRICS[metric]))

    def make(self, folder, metric, ids, vectors, texts, metadatas):
        labels = np.random.default_rng(0).permutation(10**12 + 7 * np.arange(len(ids)))
        index = self.index(metric, vectors.shape[1])
        index.add_with_ids(vectors.astype(np.float32), labels)
        rows = zip(ids, texts, metadatas, strict=True)
        documents = {name: Document(id=name, page_content=text, metadata=data) for name, text, data in rows}
        embedding = Lookup({}, vectors.shape[1])
        return FAISS(embedding, index, InMemoryDocstore(documents), dict(zip(labels.tolist(), ids, strict=True)))

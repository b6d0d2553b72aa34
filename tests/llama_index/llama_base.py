"""What every test needs of an index, whatever its vector store is."""

from pathlib import Path

import numpy as np
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import TextNode

from nudge_integrations.stores.registry import adapter_of_index


class Known(BaseEmbedding):
    """Known vectors for known texts, questions and documents alike; the text of a node is what stands last in it."""

    known: dict[str, list[float]]

    def _get_text_embedding(self, text: str) -> list[float]:
        if "answers the question" in text:
            return np.eye(len(next(iter(self.known.values()))))[0].tolist()
        return self.known[text.split("\n\n")[-1]]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class Engine:
    """The hooks of StoreContract for an index, and `build` for tests that bring their own nodes and model."""

    metrics = ("cosine",)
    keeps_length = True

    def open(self, folder: Path, metric: str, dim: int, old=None):
        """The vector store; that of an older index, opened anew."""
        raise NotImplementedError

    def build(self, folder, nodes, embed_model, metric=None):
        """An index that holds these nodes, embedded by the model if they are not yet."""
        dim = len(embed_model.get_text_embedding(nodes[0].get_content()))
        context = StorageContext.from_defaults(vector_store=self.open(folder, metric or self.metrics[0], dim))
        return VectorStoreIndex(nodes, storage_context=context, embed_model=embed_model)

    def make(self, folder, metric, ids, vectors, texts, metadatas):
        model = Known(known=dict(zip(texts, vectors.tolist(), strict=True)))
        nodes = [TextNode(id_=i, text=t, metadata=m) for i, t, m in zip(ids, texts, metadatas, strict=True)]
        return self.build(folder, nodes, model, metric)

    def reopen(self, folder, metric, index):
        store = self.open(folder, metric, 0, index.vector_store)
        return VectorStoreIndex.from_vector_store(store, embed_model=index._embed_model)

    def adapt(self, index):
        return adapter_of_index(index)

    def payloads(self, index):
        return {name: (node.text, node.metadata) for name, node in index.docstore.docs.items()}

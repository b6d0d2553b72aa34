"""A LlamaIndex embedding object as what embeds questions."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.base.embeddings.base import BaseEmbedding


class LlamaIndexEmbedder:
    """Questions by `get_query_embedding`, as a retriever embeds them; in batches by `get_text_embedding_batch` where that gives the same."""

    def __init__(self, embedding: BaseEmbedding) -> None:
        self.embedding = embedding

    @property
    def name(self) -> str:
        """Class and model."""
        model = self.embedding.model_name
        return f"{type(self.embedding).__qualname__}({'' if model == 'unknown' else model})"

    def query(self, text: str) -> Sequence[float]:
        """The vector of one question."""
        return self.embedding.get_query_embedding(text)

    def texts(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """The vectors of many texts, as documents.

        An `embeddings_cache` keeps questions and documents under the text alone, so that asking for the one would spoil the other.
        """
        if self.embedding.embeddings_cache is not None:
            return [self.query(text) for text in texts]
        return self.embedding.get_text_embedding_batch(list(texts))

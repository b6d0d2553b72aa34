"""What embeds questions in a LangChain store."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.embeddings import Embeddings

from nudge_integrations.collection.asking import Requests

NAMES = ("model", "model_name", "model_id", "deployment", "repo_id")


class LangChainEmbedder:
    """Questions by `embed_query`, as a search embeds them; in batches by `embed_documents` where that gives the same."""

    def __init__(self, embedding: Embeddings, requests: Requests | None = None) -> None:
        self.embedding, self.requests = embedding, requests or Requests()

    @property
    def name(self) -> str:
        """Class and model."""
        model = next((value for key in NAMES if isinstance(value := getattr(self.embedding, key, None), str)), "")
        return f"{type(self.embedding).__qualname__}({model})"

    def query(self, text: str) -> Sequence[float]:
        """The vector of one question."""
        return self.embedding.embed_query(text)

    def texts(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """The vectors of many texts, as documents."""
        return self.embedding.embed_documents(list(texts))

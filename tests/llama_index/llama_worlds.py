"""World: a labelled collection in an index, and the same vectors and questions in numpy to compare with."""

from functools import cached_property
from pathlib import Path

import numpy as np
from llama_base import Engine, Known
from llama_index.core.schema import TextNode

from nudge_core import QuerySet
from nudge_integrations.stores.registry import adapter_of_index


class World:
    """Nodes of the shared sample, and questions as texts that the model knows.

    Attributes:
        index: They are in here.
        ids: Their ids, in the order of `X`.
        X: (nodes, dim) float32 the vectors that they had.
        model: What embeds them and the questions.
    """

    def __init__(self, sample, engine: Engine, folder: Path) -> None:
        self.sample, self.engine, self.folder, self.X = sample, engine, folder, sample.X
        folder.mkdir(exist_ok=True)
        count = len(self.X)
        self.ids = engine.ids(count) if hasattr(engine, "ids") else [f"node {i}" for i in range(count)]
        known = {f"text {i}": vector.tolist() for i, vector in enumerate(self.X)}
        for split in ("train", "validation", "test"):
            part = getattr(sample, split)
            known |= {f"{name}?": vector.tolist() for name, vector in zip(part.ids, part.embeddings, strict=True)}
        self.model = Known(known=known)

    @property
    def nodes(self) -> list[TextNode]:
        """The nodes, not embedded."""
        return [TextNode(id_=name, text=f"text {i}", metadata={"page": i}) for i, name in enumerate(self.ids)]

    @cached_property
    def index(self):
        """The index."""
        return self.engine.build(self.folder, self.nodes, self.model)

    def queries(self, split: str, names: bool = False) -> QuerySet:
        """The questions of a split as vectors; with row numbers, or with ids."""
        part = getattr(self.sample, split)
        relevant = [
            {self.ids[row] if names else row: grade for row, grade in part.relevance[i].items()}
            for i in range(len(part))
        ]
        return QuerySet(
            part.embeddings, relevant, ids=[f"{name}?" for name in part.ids], texts=[f"{name}?" for name in part.ids]
        )

    def pairs(self, split: str = "train") -> list[tuple[str, list[str]]]:
        """The questions of a split as texts."""
        part = self.queries(split, names=True)
        return [(text, list(part.relevance[i])) for i, text in enumerate(part.texts)]

    def vectors(self, index=None) -> np.ndarray:
        """(nodes, dim) what the store holds."""
        return adapter_of_index(index or self.index).read(self.ids)


def found(retriever, pairs) -> list[list[str]]:
    """What a retriever finds for each question."""
    return [[hit.node.node_id for hit in retriever.retrieve(text)] for text, _ in pairs]


def nearest(world: World, vectors: np.ndarray, split: str = "test", k: int = 5) -> list[list[str]]:
    """What an exact search among these vectors finds, by cosine."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = world.queries(split).embeddings.numpy() @ unit.T
    return [[world.ids[i] for i in np.argsort(-row)[:k]] for row in scores]

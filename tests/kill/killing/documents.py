"""Documents and two sets of questions, so small that a run takes moments, and such that moving the documents helps the questions."""

import hashlib
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from langchain_core.embeddings import Embeddings

DIM = 8
IDS = [str(uuid5(NAMESPACE_URL, f"doc-{i:02}")) for i in range(30)]  # the only texts that Qdrant takes
TEXTS = [f"text of {name}" for name in IDS]
METADATAS = [{"page": i, "source": f"file-{i % 3}"} for i in range(30)]
FIRST, SECOND = range(24), range(8, 30)  # the documents that each set of questions is about: 16 in common


class Known(Embeddings):
    """Documents in random directions; questions about a document between its direction and another one, which is the same for all of them."""

    def embed_query(self, text: str) -> list[float]:
        kind, _, rest = text.partition(" ")
        if kind != "question":
            return unit(random(text)).tolist()
        number, name, set_name = rest.split(" ")
        mean = unit(random(f"text of {name}")) + unit(random(f"{set_name} of {name}"))
        return unit(mean + 0.1 * random(text)).tolist()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


def random(text: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=DIM)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def questions(which: str, numbers: range) -> list[tuple[str, list[str]]]:
    """Pairs (text, ids): so many questions about each document of the set."""
    about = FIRST if which == "first" else SECOND
    return [(f"question {n} {IDS[i]} {which}", [IDS[i]]) for n in numbers for i in about]

"""Labelled sets as the accuracy benchmarks use them: any folder in BEIR form, with vectors beside it or made here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core import QuerySet, evaluate
from nudge_integrations.embeddings import BUNDLED, FILE, Embeddings, embed, load_embeddings, load_model
from nudge_integrations.labels import LabelledData, read_beir

TFIDF = "TF-IDF"
MEASURES = ("nDCG@10", "CR@10", "Success@1")


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Vectors of unit length and questions whose documents are named by row.

    Attributes:
        data: The texts and judgements.
        X: (docs, dim) float32.
        train: Training questions.
        validation: Validation questions.
        test: Test questions.
    """

    data: LabelledData
    X: NDArray[np.float32]
    train: QuerySet
    validation: QuerySet
    test: QuerySet

    @property
    def learned(self) -> QuerySet:
        """Training and validation questions together."""
        return self.train + self.validation

    def sample(self, share: float, seed: int) -> LabelledSet:
        """The same set with a share of the training and of the validation questions, at least two of each."""
        generator = np.random.default_rng(seed)

        def part(queries: QuerySet) -> QuerySet:
            count = min(len(queries), max(2, round(share * len(queries))))
            return queries.take(np.sort(generator.permutation(len(queries))[:count]))

        return replace(self, train=part(self.train), validation=part(self.validation))

    def measure(self, X: NDArray[Any], learned: QuerySet | None = None, test: QuerySet | None = None) -> dict[str, Any]:
        """Means on the test questions, from 0 to 100.

        Args:
            X: The documents after fine-tuning.
            learned: What tells seen from unseen test questions; all training and validation questions if not given.
            test: The test questions, where they too have new vectors.
        """
        found = evaluate(X, test or self.test, MEASURES, train=learned or self.learned, metric="dot", progress=False)
        figures: dict[str, Any] = {measure: round(100 * found.mean(measure), 2) for measure in MEASURES}
        for subset in ("seen", "unseen"):
            count = int(found.subset(subset).sum())
            score = round(100 * found.mean("nDCG@10", subset), 2) if count else None
            figures[subset] = {"questions": count, "nDCG@10": score}
        return figures

    def describe(self) -> dict[str, Any]:
        """How large the set is."""
        return {"documents": len(self.X), "questions": [len(part) for part in (self.train, self.validation, self.test)]}


def load(folder: Path, embedding: str = BUNDLED) -> LabelledSet:
    """Read a folder in BEIR form with train and test judgements.

    Args:
        folder: Holds corpus.jsonl, queries.jsonl and qrels/. Where dev.tsv is absent, an eighth of the training questions validate. Where
            embeddings.npz is absent, the vectors of all-MiniLM-L6-v2 are made here.
        embedding: all-MiniLM-L6-v2, or TF-IDF, made by `tfidf`.
    """
    data = read_beir(folder)
    if embedding == TFIDF:
        vectors = tfidf(data)
    elif (folder / FILE).is_file():
        vectors = load_embeddings(data)
    else:
        vectors = embed(data, load_model(BUNDLED), BUNDLED)
    splits = {split: vectors.corpus.by_row(vectors.query_set(data, split, "skip")) for split in data.qrels}
    if "dev" not in splits:
        splits["train"], splits["dev"] = splits["train"].split(7 / 8)
    return LabelledSet(data, vectors.documents, splits["train"], splits["dev"], splits["test"])


def tfidf(data: LabelledData, dimensions: int = 384) -> Embeddings:
    """TF-IDF of the documents, reduced by a truncated SVD: an embedding that knows nothing but the corpus.

    A question none of whose words the corpus holds gets the mean direction of the documents.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts, questions = list(data.documents.values()), list(data.queries.values())
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    counts = words.fit_transform(texts)
    svd = TruncatedSVD(min(dimensions, min(counts.shape) - 1), random_state=0)
    documents, queries = svd.fit_transform(counts), svd.transform(words.transform(questions))
    mean = documents.mean(0)
    ids = (np.asarray(list(part), dtype=object) for part in (data.documents, data.queries))
    return Embeddings(_unit(documents, mean), _unit(queries, mean), *ids, TFIDF)


def _unit(vectors: NDArray[Any], otherwise: NDArray[Any]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.where(lengths > 1e-6, vectors, otherwise)
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit

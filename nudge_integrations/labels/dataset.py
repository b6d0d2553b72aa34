"""LabelledData: documents, questions and judgements as texts and ids, whatever form they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nudge_core.errors import FileFormatError, UnknownIdError, first_few

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, eq=False)
class LabelledData:
    """A labelled retrieval set.

    Attributes:
        name: What it is called in messages.
        documents: {document id: text}, in row order.
        queries: {question id: text}.
        qrels: For each split {question id: {document id: grade}}.
        home: The folder where its embeddings are kept.
    """

    name: str
    documents: Mapping[str, str]
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, Mapping[str, float]]]
    home: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        """Check that judgements speak of known questions and documents.

        Raises:
            FileFormatError: No documents, or no judgements.
            UnknownIdError: A judgement names an unknown question or document.
        """
        if not self.documents:
            raise FileFormatError(f"{self.name} holds no documents: add lines to corpus.jsonl")
        if not any(self.qrels.values()):
            raise FileFormatError(
                f"{self.name} holds no judgements: add qrels/train.tsv, qrels/dev.tsv or qrels/test.tsv"
            )
        for split, judged in self.qrels.items():
            documents = (name for grades in judged.values() for name in grades)
            for what, named, known, file in (
                ("questions", judged, self.queries, "queries.jsonl"),
                ("documents", documents, self.documents, "corpus.jsonl"),
            ):
                unknown = dict.fromkeys(name for name in named if name not in known)
                if unknown:
                    raise UnknownIdError(
                        f"the {split} judgements of {self.name} name {len(unknown)} unknown {what}: {first_few(unknown)}. "
                        f"Add them to {file}, or take the lines out"
                    )

    def __repr__(self) -> str:
        counts = ", ".join(f"{split} {len(judged)}" for split, judged in self.qrels.items())
        return f"LabelledData({self.name}: {len(self.documents)} documents, questions: {counts})"

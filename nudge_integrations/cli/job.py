"""The job of the command line: from a labelled set and its vectors to question sets and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nudge_core import Evaluation, Nudge, QuerySet, evaluate
from nudge_core.evaluation import Comparison
from nudge_integrations.cli.output import err, say
from nudge_integrations.embeddings import Embeddings, load_embeddings
from nudge_integrations.labels import LabelledData, read_data

MEASURES = ("nDCG@10", "R@10", "CR@10", "RR@10", "Success@1")


@dataclass(frozen=True, eq=False)
class Job:
    """A labelled set with its vectors.

    Attributes:
        data: Documents, questions and judgements.
        vectors: Their embeddings.
        measures: What to report.
        on_empty: What to do with questions that nothing is relevant to.
    """

    data: LabelledData
    vectors: Embeddings
    measures: Sequence[str]
    on_empty: Literal["error", "skip"]

    @classmethod
    def open(cls, data: str, embeddings: Path | None, measures: Sequence[str] | None, skip_empty: bool) -> Job:
        """Read a folder in BEIR form or hf:NAME, and its vectors."""
        labelled = read_data(data)
        return cls(
            labelled, load_embeddings(labelled, embeddings), measures or MEASURES, "skip" if skip_empty else "error"
        )

    @property
    def has_test(self) -> bool:
        """Whether there are test questions."""
        return bool(self.data.qrels.get("test"))

    def training(self, needs_validation: bool) -> tuple[QuerySet, QuerySet | None]:
        """Training and validation questions; a fifth of the former serve as the latter where those are needed and absent."""
        train = self._questions("train")
        if self.data.qrels.get("dev"):
            return train, self._questions("dev")
        if not needs_validation:
            return train, None
        say(
            "No validation questions (qrels/dev.tsv): a fifth of the training questions is held out for validation.",
            err,
        )
        return train.split(0.8)

    def evaluate(self, tuned: Nudge | None) -> Evaluation:
        """The test questions, ranked with moved vectors or with the original ones."""
        learned = [
            split
            for split in ("train", "dev")
            if self.data.qrels.get(split) and (split == "train" or (tuned and tuned.refit))
        ]
        train = (
            QuerySet.concat(self.vectors.query_set(self.data, split, "skip") for split in learned) if learned else None
        )
        return evaluate(self.vectors.corpus, self._questions("test"), self.measures, tuned=tuned, train=train)

    def compare(self, tuned: Nudge) -> Comparison:
        """The test questions before and after."""
        return self.evaluate(tuned).compare(self.evaluate(None))

    def _questions(self, split: str) -> QuerySet:
        queries = self.vectors.query_set(self.data, split, self.on_empty)
        if queries.skipped:
            say(f"{len(queries.skipped)} {split} questions have no relevant document and are left out.", err)
        return queries

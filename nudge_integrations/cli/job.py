"""The job of the command line: from its options, a labelled set and vectors to a method, question sets and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nudge_core import Auto, Contrastive, Evaluation, LinearMap, Nudge, NudgeM, NudgeN, QuerySet, evaluate
from nudge_core.errors import InputError
from nudge_core.evaluation import Comparison
from nudge_core.methods.base import Method
from nudge_integrations.cli.options import MethodName
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
        for problem in labelled.problems:
            say(problem, err)
        vectors = load_embeddings(labelled, embeddings)
        return cls(labelled, vectors, measures or MEASURES, "skip" if skip_empty else "error")

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
        splits = ("train", "dev") if tuned and tuned.refit else ("train",)
        learned = [self.vectors.query_set(self.data, split, "skip") for split in splits if self.data.qrels.get(split)]
        train = QuerySet.concat(learned) if learned else None
        return evaluate(self.vectors.corpus, self._questions("test"), self.measures, tuned=tuned, train=train)

    def compare(self, tuned: Nudge) -> Comparison:
        """The test questions before and after."""
        return self.evaluate(tuned).compare(self.evaluate(None))

    def _questions(self, split: str) -> QuerySet:
        queries = self.vectors.query_set(self.data, split, self.on_empty)
        if queries.skipped:
            say(f"{len(queries.skipped)} {split} questions have no relevant document and are left out.", err)
        return queries


def method_of(name: MethodName | None, gamma: list[float] | None, fine: bool, validate: str | None) -> Method:
    """The method that the options speak of: auto, or nudge-n where the bound of its moves is given."""
    if name is None:
        name = MethodName.n if gamma or fine else MethodName.auto
    if fine and (gamma or name is not MethodName.n):
        raise InputError("--fine is a grid of γ for nudge-n: leave out --gamma, or give all γ with --gamma")
    if gamma and name not in (MethodName.n, MethodName.m):
        raise InputError(
            f"--gamma bounds the moves of nudge-n and nudge-m; {name.value} chooses settings of its own: leave it out"
        )
    given: Any = None if not gamma else gamma[0] if len(gamma) == 1 else gamma
    by: Any = {} if validate is None else {"measure": validate}
    if name is MethodName.n:
        return NudgeN(("fine" if fine else "paper") if given is None else given, **by)
    if name is MethodName.m:
        return NudgeM("exact" if given is None else given, **by)
    if name is MethodName.contrastive:
        return Contrastive(**by)
    if name is MethodName.linear_map:
        return LinearMap(**by)
    return Auto(allow_map=name is MethodName.auto_map, **by)

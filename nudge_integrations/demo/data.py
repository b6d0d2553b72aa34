"""The labelled set of the demo: passages of the standard library, and the questions that ship with the package."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from nudge_integrations.demo.stdlib import Documentation
from nudge_integrations.labels import LabelledData

UNSEEN = 0.08
"""Share of the documented objects all of whose questions are kept for the test: nothing is learned about them."""

SHARES = {"train": 0.6, "dev": 0.15, "test": 0.25}


@dataclass(frozen=True)
class Question:
    """A question as a person would ask it, and the qualified names whose documentation answers it."""

    text: str
    style: str
    relevant: tuple[str, ...]


def shipped_questions() -> list[Question]:
    """All questions of the package, in the order of the file."""
    text = files("nudge_integrations.demo").joinpath("questions.jsonl").read_text(encoding="utf-8")
    rows = map(json.loads, text.splitlines())
    return [Question(row["question"], row["style"], tuple(row["relevant"])) for row in rows]


def build(folder: Path, seed: int = 0) -> tuple[LabelledData, list[str]]:
    """The labelled set for this Python.

    Args:
        folder: Where its embeddings are kept.
        seed: Seed of the split.

    Returns:
        The set, and the names that this Python lacks; questions about nothing else are left out.
    """
    documentation = Documentation()
    questions = shipped_questions()
    found = {name: documentation.find(name) for question in questions for name in question.relevant}
    missing = sorted(name for name, passages in found.items() if not passages)
    answered = [
        (f"q{i}", question, [p for name in question.relevant for p in found[name]])
        for i, question in enumerate(questions)
    ]
    answered = [entry for entry in answered if entry[2]]
    split_of = _split([entry[1] for entry in answered], seed)
    qrels: dict[str, dict[str, dict[str, float]]] = {split: {} for split in SHARES}
    for (name, _, passages), split in zip(answered, split_of, strict=True):
        qrels[split][name] = dict.fromkeys(passages, 1.0)
    documents = {passage.id: passage.text for passage in documentation.passages}
    return LabelledData(
        "the standard library", documents, {name: q.text for name, q, _ in answered}, qrels, folder
    ), missing


def library(*modules: str) -> LabelledData:
    """The labelled set of some modules: small enough to embed in seconds.

    Args:
        *modules: Names such as "os" and "json"; their passages, and the questions that these alone answer.
    """
    everything, _ = build(Path())
    inside = {name for name in everything.documents if name.partition(".")[0] in modules}
    documents = {name: text for name, text in everything.documents.items() if name in inside}
    qrels = {
        split: {name: judged for name, judged in questions.items() if judged.keys() <= inside}
        for split, questions in everything.qrels.items()
    }
    asked = {name for questions in qrels.values() for name in questions}
    queries = {name: text for name, text in everything.queries.items() if name in asked}
    return LabelledData("the standard library", documents, queries, qrels)


def _split(questions: list[Question], seed: int) -> list[str]:
    """A split for each question; the questions of some objects all go to the test."""
    draw = random.Random(seed)  # noqa: S311  # a reproducible split, no secret
    objects = sorted({question.relevant[0] for question in questions})
    unseen = set(draw.sample(objects, round(UNSEEN * len(objects))))
    order = draw.sample(range(len(questions)), len(questions))
    learned = [i for i in order if questions[i].relevant[0] not in unseen]
    splits = ["test"] * len(questions)
    first, second = round(SHARES["train"] * len(learned)), round((SHARES["train"] + SHARES["dev"]) * len(learned))
    for position, i in enumerate(learned[:second]):
        splits[i] = "train" if position < first else "dev"
    return splits

"""LabelledData: documents, questions and judgements; read_hub reads them from the Hugging Face hub."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nudge_core.errors import FileFormatError, MissingExtraError, UnknownIdError, first_few

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
        problems: What was left out when it was read, each in one sentence.
    """

    name: str
    documents: Mapping[str, str]
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, Mapping[str, float]]]
    home: Path = field(default_factory=Path)
    problems: tuple[str, ...] = ()

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


def read_hub(name: str) -> LabelledData:
    """Read a data set from the hub, or from a local folder that `datasets.load_dataset` understands.

    Args:
        name: Name on the hub, for example "sepz/nfcorpus_ft", or the path of a folder.

    Returns:
        The documents, the questions and the judgements of each split. Ids are texts.

    Raises:
        MissingExtraError: The package `datasets` is not installed.
        FileFormatError: The data set cannot be read, or lacks a configuration or a column.
    """
    documents = {
        str(row["record_id"]): str(row["text"]) for row in _rows(name, "data_records", "train", ("record_id", "text"))
    }
    queries: dict[str, str] = {}
    qrels: dict[str, dict[str, dict[str, float]]] = {}
    for split in SPLITS:
        queries |= {str(row["q_id"]): str(row["input"]) for row in _rows(name, "qs", split, ("q_id", "input"))}
        judged: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for row in _rows(name, "qs_rel", split, ("q_id", "record_id", "rel")):
            judged[str(row["q_id"])][str(row["record_id"])] = float(row["rel"])
        qrels[split] = dict(judged)
    return LabelledData(f"hf:{name}", documents, queries, qrels, cache_folder(name))


def cache_folder(name: str) -> Path:
    """Where the embeddings of a hub data set are kept: $NUDGE_HOME, else ~/.cache/nudge."""
    root = Path(os.environ.get("NUDGE_HOME") or Path.home() / ".cache" / "nudge")
    return root / "hf" / re.sub(r"[^\w.-]+", "--", name).strip("-")


def _rows(name: str, configuration: str, split: str, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise MissingExtraError("datasets", "hub", f"hf:{name}") from error
    with TemporaryDirectory() as fresh:
        cache = fresh if Path(name).is_dir() else None  # the usual cache does not notice a folder that changed
        try:
            table = load_dataset(name, configuration, split=split, cache_dir=cache)
        except Exception as error:  # datasets raises many kinds: no network, no such set, no such configuration
            reason = " ".join(str(error).split())
            raise FileFormatError(
                f"hf:{name} cannot be read, configuration {configuration!r}, split {split!r} "
                f"({type(error).__name__}: {reason}): check the name, the network and that it has the configurations "
                "data_records, qs and qs_rel"
            ) from error
        missing = [column for column in columns if column not in table.column_names]
        if missing:
            raise FileFormatError(
                f"hf:{name}, configuration {configuration!r}, has the columns {', '.join(table.column_names)}; "
                f"{missing[0]!r} is missing"
            )
        yield from table.select_columns(list(columns))

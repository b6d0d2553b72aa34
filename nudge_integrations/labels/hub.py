"""Reader of data sets on the Hugging Face hub in the form of the paper's own, such as sepz/nfcorpus_ft.

Configurations: data_records (split train: record_id, text), qs (q_id, input) and qs_rel (q_id, record_id, rel), the latter two with the splits
train, dev and test.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nudge_core.errors import FileFormatError, MissingExtraError
from nudge_integrations.labels.dataset import SPLITS, LabelledData


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

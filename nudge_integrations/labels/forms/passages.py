"""Training sets of retrievers: a question with passages that answer it, and with some that do not.

By the names of columns: FlagEmbedding (query, pos, neg), DPR (question, positive_ctxs, negative_ctxs, hard_negative_ctxs), Tevatron
(query, positive_passages, negative_passages), what `mine_hard_negatives` writes. By their order, where names do not say it: pairs and tuples of
sentence-transformers (anchor, positive, negatives).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector, Form, answers_of
from nudge_integrations.labels.judgements import is_up, refuse_unread, said
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Row, Source
from nudge_integrations.labels.values import absent, id_of, is_file, list_of

QUESTIONS = ("anchor", "question", "query", "user_input", "query_text", "question_text")
POSITIVES = (
    *("positive", "positives", "pos", "positive_ctxs", "positive_passages", "positive_passage", "positive_docs"),
    *("positive_doc", "pos_docs", "pos_doc"),
)
ANSWERS = ("answer", "passage", "document", "context", "response", "text")
"""What stands beside negatives is the positive, whatever it is called."""
NEGATIVE = re.compile(r"(hard_?)?neg(ative)?s?(_?(ctx|passage|doc|document|text)s?)?(_?\d+)?", re.IGNORECASE)
LABELS = ("label", "labels", "score", "scores")
IGNORED = (
    *("dataset_name", "prompt", "prompts", "return_loss", "split", "type", "pos_scores", "neg_scores"),
    *(
        "id",
        "_id",
        "query_id",
        "question_id",
        "qid",
        "idx",
        "index",
        "source",
        "page",
        "title",
        "url",
        "file",
        "lang",
        "language",
    ),
)


class Roles(NamedTuple):
    """The columns of the question, of what answers it, of what does not, and of a label or score."""

    question: str
    positives: list[str]
    negatives: list[str]
    label: str | None


def _by_name(source: Source) -> Roles | None:
    """The columns by their names, in any order."""
    question = source.named(QUESTIONS)
    positives = [name for name in source.columns if name in POSITIVES]
    negatives = [name for name in source.columns if NEGATIVE.fullmatch(name)]
    if question and not positives and negatives:
        positives = [name] if (name := source.named(ANSWERS)) else []
    if question is None or not positives:
        return None
    return Roles(question, positives, negatives, source.named(LABELS))


def _by_order(source: Source) -> Roles | None:
    """The columns by their order: those of texts, and that of labels by its name, or the last one without a name that holds numbers."""
    last = source.columns[-1] if source.columns else ""
    label = source.named(LABELS)
    if last.startswith("column ") and all(_is_number(row.values.get(last)) for row in source.rows):
        label = last
    texts = [name for name in source.columns if name not in (*IGNORED, label) and not _says_where(source, name)]
    if len(texts) < 2:
        return None
    question, positive, *negatives = texts
    return Roles(question, [positive], negatives, label)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _says_where(source: Source, name: str) -> bool:
    """Whether a column holds numbers, file names or addresses."""
    values = [one for row in source.rows for one in list_of(row.values.get(name), row.where)]
    return bool(values) and all(
        _is_number(one) or is_file(one) or (isinstance(one, str) and _digits(one)) for one in values
    )


def _digits(text: str) -> bool:
    return bool(re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", text))


def _fits_by_order(source: Source) -> bool:
    """Whether the columns have no names, or the first or second is called as sentence-transformers does."""
    found = _by_order(source)
    return found is not None and (
        found.positives[0] in (*POSITIVES, "column 2") or found.question in ("anchor", "column 1")
    )


def _read(source: Source, *, threshold: float | None = None, ignore: str | Sequence[str] = ()) -> LabelledQuestions:
    """Questions labelled by passages, texts or documents; those of negative columns are not relevant.

    Args:
        source: Rows. Rows with the same question are one question. Where no column is called as one of questions and one as one of answers, the order
            says it: anchor, positive, negative, negative, …, and perhaps a column label or score.
        threshold: From which label or score on a pair is relevant; 0.5 where they lie between -1 and 1.
        ignore: Columns of numbers that say nothing of passages.
    """
    roles = _by_name(source) or _by_order(source)
    if roles is None:
        raise FileFormatError(
            f"{source.name} has the columns {', '.join(source.columns)}: expected two of texts or more"
        )
    ignore = [ignore] if isinstance(ignore, str) else ignore
    read = {roles.question, *roles.positives, *roles.negatives, roles.label, *IGNORED}
    refuse_unread(source, read, ignore)
    pairs = roles.question == "anchor" or _by_name(source) is None
    collector = Collector((SENTENCE_TRANSFORMERS if pairs else PASSAGES).NAME, source)
    unread = [
        name for name in source.columns if name not in read and name not in ignore and not _says_where(source, name)
    ]
    if unread:
        names = ", ".join(map(repr, unread[:5]))
        collector.problem(f"columns that are no question, answer or negative were not read: {names}")
    for row in source.rows:
        split = row.values.get("split") or row.split
        name = id_of(next((row.values[key] for key in ("query_id", "question_id", "qid") if key in row.values), None))
        answers = [*_positive(roles, row, threshold), *_negative(roles, row)]
        collector.add(row.values.get(roles.question), answers, id=name, split=split, where=row.where)
    return collector.done()


def _positive(roles: Roles, row: Row, threshold: float | None) -> Iterator[Answer]:
    """The positives, as far as their labels do not say that they are none."""
    found = [one for name in roles.positives for one in answers_of(row.where, row.values.get(name))]
    cell = None if roles.label is None else row.values.get(roles.label)
    labels = list_of(cell, row.where)
    if not isinstance(cell, int | float | bool | str) and roles.negatives:
        labels = []  # scores of the positive and of each negative
    if len(labels) not in (0, 1, len(found)):
        raise FileFormatError(
            f"{row.where} has {len(labels)} {roles.label} for {len(found)} passages: give one for each"
        )
    for place, answer in enumerate(found):
        label = labels[place if len(labels) > 1 else 0] if labels else None
        if absent(label):
            yield replace(answer, relevant=True, grade=1.0)
        elif threshold is None and abs(number := float(said(label, row.where, f"{roles.label}") or 0)) > 1:
            raise FileFormatError(
                f"{row.where}: {roles.label} is {number:g}, beyond -1 to 1: say from which on a pair is relevant, threshold=…"
            )
        else:
            good = bool(is_up(label, row.where, threshold, {}))
            number = float(said(label, row.where, f"{roles.label}") or 0)
            yield replace(answer, relevant=good, grade=(number if number > 0 else 1.0) if good else 0.0)


def _negative(roles: Roles, row: Row) -> Iterator[Answer]:
    for name in roles.negatives:
        for answer in answers_of(row.where, row.values.get(name)):
            yield replace(answer, relevant=False, grade=0.0)


PASSAGES = Form("training set of a retriever", lambda source: _by_name(source) is not None, _read)
SENTENCE_TRANSFORMERS = Form("sentence-transformers pairs", _fits_by_order, _read)

"""Pairs and tuples of sentence-transformers: the order of columns says what they are (anchor, positive, negatives), not their names."""

from __future__ import annotations

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector, Form
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import absent, list_of, number_of, text_of

LABELS = ("label", "labels", "score", "scores")
IGNORED = ("dataset_name", "prompt", "prompts", "return_loss", "split")
POSITIVE = ("positive", "positives", "pos", "column 2")


def _fits(source: Source) -> bool:
    """Whether the second column of texts is called positive, or columns have no names."""
    texts, _ = _columns(source)
    return len(texts) > 1 and (texts[1] in POSITIVE or texts[0] in ("anchor", "column 1"))


def _columns(source: Source) -> tuple[list[str], str | None]:
    """The columns of texts, and that of labels: by its name, or the last one without a name that holds numbers."""
    last = source.columns[-1] if source.columns else ""
    label = next((name for name in source.columns if name in LABELS), None)
    if last.startswith("column ") and all(isinstance(row.values.get(last), int | float) for row in source.rows):
        label = last
    return [name for name in source.columns if name not in (*IGNORED, label)], label


def _read(source: Source, *, threshold: float | None = None) -> LabelledQuestions:
    """Questions labelled by texts: the second column answers the first; those after it do not.

    Args:
        source: Rows with the texts in the order anchor, positive, negative, negative, …, and perhaps a column label or score. Rows with the same
            anchor are one question.
        threshold: From which label or score on a pair is relevant; 0.5 where they lie between -1 and 1.
    """
    columns, label = _columns(source)
    if len(columns) < 2:
        raise FileFormatError(
            f"{source.name} has the columns {', '.join(source.columns)}: expected two of texts or more"
        )
    anchor, positive, *negatives = columns
    collector = Collector(SENTENCE_TRANSFORMERS.NAME, source)
    for row in source.rows:
        given = None if label is None else row.values.get(label)
        grade = 1.0 if absent(given) else number_of(given, f"{row.where}: the label")
        if threshold is None and abs(grade) > 1:
            raise FileFormatError(
                f"{row.where}: {label} is {grade:g}, beyond -1 to 1: say from which on a pair is relevant, threshold=…"
            )
        good = grade >= (0.5 if threshold is None else threshold)
        answers = []
        for name in (positive, *negatives):
            right = good and name == positive
            texts = map(text_of, list_of(row.values.get(name), row.where))
            answers += [Answer(text=text, relevant=right, grade=grade if right else 0.0) for text in texts if text]
        split = row.values.get("split") or row.split
        collector.add(row.values.get(anchor), answers, split=split, where=row.where)
    return collector.done()


SENTENCE_TRANSFORMERS = Form("sentence-transformers pairs", _fits, _read)

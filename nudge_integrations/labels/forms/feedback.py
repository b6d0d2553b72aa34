"""Feedback of users: thumbs up or down for a document as an answer to a question, one vote a row, with its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector
from nudge_integrations.labels.forms.columns import TEXTS
from nudge_integrations.labels.forms.votes import Vote, count, is_up, time_of
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import TEXT, absent, id_of, text_of

NAME = "feedback"
VOTES = ("vote", "thumb", "thumbs", "thumbs_up", "feedback", "rating")
IDS = ("document_id", "doc_id", "node_id", "chunk_id", "document", "id")
TIMES = ("time", "timestamp", "created_at", "updated_at", "date", "voted_at")


def fits(source: Source) -> bool:
    """Whether it has a question, a document and a vote."""
    columns = set(source.columns)
    return all(columns & set(names) for names in (VOTES, TEXT, (*IDS, *TEXTS)))


def read(
    source: Source,
    *,
    question: str | None = None,
    document: str | None = None,
    texts: str | None = None,
    vote: str | None = None,
    time: str | None = None,
    threshold: float | None = None,
    meaning: Mapping[str, bool] | None = None,
) -> LabelledQuestions:
    """Questions with what was said last of each document; contradictions are listed in `problems`.

    Args:
        source: Rows of one vote each.
        question: Column of the question.
        document: Column of the document's id.
        texts: Column of the document's text, where there is no id.
        vote: Column of the vote: "up"/"down", true/false, 1/0, 1/-1, "relevant"/"irrelevant", or a score.
        time: Column of its time; without one, later rows are newer.
        threshold: From which number on a vote is for the document (stars from 1 to 5, say: 4); 0.5 where votes lie between -1 and 1.
        meaning: What other words mean: {"so-so": False}.

    Raises:
        FileFormatError: A column that is not there, a vote or a time that cannot be read.
    """
    columns = {
        "question": _column(source, question, TEXT, "question"),
        "document": _column(source, document, () if texts else IDS, "document"),
        "texts": _column(source, texts, TEXTS, "texts"),
        "vote": _column(source, vote, VOTES, "vote"),
        "time": _column(source, time, TIMES, "time"),
    }
    for needed, usual in (("question", TEXT), ("vote", VOTES)):
        if columns[needed] is None:
            raise FileFormatError(
                f"{source.name} has the columns {', '.join(map(repr, source.columns))}; none is called {', '.join(usual)}: "
                f"say {needed}='…'"
            )
    collector = Collector(NAME, source)
    votes = []
    for row in source.rows:
        cells = {part: None if name is None else row.values.get(name) for part, name in columns.items()}
        up = is_up(cells["vote"], row.where, threshold, meaning or {})
        asked = text_of(cells["question"])
        answer = Answer(id=id_of(cells["document"]), text=text_of(cells["texts"]))
        if up is None or asked is None or absent(answer.id or answer.text):
            collector.odd("the row lacks a question, a document or a vote and was left out", row.where)
            continue
        votes.append(Vote(asked, answer, up, time_of(cells["time"], row.where), row.where))
    count(votes, collector)
    return collector.done()


def _column(source: Source, given: str | None, usual: Sequence[str], option: str) -> str | None:
    columns = source.columns
    if given is None:
        return next((name for name in usual if name in columns), None)
    if given not in columns:
        raise FileFormatError(
            f"{source.name} has no column {option}={given!r}; there are {', '.join(map(repr, columns))}"
        )
    return given

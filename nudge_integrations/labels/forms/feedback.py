"""Feedback of users: thumbs up or down for a document as an answer to a question, one vote a row, of which the newest counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector, Form
from nudge_integrations.labels.forms.columns import TEXTS
from nudge_integrations.labels.judgements import is_up
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import TEXT, absent, id_of, text_of

VOTES = ("vote", "thumb", "thumbs", "thumbs_up", "feedback", "rating")
IDS = ("document_id", "doc_id", "node_id", "chunk_id", "document", "id")
TIMES = ("time", "timestamp", "created_at", "updated_at", "date", "voted_at")
EPOCH = datetime.min.replace(tzinfo=timezone.utc)


def _fits(source: Source) -> bool:
    """Whether it has a question, a document and a vote."""
    return all(source.named(names) is not None for names in (VOTES, TEXT, (*IDS, *TEXTS)))


def _read(
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
    """
    columns = {
        "question": source.column("question", question, TEXT, needed=True),
        "document": source.column("document", document, () if texts else IDS),
        "texts": source.column("texts", texts, TEXTS),
        "vote": source.column("vote", vote, VOTES, needed=True),
        "time": source.column("time", time, TIMES),
    }
    collector, votes = Collector(FEEDBACK.NAME, source), []
    for row in source.rows:
        cells = {part: None if name is None else row.values.get(name) for part, name in columns.items()}
        up = is_up(cells["vote"], row.where, threshold, meaning or {})
        asked = text_of(cells["question"])
        answer = Answer(id=id_of(cells["document"]), text=text_of(cells["texts"]))
        if up is None or asked is None or absent(answer.id or answer.text):
            collector.odd("the row lacks a question, a document or a vote and was left out", row.where)
            continue
        votes.append(Vote(asked, answer, up, time_of(cells["time"], row.where), row.where))
    return count(votes, collector)


FEEDBACK = Form("feedback", _fits, _read)


@dataclass(frozen=True)
class Vote:
    """What somebody said of one document as an answer to one question; without a time where the source does not say."""

    question: str
    answer: Answer
    up: bool
    time: datetime | None
    where: str


def time_of(value: Any, where: str) -> datetime | None:
    """A time: ISO 8601, seconds or milliseconds since 1970, or an object that is one; without a zone it is UTC."""
    if absent(value):
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    try:
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        pass
    try:
        return time_of(datetime.fromisoformat(str(value).strip().replace("Z", "+00:00")), where)
    except ValueError:
        raise FileFormatError(
            f"{where}: the time is {value!r}; expected ISO 8601 (2026-01-31T12:00:00Z) or seconds since 1970"
        ) from None


def count(votes: Iterable[Vote], collector: Collector) -> LabelledQuestions:
    """The questions with the newest vote on each document.

    Votes of the same time count in the order of the source, the last one most. Votes that contradict each other become a problem each, which says
    what was taken. Where some votes have times and others none, those without count as older.
    """
    by_question: defaultdict[str, defaultdict[Any, list[Vote]]] = defaultdict(lambda: defaultdict(list))
    for vote in votes:
        key = vote.answer.id or vote.answer.text or str(vote.answer.metadata)
        by_question[vote.question][key].append(vote)
    for question, documents in by_question.items():
        answers = []
        for key, cast in documents.items():
            newest = max(enumerate(cast), key=lambda one: (one[1].time or EPOCH, one[0]))[1]
            answers.append(replace(newest.answer, relevant=newest.up, grade=1.0 if newest.up else 0.0))
            ups = sum(vote.up for vote in cast)
            if 0 < ups < len(cast):
                when = f" of {newest.time:%Y-%m-%d %H:%M}" if newest.time else ""
                collector.problem(
                    f"votes contradict each other on {str(key)[:60]!r} for {question[:60]!r}: {ups} up, {len(cast) - ups} down; "
                    f"the newest, {'up' if newest.up else 'down'}{when} ({newest.where}), was taken"
                )
        collector.add(question, answers, where=next(iter(documents.values()))[0].where)
    return collector.done()

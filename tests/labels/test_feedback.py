"""Thumbs up and down with times: the newest vote counts, contradictions are listed."""

from datetime import datetime, timezone

import pytest

from nudge_core.errors import FileFormatError
from nudge_integrations.labels import Answer, read_labels


def votes(*cast):
    return [{"question": "Why?", "document_id": name, "vote": vote, "time": time} for name, vote, time in cast]


def test_the_newest_vote_wins_whatever_the_order_of_rows():
    read = read_labels(
        votes(
            ("a", "up", "2026-01-02T10:00:00Z"),
            ("a", "down", "2026-01-02T12:30:00+02:00"),  # 10:30 UTC
            ("a", "up", "2026-01-01"),
            ("b", "down", "2026-01-01"),
            ("b", "up", "2026-01-03"),
            ("c", "up", "2026-01-03"),
            ("c", "up", None),
        )
    )
    assert read.form == "feedback"
    assert [(answer.id, answer.relevant) for answer in read[0].answers] == [("a", False), ("b", True), ("c", True)]
    first, second = read.problems
    assert "on 'a' for 'Why?': 2 up, 1 down; the newest, down of 2026-01-02 12:30 (the list, entry 2)" in first
    assert "on 'b' for 'Why?': 1 up, 1 down; the newest, up of 2026-01-03" in second


def test_without_times_later_rows_are_newer_and_times_beat_none():
    assert not read_labels(votes(("a", "up", None), ("a", "down", None)))[0].answers[0].relevant
    assert read_labels(votes(("a", "up", "2026-01-01"), ("a", "down", None)))[0].answers[0].relevant


@pytest.mark.parametrize(
    ("vote", "up"),
    [
        *((word, True) for word in ("up", "Thumbs_Up", "👍", "yes", True, 1, 1.0, "1", "relevant", "+1")),
        *((word, False) for word in ("down", "thumbs-down", "👎", "no", False, 0, -1, "-1", "irrelevant", "0")),
    ],
)
def test_votes_in_every_spelling(vote, up):
    assert read_labels(votes(("a", vote, None)))[0].answers == (Answer("a", relevant=up, grade=float(up)),)


def test_stars_need_a_threshold_and_words_a_meaning():
    stars = [{"question": "Why?", "doc_id": "a", "rating": 3}, {"question": "How?", "doc_id": "a", "rating": "5"}]
    with pytest.raises(FileFormatError, match=r"entry 1: the vote is 3, a number beyond -1 to 1: .*threshold"):
        read_labels(stars)
    read = read_labels(stars, threshold=4)
    assert [question.answers[0].relevant for question in read] == [False, True]
    with pytest.raises(FileFormatError, match=r"the vote is 'so-so'.*meaning=\{'so-so': True\}"):
        read_labels(votes(("a", "so-so", None)))
    assert not read_labels(votes(("a", "so-so", None)), meaning={"so-so": False})[0].answers[0].relevant


def test_times_in_every_form_and_a_wrong_one():
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for newest in (
        moment.timestamp(),
        moment.timestamp() * 1000,
        moment,
        moment.replace(tzinfo=None),
        "2026-01-01 00:00",
    ):
        cast = votes(("a", "down", newest), ("a", "up", "2025-12-31T23:59:59Z"))
        assert not read_labels(cast)[0].answers[0].relevant
    with pytest.raises(FileFormatError, match="entry 1: the time is 'yesterday'; expected ISO 8601"):
        read_labels(votes(("a", "up", "yesterday")))


def test_documents_by_text_and_named_columns():
    rows = [
        {"asked": "Why?", "shown": "Since it rains.", "thumb_value": 1, "when": 3},
        {"asked": "How?", "shown": None},
    ]
    read = read_labels(rows, question="asked", texts="shown", vote="thumb_value", time="when")
    assert read[0].answers == (Answer(text="Since it rains."),)
    assert "lacks a question, a document or a vote" in read.problems[0]
    with pytest.raises(
        FileFormatError, match="no column vote='thumb'; there are 'asked', 'shown', 'thumb_value', 'when'"
    ):
        read_labels(rows, question="asked", texts="shown", vote="thumb")

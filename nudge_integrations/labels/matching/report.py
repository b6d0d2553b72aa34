"""MatchReport: what became of every answer, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from nudge_core.errors import MissingExtraError
from nudge_core.report import Section
from nudge_integrations.labels.matching.found import RULES, Found, Thresholds

Outcome: TypeAlias = Literal["matched", "nothing", "too much"]
_SHOWN, _LISTED = 10, 100


@dataclass(frozen=True, eq=False)
class AnswerMatch:
    """What became of one answer.

    Attributes:
        question: The place of its question.
        text: The question.
        where: File and line of the source.
        answer: Its place among the answers of the question.
        labelled: How the source names the document: by "ids", "texts", "spans" or "metadata", or several of these.
        relevant: Whether the source says that the document answers the question.
        outcome: "matched", "nothing" or "too much".
        found: The chunks that match; of too many the first.
        near: The closest candidates where nothing matches.
        count: How many chunks match.
        copies: How many of them are identical to another one of them.
        note: What is odd about it.
    """

    question: int
    text: str
    where: str
    answer: int
    labelled: str
    relevant: bool
    outcome: Outcome
    found: tuple[Found, ...]
    near: tuple[Found, ...] = ()
    count: int = 0
    copies: int = 0
    note: str = ""

    @property
    def rule(self) -> str | None:
        """The rule that found its best chunk."""
        return max(self.found, key=lambda found: found.score).rule if self.found else None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        plain = {key: value for key, value in self.__dict__.items() if key not in ("found", "near")}
        found, near = ([each.to_dict() for each in part] for part in (self.found, self.near))
        return plain | {"rule": self.rule, "found": found, "near": near}

    def __repr__(self) -> str:
        head = f"{self.where + ': ' if self.where else ''}{self.text[:80]!r}, answer {self.answer + 1}"
        tail = ", ".join(f"{f.chunk.id!r} ({f.rule} {f.score:.2f})" for f in (self.found or self.near)[:3])
        if self.outcome == "too much":
            tail = f"{self.count} chunks match, by {self.rule}: {', '.join(repr(f.chunk.id) for f in self.found[:3])} …"
        elif self.outcome == "nothing":
            tail = f"closest: {tail or 'none'}"
        return f"{head}: {f'{self.note}; ' if self.note else ''}{tail}"


@dataclass(frozen=True, eq=False, repr=False)
class MatchReport:
    """How the answers of labelled questions were matched to a store.

    Attributes:
        matches: One an answer, in the order of the source.
        questions: How many questions there are.
        documents: How many stored documents they were matched to.
        thresholds: What counted as a match.
        problems: What else is odd, each in one sentence.
    """

    matches: tuple[AnswerMatch, ...]
    questions: int
    documents: int
    thresholds: Thresholds
    problems: tuple[str, ...] = ()

    @cached_property
    def _rules(self) -> Mapping[int, set[str]]:
        """The rules that matched each question."""
        rules: dict[int, set[str]] = {}
        for match in self.of("matched"):
            if match.relevant:
                rules.setdefault(match.question, set()).update(found.rule for found in match.found)
        return rules

    @cached_property
    def by_rule(self) -> Mapping[str, int]:
        """How many questions were matched by which rule; each counts once, by the first of its rules in this order."""
        counted = Counter(next(rule for rule in RULES if rule in held) for held in self._rules.values())
        return {rule: counted[rule] for rule in RULES if counted[rule]}

    @cached_property
    def unmatched(self) -> tuple[int, ...]:
        """The places of the questions that are left without a relevant document."""
        return tuple(place for place in range(self.questions) if place not in self._rules)

    def of(self, outcome: Outcome) -> tuple[AnswerMatch, ...]:
        """The answers with this outcome."""
        return tuple(match for match in self.matches if match.outcome == outcome)

    @property
    def odd(self) -> tuple[AnswerMatch, ...]:
        """Answers that matched, with a note."""
        return tuple(match for match in self.of("matched") if match.note)

    def headline(self) -> str:
        """In one sentence."""
        matched = self.questions - len(self.unmatched)
        rules = ", ".join(f"{rule} {count}" for rule, count in self.by_rule.items()) or "none"
        return f"{matched} of {self.questions} questions matched to {self.documents} stored documents, by {rules}."

    def counts(self) -> dict[str, Any]:
        """In numbers, for JSON."""
        return {
            "questions": self.questions,
            "matched": self.questions - len(self.unmatched),
            "by_rule": dict(self.by_rule),
            "answers": dict(Counter(match.outcome for match in self.matches)),
            "documents": self.documents,
        }

    def section(self) -> Section:
        """For the page of a report: the rules, and the answers that need a look."""
        odd = [*self.of("nothing"), *self.of("too much"), *self.odd]
        rows = [(match.outcome, match.text[:300], str(match)) for match in odd[:_LISTED]]
        left = [f"The first {_LISTED} of {len(odd)} that need a look; all are in report.match."] * (len(odd) > _LISTED)
        head = [("outcome", "question", "what was found")] if rows else []
        return Section("How labels were matched", (self.headline(), *self.problems, *left), (*head, *rows))

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            **self.counts(),
            "unmatched": list(self.unmatched),
            "thresholds": dict(self.thresholds.__dict__),
            "problems": list(self.problems),
            "matches": [match.to_dict() for match in self.matches],
        }

    def to_json(self) -> str:
        """The same as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1)

    def to_frame(self) -> Any:
        """A pandas DataFrame: one row for each answer and chunk, one for an answer without any.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("pandas", "labels", "a match report as a DataFrame") from error
        columns = ("question", "text", "where", "answer", "labelled", "relevant", "outcome", "count", "copies", "note")
        rows = []
        for match in self.matches:
            head = {name: getattr(match, name) for name in columns}
            for kind, part in (("found", match.found), ("near", match.near)):
                rows += [{**head, "as": kind, "id": f.chunk.id, "rule": f.rule, "score": f.score} for f in part]
            if not match.found and not match.near:
                rows.append({**head, "as": None, "id": None, "rule": None, "score": None})
        return pd.DataFrame(rows, columns=[*columns, "as", "id", "rule", "score"])

    def __repr__(self) -> str:
        lines = [self.headline()]
        copied = sum(match.copies > 0 for match in self.of("matched"))
        if copied:
            lines.append(f"{copied} answers match identical copies of a chunk, and count for each of them.")
        for title, part in (
            ("answers match nothing", self.of("nothing")),
            (f"answers match more than {self.thresholds.most} chunks, and were left out", self.of("too much")),
            ("answers match, but look odd", self.odd),
            ("problems", self.problems),
        ):
            if part:
                lines.append(f"{len(part)} {title}:")
                lines += [f"  {each}" for each in part[:_SHOWN]]
                lines += [f"  … and {len(part) - _SHOWN} more"] * (len(part) > _SHOWN)
        return "\n".join(lines)

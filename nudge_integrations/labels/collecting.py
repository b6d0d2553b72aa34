"""Collector: what every reader hands its questions to. It checks, joins what stands twice, and keeps account of what is left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from nudge_core.data.queries import normal
from nudge_core.errors import FileFormatError, first_few
from nudge_integrations.labels.labelled import Answer, LabelledQuestion, LabelledQuestions
from nudge_integrations.labels.source import NAMES_OF_SPLITS, Source
from nudge_integrations.labels.values import absent, id_of


class Form(NamedTuple):
    """A form of labelled questions: what it is called, whether a source has it, and its reader with its options."""

    NAME: str
    fits: Callable[[Source], bool]
    read: Callable[..., LabelledQuestions]


class Collector:
    """Questions as they are read, in which form and where from."""

    def __init__(self, form: str, source: Source) -> None:
        self.form, self.source = form, source
        self._held: dict[tuple[str, str | None], tuple[LabelledQuestion, dict[Any, Answer]]] = {}
        self._odd: defaultdict[str, list[str]] = defaultdict(list)
        self._problems: list[str] = []

    def odd(self, what: str, where: str) -> None:
        """Take note of something; what is said of several places becomes one problem."""
        self._odd[what].append(where)

    def problem(self, sentence: str) -> None:
        """Take note of something in a sentence of its own."""
        self._problems.append(sentence)

    def add(self, text: Any, answers: Iterable[Answer], *, id: Any = None, split: Any = None, where: str = "") -> None:  # noqa: A002
        """Take one question; answers to the same question in the same split are joined. What cannot be used is left out and told."""
        if not isinstance(text, str) or absent(text):
            kind = "an empty text" if absent(text) else f"no text but a {type(text).__name__}"
            return self.odd(f"the question is {kind} and was left out", where)
        kept = []
        for answer in answers:
            parts = (answer.id, answer.text, answer.span)
            found = [None if absent(part) else self._clean(str(part), where) for part in parts]
            if any(found) or answer.metadata:
                kept.append(replace(answer, id=found[0], text=found[1], span=found[2]))
        if not kept:
            return self.odd("the question has no labels and was left out", where)
        text, name = self._clean(text, where), id_of(id)
        part = NAMES_OF_SPLITS.get(str(split).strip().lower())
        if part is None and not absent(split):
            self.odd(f"the split {split!r} is none of train, dev and test", where)
        question, held = self._held.setdefault((text, part), (LabelledQuestion(text, (), name, part, where), {}))
        if name is not None and question.id not in (None, name):
            self.odd("the same question stands under several ids; their answers were joined", where)
        for answer in kept:
            key = (answer.id, answer.text, answer.span, () if answer.id or answer.text else str(answer.metadata))
            before = held.setdefault(key, answer)
            if before.relevant != answer.relevant:
                self.odd("one document is given as relevant and as irrelevant; it was taken for irrelevant", where)
            if before.relevant != answer.relevant or before.grade < answer.grade:
                held[key] = replace(
                    answer, relevant=before.relevant and answer.relevant, grade=max(before.grade, answer.grade)
                )
        return None

    def done(self, documents: Mapping[str, str] | None = None) -> LabelledQuestions:
        """All questions."""
        for what, places in self._odd.items():
            count = "" if len(places) == 1 else f" ({len(places)} times)"
            more = f" … and {len(places) - 5} more" if len(places) > 5 else ""
            self._problems.append(f"{what}{count}: {'; '.join(places[:5])}{more}")
        if not self._held:
            why = f": {'; '.join(self._problems[:3])}" if self._problems else ""
            raise FileFormatError(
                f"{self.source.name}, read as {self.form}, holds no question with labels{why}. It holds {self.source.shape}"
            )
        splits: defaultdict[str, dict[str | None, str]] = defaultdict(dict)
        for text, split in self._held:
            splits[normal(text)].setdefault(split, text)
        if both := [next(iter(texts.values())) for texts in splits.values() if len(texts) > 1]:
            self.problem(
                f"{len(both)} questions stand in several splits: {first_few(both, 5)}; split(questions, …) keeps each on one side"
            )
        questions = tuple(replace(one, answers=tuple(answers.values())) for one, answers in self._held.values())
        return LabelledQuestions(questions, self.form, documents or {}, tuple(self._problems))

    def _clean(self, text: str, where: str) -> str:
        """Without NUL characters and halves of characters, which neither stores nor models take."""
        if "\0" in text:
            self.odd("a NUL character was taken out of a text", where)
            text = text.replace("\0", "")
        try:
            text.encode()
        except UnicodeEncodeError:
            self.odd("half of a character (a lone surrogate) in a text was replaced", where)
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text

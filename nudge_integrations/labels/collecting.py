"""What readers of forms share: a form, the answers in one row, and the collector that joins questions and lists problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from nudge_core.data.queries import normal
from nudge_core.errors import FileFormatError, counted, first_few
from nudge_integrations.labels.judgements import grade_of, own_judgement
from nudge_integrations.labels.labelled import Answer, LabelledQuestion, LabelledQuestions
from nudge_integrations.labels.source import NAMES_OF_SPLITS, Source
from nudge_integrations.labels.values import absent, first, id_of, list_of, object_of, plain, text_of


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


TEXT_KEYS = (
    *("page_content", "text", "content", "document", "passage", "context", "document.content"),
    *("passage_text", "contents", "body"),
)
ID_KEYS = (
    *("id", "_id", "id_", "doc_id", "document_id", "node_id", "chunk_id", "document.id"),
    *("docid", "passage_id", "pid", "psg_id", "corpus-id", "corpus_id"),
)


def answers_of(
    where: str,
    texts: Any = None,
    ids: Any = None,
    spans: Any = None,
    metadata: Any = None,
    judged: Sequence[float | None] = (),
) -> list[Answer]:
    """Answers of what stands in the columns of one row.

    Ids and texts of the same number belong together one by one, and so does metadata. Spans belong to the only context where there is one; where
    there are several or none, each span is an answer of its own, to be looked for in the store. What a document says of itself (is_selected,
    has_answer, relevance) counts where the row says nothing.

    Args:
        where: File and line, for messages.
        texts: Context texts, documents ({"page_content": …, "metadata": …}), or lists by name ({"passage_text": […], "is_selected": […]}).
        ids: Ids of documents, or {id: grade}.
        spans: Texts that the right chunk holds.
        metadata: One mapping for all, or one for each context.
        judged: Grades, one for each document or one for all; a document without one was not judged, and is left out.

    Raises:
        FileFormatError: Another number of grades than of documents.
    """
    grades = object_of(ids)
    names = list(grades) if grades else list_of(ids, where)
    bodies, facts = list_of(_one_by_one(texts), where), _facts(metadata, where)
    if len(names) == len(bodies):
        pairs = list(zip(names, bodies, strict=True))
    else:
        pairs = [(name, None) for name in names] + [(None, body) for body in bodies]
    shared = facts[0] if len(facts) == 1 else {}
    given = facts if len(facts) == len(pairs) else [shared] * len(pairs)
    answers = [_answer(*pair, one, grades, where) for pair, one in zip(pairs, given, strict=True)]
    found = [text for text in map(text_of, list_of(spans, where)) if text is not None]
    if len(answers) == 1 and found:
        answers = [replace(answers[0], span=span) for span in found]
    else:
        answers += [Answer(span=span, metadata=shared) for span in found]
    if not answers and shared and judged:
        answers = [Answer(metadata=shared)]
    return _judged(answers, judged, where) if judged and answers else answers


def _one_by_one(texts: Any) -> Any:
    """Documents out of lists by name, such as {"passage_text": […], "is_selected": […]}."""
    held = object_of(texts)
    if not held:
        return texts
    lists = {name: plain(value) for name, value in held.items()}
    if len({len(value) if isinstance(value, list | tuple) else -1 for value in lists.values()} - {-1}) != 1:
        return texts
    if not all(isinstance(value, list | tuple) for value in lists.values()):
        return texts
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _judged(answers: list[Answer], judged: Sequence[float | None], where: str) -> list[Answer]:
    if len(judged) not in (1, len(answers)):
        raise FileFormatError(
            f"{where} has {counted(len(judged), 'judgement', 'judgements')} for {counted(len(answers), 'document', 'documents')}: "
            "give one for each, or one for all"
        )
    given = judged if len(judged) == len(answers) else [judged[0]] * len(answers)
    return [
        replace(answer, relevant=grade > 0, grade=grade)
        for answer, grade in zip(answers, given, strict=True)
        if grade is not None
    ]


def _answer(name: Any, body: Any, metadata: Mapping[str, Any], grades: Mapping[Any, Any], where: str) -> Answer:
    document = body if isinstance(body, Mapping) else {}
    held = first(document, "metadata", "meta", "document.metadata")
    grade = None
    if grades or document:
        grade = grade_of(grades.get(name, own_judgement(document)), where, f"grade of {name!r}")
    grade = 1.0 if grade is None else grade
    return Answer(
        id=id_of(first(document, *ID_KEYS) if absent(name) else name),
        text=text_of(first(document, *TEXT_KEYS) if document else body),
        metadata={**metadata, **object_of(held)},
        relevant=grade > 0,
        grade=grade,
    )


def _facts(metadata: Any, where: str) -> list[Mapping[str, Any]]:
    if absent(metadata):
        return []
    value = plain(metadata)
    if isinstance(value, str):
        value = object_of(value) or list_of(value, where)
    entries = value if isinstance(value, Sequence) else [value]
    return [known(object_of(entry)) for entry in entries]


def known(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata without its empty entries."""
    return {str(key): value for key, value in metadata.items() if not absent(value)}

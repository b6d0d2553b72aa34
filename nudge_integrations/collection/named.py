"""Labels by ids, before they are learned from: ids that are stored, those of a parent document, texts in place of ids, and ids that are gone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

from nudge_core.corpus.base import Missing
from nudge_core.errors import InputError, UnknownIdError, counted, first_few
from nudge_integrations.labels import Answer, LabelledQuestions
from nudge_integrations.labels.matching.references import flat
from nudge_integrations.labels.values import is_passage, list_of
from nudge_integrations.stores import StoreAdapter
from nudge_integrations.stores.filtering import FilteredAdapter
from nudge_integrations.stores.searched_corpus import reached

Document: TypeAlias = tuple[str, str, Mapping[str, Any]]
"""Id, text and metadata."""
MOST = 0.5
"""Above this share of labels whose document is gone, labels and store do not belong together."""
LONG = 40
"""An id may hold some words; what is longer and reads like a text is one."""
_IDS = re.compile(r"(^|[_\-. ])(id|ids|key|uid|uuid)_?$|[a-z]I[dD]$", re.IGNORECASE)
"""Names of metadata that hold ids, and neither counts nor places."""
MANY = 0.1
"""Above this share the metadata of all documents is looked through for parents of these ids."""


@dataclass(frozen=True, eq=False)
class Named:
    """What labels by ids name.

    Attributes:
        labels: The labels, by the ids of stored documents; what reads like a text stands as a text.
        gone: Ids that no document has, whose labels were left out.
        notes: What was made of the others, each in one sentence.
        by_key: The note that says by which metadata they were found; "" where they are ids.
    """

    labels: LabelledQuestions
    gone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    by_key: str = ""


@dataclass(eq=False)
class _Parents:
    """{id: the chunks of that document}, by the metadata that names it; or the metadata that holds the same numbers, which may mean anything."""

    key: str = ""
    chunks: Mapping[str, list[str]] = field(default_factory=dict)
    perhaps: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """By which metadata labels were matched, in a sentence."""
        if not self.chunks:
            return ""
        said = (
            f"{counted(len(self.chunks), 'label names a document', 'labels name documents')} by the {self.key!r} in their metadata, not by the id of "
            f"a chunk: all {sum(map(len, self.chunks.values()))} chunks of these were taken"
        )
        doubt = ". These are whole numbers: where they are to mean something else, label with the ids of the store"
        return said + (doubt if _numbers(self.chunks) and not _IDS.search(self.key) else "")


def check_missing(missing: Missing) -> None:
    """Refuse another value of the argument."""
    if missing not in ("error", "skip"):
        raise InputError(
            f'missing is {missing!r}; expected "skip" to leave out labels whose document is gone, or "error" to refuse them'
        )


def named(labels: LabelledQuestions, documents: Sequence[Document] | StoreAdapter, missing: Missing) -> Named:
    """Look up all documents that these labels name by their ids alone.

    Raises:
        UnknownIdError: More than half of the labels are of documents that are gone, or one with missing="error".
        InputError: Ids that may be those of two kinds of parents.
    """
    given = [one for question in labels.questions for one in question.answers if one.id is not None]
    bare = [one for one in given if _alone(one, labels)]
    there = stored([str(one.id) for one in bare], documents)
    right = [one for one in bare if one.relevant]
    lost = [str(one.id) for one in right if str(one.id) not in there]
    if not lost:
        return Named(labels)
    ids = list(dict.fromkeys(lost))
    texts = [name for name in ids if len(name) > LONG and is_passage(name)]
    parents = _Parents()
    if len(lost) > MANY * len(right) and len(texts) < len(ids):
        parents = _parents(set(ids).difference(texts), documents)
    gone = [name for name in lost if name not in parents.chunks and name not in texts]
    most = 1.0 if isinstance(documents, FilteredAdapter) else MOST  # a filter leaves out what is labelled beside it
    if gone and (missing == "error" or len(gone) > most * len(right)):
        raise UnknownIdError(_refusal(list(dict.fromkeys(gone)), len(gone), len(right), documents, parents.perhaps))
    notes = list(_notes(texts, parents))
    left = set(gone)

    def answers(question: Any) -> Iterator[Answer]:
        for one in question.answers:
            name = str(one.id)
            if not _alone(one, labels) or name in there:
                yield one
            elif name in parents.chunks:
                yield from (replace(one, id=chunk) for chunk in parents.chunks[name])
            elif name in texts:
                yield replace(one, id=None, text=name)

    questions = tuple(replace(question, answers=tuple(answers(question))) for question in labels.questions)
    return Named(
        replace(labels, questions=questions),
        tuple(dict.fromkeys(one for one in lost if one in left)),
        tuple(notes),
        parents.told,
    )


def _alone(answer: Answer, labels: LabelledQuestions) -> bool:
    """Whether an answer has an id, and no text that it could be looked for by instead."""
    return answer.id is not None and (answer.text or labels.documents.get(answer.id)) is None


def stored(names: Iterable[str], documents: Sequence[Document] | StoreAdapter) -> set[str]:
    """Those of the ids that are stored."""
    if not isinstance(documents, StoreAdapter):
        return {name for name, _, _ in documents}
    spelled = {name: documents.spelled(name) for name in dict.fromkeys(names)}
    there = reached(documents, "read", partial(documents.fetch, list(dict.fromkeys(spelled.values()))))
    return {name for name, spelling in spelled.items() if spelling in there}


def _parents(ids: set[str], documents: Sequence[Document] | StoreAdapter) -> _Parents:
    """The chunks whose metadata names these ids, where one key of it does."""
    found: dict[str, defaultdict[str, list[str]]] = {}
    try:
        for name, _, metadata in _walked(documents):
            for key, value in flat(metadata).items():
                for one in list_of(value, "") if isinstance(value, list) else [value]:
                    if isinstance(one, str | int) and str(one) in ids:
                        found.setdefault(key, defaultdict(list))[str(one)].append(name)
    except InputError:  # the store gives no texts, nor metadata
        return _Parents()
    if not found:
        return _Parents()
    if _numbers(held for chunks in found.values() for held in chunks):  # they may be pages, rows, years, …
        of_ids = {key: chunks for key, chunks in found.items() if _IDS.search(key)}
        if not of_ids and not (len(found) == 1 and _one_to_one(next(iter(found.values())), ids)):
            return _Parents(perhaps=tuple(found))
        found = of_ids or found
    most = max(len(chunks) for chunks in found.values())
    best = {key: chunks for key, chunks in found.items() if len(chunks) == most}
    first, *others = best
    if differs := [key for key in others if best[key] != best[first]]:
        raise InputError(
            f"the labels name documents by ids that stand in the metadata {first!r} and {differs[0]!r} of different chunks: say which, with "
            f"read_labels(…, metadata=[{first!r}])"
        )
    return _Parents(first, best[first])


def _numbers(ids: Iterable[str]) -> bool:
    """Whether these are whole numbers, every one."""
    return all(re.fullmatch(r"-?\d+", name) for name in ids)


def _one_to_one(chunks: Mapping[str, list[str]], ids: set[str]) -> bool:
    """Whether each of the ids names one document, and no two the same."""
    named = [name for held in chunks.values() for name in held]
    return chunks.keys() >= ids and len(named) == len(set(named)) == len(chunks)


def _walked(documents: Sequence[Document] | StoreAdapter) -> Iterator[Document]:
    if not isinstance(documents, StoreAdapter):
        yield from documents
        return
    for page in documents.texts(1000):
        yield from zip(*page, strict=True)


def _notes(texts: Sequence[str], parents: _Parents) -> Iterator[str]:
    if parents.chunks:
        yield parents.told
    if texts:
        yield (
            f"{counted(len(texts), 'label reads', 'labels read')} like a text where an id was expected, and was looked for as one: "
            f"{first_few([text[:60] for text in texts], 2)}"
        )


def _refusal(
    gone: Sequence[str], count: int, of: int, documents: Sequence[Document] | StoreAdapter, perhaps: Sequence[str]
) -> str:
    if isinstance(documents, StoreAdapter):
        where, total = f"the {documents.kind} collection", documents.count()
        if not total:
            return f"{where} holds no documents: add some first"
        where += f" of {total}"
        example = next(iter(documents.walk(2)), ([], None))[0][:2]
    else:
        where, example = f"these {len(documents)} documents", [name for name, _, _ in documents[:2]]
    share = f"{counted(count, 'label', 'labels')} of {of} {'names' if count == 1 else 'name'} documents that are not in {where}"
    looks = f". Its ids look like {first_few(example)}" if example else ""
    there = perhaps or _keys(documents)
    keys = f" (these numbers also stand in {first_few(perhaps, 5)}, perhaps by chance)" if perhaps else ""
    keys = keys or (f" (there is {first_few(there, 5)})" if there else "")
    key = there[0] if there else "doc_id"
    return (
        f"{share}: {first_few(gone)}{looks}: label with ids that the store holds, add these documents first, or, where they are the ids of a source, "
        f'say the metadata that holds them{keys}: read_labels([{{"question": …, {key!r}: …}}], metadata=[{key!r}])'
    )


def _keys(documents: Sequence[Document] | StoreAdapter) -> list[str]:
    """The keys that the metadata of some documents has."""
    try:
        some = list(islice(_walked(documents), 20))
    except InputError:  # the store gives no metadata
        return []
    keys = dict.fromkeys(key for _, _, metadata in some for key in flat(metadata))
    return [key for key in keys if not key.startswith("_") and key != "metadata"]

"""read_labels: labelled questions out of any file or object that people have them in."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nudge_core.arguments import yes_or_no
from nudge_core.errors import FileFormatError, InputError
from nudge_integrations.labels.collecting import Collector, Form
from nudge_integrations.labels.dataset import LabelledData, read_hub
from nudge_integrations.labels.files import ENDINGS, joined, named_path, named_split, read_file
from nudge_integrations.labels.folder import is_folder, read_beir
from nudge_integrations.labels.forms import FORMS, UNJUDGED, pairs
from nudge_integrations.labels.judgements import OF_DOCUMENT, judged, judgement_column
from nudge_integrations.labels.labelled import Answer, LabelledQuestion, LabelledQuestions
from nudge_integrations.labels.source import Source, source_of
from nudge_integrations.labels.values import TEXT

_log = logging.getLogger(__name__)


def read_labels(
    given: Any, *, form: str | None = None, encoding: str | None = None, delimiter: str | None = None, **options: Any
) -> LabelledQuestions:
    """Read labelled questions in the form that they are in.

    The form is recognised by its keys or columns, and named in the result. What cannot be used is left out and listed in `problems`; what makes the
    whole of a file doubtful is refused. A judgement beside a document counts: 0 and below, false and "irrelevant" say that it is not relevant, and
    other grades are kept.

    Args:
        given: A path (JSON, JSONL, CSV, TSV, Parquet, a folder of such files, a folder in BEIR form, "hf:NAME"), several paths, a data frame, a
            `datasets` set or several by split, rows, or an object of LlamaIndex, Ragas, DeepEval, LangSmith, Langfuse or sentence-transformers;
            also pairs (question, ids), {question: ids}, {question: {id: grade}} and a `QuerySet`.
        form: Which form it is, if that shall not be recognised: "columns", "deepeval", "embedding_qa", "feedback", "labelled_rag", "langfuse",
            "langsmith", "pairs", "passages", "phoenix", "ragas", "sentence_transformers" or "squad".
        encoding: Of a file, if not UTF-8.
        delimiter: Of a CSV file, if neither comma, semicolon nor tab.
        **options: Those of the form's reader, such as the names of columns: question, ids, texts, spans, metadata.

    Returns:
        The questions with what answers them: ids, context texts, spans of text, metadata.

    Raises:
        FileFormatError: A file that cannot be read, or in which no form is recognised; the message says what was seen.
        InputError: An unknown form, or an option that the form does not have.

    Example:
        >>> read_labels([{"user_input": "How fast?", "reference_contexts": ["It takes a second."]}])
        LabelledQuestions(Ragas test set: 1 questions, labelled by 1 texts)
    """
    if isinstance(given, LabelledQuestions):
        return given
    if isinstance(given, list | tuple) and given and all(isinstance(one, LabelledQuestion) for one in given):
        return _some(given)
    if isinstance(given, Mapping) and given.keys() & set(TEXT) and all(isinstance(one, list) for one in given.values()):
        given = [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]  # columns by name
    if form == pairs.NAME or (form is None and not options and pairs.fits(given)):
        return pairs.read(given)
    data = _data(given)
    if data is not None:
        if options or form:
            raise InputError(
                f"a folder in BEIR form takes no options; there are {', '.join(options) or f'form={form!r}'}"
            )
        return of_data(data)
    source = _source(given, encoding, delimiter)
    if not source.rows and not any(source.tree.values()):
        raise FileFormatError(f"{source.name} holds no rows: expected labelled questions, one a row")
    if isinstance(options.get("spans"), Path) or _is_name(options.get("spans")):
        options["spans"] = _source(options["spans"], encoding, delimiter)
    elif not isinstance(options.get("spans"), str | bool | None):
        options["spans"] = source_of(options["spans"], "the spans")
    reader = _reader(source, form, options)
    if reader in UNJUDGED:
        source = judged(source, judgement_column(source, (), OF_DOCUMENT))
    _check(reader, options)
    questions = reader.read(source, **options)
    _log.info("%s was read as %s", source.name, questions.form)
    return questions


def _some(given: Sequence[LabelledQuestion]) -> LabelledQuestions:
    """Questions that somebody chose out of those that were read."""
    if empty := [place for place, question in enumerate(given) if not question.text]:
        raise InputError(
            f"questions[{empty[0]}] has no text, as it is one of a QuerySet: take some with a slice, labels[:10], which keeps their vectors"
        )
    return LabelledQuestions(tuple(given), "LabelledQuestion")


def of_data(data: LabelledData) -> LabelledQuestions:
    """A labelled retrieval set as labelled questions, those of each split; what is graded zero is not relevant."""
    collector = Collector("BEIR folder", Source(data.name))
    for split, judgements in data.qrels.items():
        for name, grades in judgements.items():
            answers = [
                Answer(document, data.documents[document], relevant=grade > 0, grade=grade)
                for document, grade in grades.items()
            ]
            where = f"{data.name}, {split}, question {name!r}"
            collector.add(data.queries[name], answers, id=name, split=split, where=where)
    for problem in data.problems:
        collector.problem(problem)
    return collector.done(data.documents)


def _data(given: Any) -> LabelledData | None:
    if isinstance(given, LabelledData):
        return given
    if isinstance(given, str) and given.startswith("hf:"):
        return read_hub(given.removeprefix("hf:"))
    if isinstance(given, str | Path) and is_folder(named_path(given)):
        return read_beir(named_path(given))
    return None


def _source(given: Any, encoding: str | None, delimiter: str | None) -> Source:
    if isinstance(given, str | Path):
        return read_file(given, encoding=encoding, delimiter=delimiter)
    if isinstance(given, Sequence) and given and all(isinstance(path, Path) or _is_name(path) for path in given):
        files = [named_split(read_file(path, encoding=encoding, delimiter=delimiter), Path(path)) for path in given]
        return replace(joined(files, ""), name=", ".join(source.name for source in files[:3]))
    return source_of(given)


def _is_name(path: Any) -> bool:
    return isinstance(path, str) and len(path) < 1000 and "\n" not in path and path.lower().endswith(ENDINGS)


def _reader(source: Source, form: str | None, options: dict[str, Any]) -> Form:
    if form is not None:
        if form not in FORMS:
            raise InputError(f"form is {form!r}; expected one of {', '.join(sorted((*FORMS, pairs.NAME)))}")
        unknown = [name for name in options if name not in _options(FORMS[form])]
        if unknown:
            takes = ", ".join(_options(FORMS[form])) or "none"
            raise InputError(f"the form {form} has no option {unknown[0]!r}; it takes {takes}")
        return FORMS[form]
    able = {name: module for name, module in FORMS.items() if set(options) <= set(_options(module))}
    if not able:
        known = sorted({name for module in FORMS.values() for name in _options(module)})
        unknown = [name for name in options if name not in known]
        what = f"there is no option {unknown[0]!r}" if unknown else f"no form takes {', '.join(options)} together"
        raise InputError(f"{what}; options are {', '.join(known)}")
    for module in able.values():
        if module.fits(source):
            return module
    if options and source.rows and ("columns" in able or len(able) == 1):
        return able.get("columns") or next(iter(able.values()))
    plain = source.tree and all(isinstance(value, str | int) for value in source.tree.values())
    ids = (
        '; or, if these are questions and ids, say so with lists, {"question": ["id"]}, or form=\'pairs\''
        if plain
        else ""
    )
    raise FileFormatError(
        f"{source.name} holds {source.shape}, which is none of the forms {', '.join(able)}: say form='…', or name the columns: "
        f"question='…' and ids='…', texts='…', spans='…' or metadata=['…']{ids}"
    )


_KINDS: Mapping[str, tuple[Any, str]] = {
    "float | None": (int | float | None, "a number"),
    "str": (str, "a text"),
    "str | None": (str | None, "a name of a column or key"),
    "str | Sequence[str]": (str | list | tuple, 'names of columns, such as ["page"]'),
    "Mapping[str, bool] | None": (Mapping | None, 'what words mean, such as {"so-so": False}'),
}


def _check(reader: Form, options: Mapping[str, Any]) -> None:
    """Refuse options of another kind than the reader takes.

    Raises:
        InputError: Names the option.
    """
    for name, value in options.items():
        annotation = inspect.signature(reader.read).parameters[name].annotation
        if annotation == "bool":
            yes_or_no(**{name: value})
        kind, expected = _KINDS.get(annotation, (object, ""))
        wrong = not isinstance(value, kind) or (annotation == "float | None" and isinstance(value, bool))
        if wrong or (isinstance(value, list | tuple) and not all(isinstance(one, str) for one in value)):
            raise InputError(f"{name} is {repr(value)[:60]}; expected {expected}")


def _options(form: Form) -> list[str]:
    return list(inspect.signature(form.read).parameters)[1:]

"""Test sets that LlamaIndex, Ragas and DeepEval generate: a question, and the texts of the contexts that it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nudge_core.errors import FileFormatError, first_few
from nudge_integrations.labels.collecting import Collector, Form, answers_of
from nudge_integrations.labels.labelled import LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import absent, first, text_of, written_list

CURRENT = ("reference_contexts", "reference_context_ids", "reference", "retrieved_contexts")
OLD = ("ground_truth", "ground_truths")
DEEPEVAL = (
    *("context", "retrieval_context", "retrievalContext"),
    *("source_file", "sourceFile", "actual_output", "actualOutput"),
)


def _read_labelled_rag(source: Source, *, spans: bool = False) -> LabelledQuestions:
    """Questions labelled by the texts of contexts, as `save_json` writes them; the form has no ids of nodes.

    Args:
        source: Rows with query, reference_contexts and reference_answer.
        spans: Whether reference answers are words of the text, which the right chunk must hold. A model writes them freely as a rule.
    """
    collector = Collector(LABELLED_RAG.NAME, source)
    for row in source.rows:
        span = row.values.get("reference_answer") if spans else None
        answers = answers_of(row.where, row.values.get("reference_contexts"), spans=span, judged=row.judged)
        collector.add(row.values.get("query"), answers, split=row.split, where=row.where)
    return collector.done()


def _is_ragas(source: Source) -> bool:
    columns = set(source.columns)
    return _is_current_ragas(source) or ({"question", "contexts"} <= columns and bool(columns & set(OLD)))


def _is_current_ragas(source: Source) -> bool:
    return "user_input" in source.columns and source.named(CURRENT) is not None


def _read_ragas(source: Source, *, spans: bool = False, retrieved: bool = False) -> LabelledQuestions:
    """Questions labelled by the texts of reference contexts, and by their ids where the set has them.

    Args:
        source: Rows as Ragas exports them to CSV, JSONL, pandas or `datasets`: user_input and reference_contexts (0.2 and later), or question,
            contexts and ground_truth (before).
        spans: Whether references are words of the text, which the right chunk must hold. A model writes them freely as a rule.
        retrieved: Whether the contexts beside an answer (old columns) are to be taken for the right ones. They are what some retriever found.
    """
    current = _is_current_ragas(source)
    collector = Collector(RAGAS.NAME if current else f"{RAGAS.NAME}, old columns", source)
    for row in source.rows:
        values = row.values
        question = first(values, "user_input" if current else "question")
        if isinstance(question, list):
            collector.odd("the question is a conversation of several turns and was left out", row.where)
            continue
        texts, ids = first(values, "reference_contexts" if current else "contexts"), values.get("reference_context_ids")
        if not current and not retrieved and not absent(values.get("answer")) and texts is not None:
            collector.odd(
                "the contexts stand beside an answer: they are what was retrieved, not references, and were not taken "
                "(retrieved=True takes them)",
                row.where,
            )
            texts = None
        if texts is None and absent(ids) and not absent(values.get("retrieved_contexts")):
            collector.odd("there are only retrieved_contexts, which are what was found, not what is right", row.where)
        span = first(values, "reference", *OLD) if spans else None
        facts = None if current else values.get("metadata")
        answers = answers_of(row.where, texts, ids, span, facts, row.judged)
        collector.add(question, answers, split=row.split, where=row.where)
    return collector.done()


def _is_deepeval(source: Source) -> bool:
    """Goldens with an input and one of the columns that are DeepEval's own; conversations too, to be refused by name."""
    return ("input" in source.columns and source.named(DEEPEVAL) is not None) or (
        {"scenario", "turns"} <= set(source.columns)
    )


def _read_deepeval(source: Source, *, spans: bool = False, context_delimiter: str = "|") -> LabelledQuestions:
    """Questions labelled by the texts of their ideal contexts; retrieval_context is what some retriever found and is not taken.

    Args:
        source: Rows with input, context, expected_output and source_file, as `save_as` writes them or in the camelCase of Confident AI.
        spans: Whether expected outputs are words of the text, which the right chunk must hold.
        context_delimiter: What stands between contexts where they are one text, as `save_as` writes them in CSV and JSONL.
    """
    if "input" not in source.columns:
        what = "goldens of conversations (scenario, turns)" if "scenario" in source.columns else source.shape
        raise FileFormatError(f"{source.name} holds {what}: expected goldens with an input each")
    collector = Collector(DEEPEVAL_GOLDENS.NAME, source)
    for row in source.rows:
        values, texts = row.values, row.values.get("context")
        if isinstance(texts, str) and not absent(texts) and written_list(texts, row.where) is None:
            texts = texts.split(context_delimiter)
        file = first(values, "source_file", "sourceFile")
        span = first(values, "expected_output", "expectedOutput") if spans else None
        facts = None if file is None else {"source": file}
        answers = answers_of(row.where, texts, spans=span, metadata=facts, judged=row.judged)
        if not answers and first(values, "retrieval_context", "retrievalContext") is not None:
            collector.odd("there is only a retrieval_context, which is what was found, not what is right", row.where)
        collector.add(values.get("input"), answers, id=first(values, "id"), split=row.split, where=row.where)
    return collector.done()


LABELLED_RAG = Form(
    "LabelledRagDataset", lambda source: {"query", "reference_contexts"} <= set(source.columns), _read_labelled_rag
)
RAGAS = Form("Ragas test set", _is_ragas, _read_ragas)
DEEPEVAL_GOLDENS = Form("DeepEval goldens", _is_deepeval, _read_deepeval)


KEYS = ("queries", "corpus", "relevant_docs")


def _fits(source: Source) -> bool:
    """Whether it has the three parts; two of them too, so that the third is missed by name."""
    return len(set(KEYS) & set(source.tree)) > 1


def _read(source: Source) -> LabelledQuestions:
    """Questions labelled by the ids of nodes, with their texts, so that they can also be matched to other nodes.

    Args:
        source: An object with the keys queries {id: text}, corpus {id: text} and relevant_docs {query id: [node id, …] or {node id: grade}}.
    """
    for key in KEYS:
        if key not in source.tree:
            raise FileFormatError(f"{source.name} holds {source.shape}; {key!r} is missing")
        if not isinstance(source.tree[key], Mapping):
            raise FileFormatError(f"{source.name}, {key}, is {str(source.tree[key])[:60]!r}; expected an object by id")
    queries, corpus, relevant = (source.tree[key] for key in KEYS)
    unknown = [name for name in relevant if name not in queries]
    if unknown:
        raise FileFormatError(
            f"{source.name}: relevant_docs names {len(unknown)} questions that queries lacks: {first_few(unknown)}"
        )
    collector = Collector(EMBEDDING_QA.NAME, source)
    texts = {str(name): body for name, text in corpus.items() if (body := text_of(text)) is not None}
    missing = dict[str, None]()
    for name, text in queries.items():
        where = f"{source.name}, queries[{name!r}]"
        answers = answers_of(where, ids=relevant.get(name))
        missing |= dict.fromkeys(one.id for one in answers if one.id is not None and one.id not in texts)
        given = [replace(one, text=texts.get(one.id or "")) for one in answers]
        collector.add(text, given, id=name, where=where)
    if missing:
        collector.problem(
            f"{len(missing)} relevant documents have no text in the corpus and are known by id only: {first_few(missing)}"
        )
    return collector.done(texts)


EMBEDDING_QA = Form("EmbeddingQAFinetuneDataset", _fits, _read)

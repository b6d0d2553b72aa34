"""EmbeddingQAFinetuneDataset of LlamaIndex, as `save_json` writes it: queries, corpus and relevant_docs by id."""

from __future__ import annotations

from collections.abc import Mapping

from nudge_core.errors import FileFormatError, first_few
from nudge_integrations.labels.collecting import Collector, Form
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import id_of, list_of, text_of

KEYS = ("queries", "corpus", "relevant_docs")


def _fits(source: Source) -> bool:
    """Whether it has the three parts; two of them too, so that the third is missed by name."""
    return len(set(KEYS) & set(source.tree)) > 1


def _read(source: Source) -> LabelledQuestions:
    """Questions labelled by the ids of nodes, with their texts, so that they can also be matched to other nodes.

    Args:
        source: An object with the keys queries {id: text}, corpus {id: text} and relevant_docs {query id: [node id, …]}.
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
        ids = [found for item in list_of(relevant.get(name), where) if (found := id_of(item)) is not None]
        missing |= dict.fromkeys(found for found in ids if found not in texts)
        collector.add(text, [Answer(id=found, text=texts.get(found)) for found in ids], id=name, where=where)
    if missing:
        collector.problem(
            f"{len(missing)} relevant documents have no text in the corpus and are known by id only: {first_few(missing)}"
        )
    return collector.done(texts)


EMBEDDING_QA = Form("EmbeddingQAFinetuneDataset", _fits, _read)

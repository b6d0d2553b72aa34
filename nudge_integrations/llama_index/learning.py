"""From nodes with their embeddings and labelled questions to moves; nodes as documents, and an embed model as what embeds questions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode, MetadataMode
from numpy.typing import NDArray

from nudge_core.arguments import expect
from nudge_core.corpus import MemoryCorpus
from nudge_core.errors import InputError, UnknownIdError, first_few
from nudge_core.methods.base import Method
from nudge_core.trial import Trial, trial
from nudge_integrations.collection.asking import Requests
from nudge_integrations.collection.embedding import Embedder
from nudge_integrations.collection.matching import resolve
from nudge_integrations.collection.named import Document
from nudge_integrations.collection.questions import read_training_set
from nudge_integrations.collection.remarks import remarks
from nudge_integrations.labels import LabelledQuestions, Questions
from nudge_integrations.llama_index.moves import NodeMoves
from nudge_integrations.stores.base import PARENT, with_parent
from nudge_integrations.stores.registry import adapter_of_index

_log = logging.getLogger(__name__)


def check_embedded(nodes: Sequence[BaseNode]) -> None:
    """Refuse what are no nodes, and nodes without an embedding."""
    if not isinstance(nodes, Sequence):
        raise InputError(f"nodes is a {type(nodes).__name__}; expected a list of nodes with their embeddings")
    other = next((place for place, node in enumerate(nodes) if not isinstance(node, BaseNode)), None)
    if other is not None:
        raise InputError(
            f"nodes[{other}] is a {type(nodes[other]).__name__}; expected nodes as a splitter and the embed model leave them, not results of a search"
        )
    bare = [node.node_id for node in nodes if not node.embedding]
    if bare:
        raise InputError(
            f"{len(bare)} of {len(nodes)} nodes have no embedding: {first_few(bare, 3)}. NudgeEmbeddingPostprocessor follows the embed model: "
            "IngestionPipeline(transformations=[SentenceSplitter(), embed_model, postprocessor])"
        )


def learn(
    nodes: Sequence[BaseNode],
    questions: LabelledQuestions,
    validation: LabelledQuestions | None,
    embedder: Embedder | None,
    *,
    given: str,
    method: Method,
    folds: int,
    progress: bool,
    force: bool = False,
) -> tuple[NodeMoves, Trial]:
    """Fine-tune the embeddings of these nodes. Nothing moves where questions held out do not support a gain, unless it is forced."""
    ids, matrix = _vectors(nodes)
    labels = resolve(questions, validation, list(documents_of(nodes)), None)
    labels.log_match()
    _check_known(ids, [labels.train, *([] if labels.validation is None else [labels.validation])])
    corpus = MemoryCorpus(matrix, np.asarray(ids, dtype=object))
    data = read_training_set(labels, corpus, embedder, None, progress=progress)
    done = trial(corpus, data.train, data.validation, method=method, folds=folds, missing="error", progress=progress)
    for remark in remarks(corpus, data.train, data.validation):
        _log.warning("%s", remark)
    moves = done.improves or force
    if not moves:
        why = done.evidence.why_not() if len(done.tuned) else "no setting is better than the original vectors"
        _log.warning("no node moves: %s; force=True moves them all the same", why)
    rows = done.tuned.rows if moves else np.zeros(0, np.int64)
    vectors = done.tuned.apply_to(matrix)[rows] if len(rows) else matrix[rows]
    return NodeMoves(
        given, tuple(ids[row] for row in rows), matrix[rows], vectors, done.tuned.matrix if len(rows) else None
    ), done


def _vectors(nodes: Sequence[BaseNode]) -> tuple[list[str], NDArray[np.float32]]:
    """The embedding of each id once."""
    held: dict[str, list[float]] = {}
    for node in nodes:
        embedding = node.get_embedding()
        if held.setdefault(node.node_id, embedding) != embedding:
            raise InputError(
                f"two nodes have the id {node.node_id!r} and different embeddings: give each node an id of its own, by the id_func of the splitter"
            )
    dim = len(next(iter(held.values())))
    other = next((name for name, vector in held.items() if len(vector) != dim), None)
    if other is not None:
        raise InputError(
            f"the first node has an embedding of {dim} dimensions, node {other!r} of {len(held[other])}: embed all nodes with one model"
        )
    return list(held), np.asarray(list(held.values()), np.float32)


def _check_known(ids: Sequence[str], parts: Sequence[Questions]) -> None:
    there = set(ids)
    named = list(dict.fromkeys(name for part in parts for answers in part.relevant for name in answers))
    missing = [name for name in named if name not in there]
    if missing:
        raise UnknownIdError(
            f"{len(missing)} of {len(named)} labelled nodes are not among these {len(ids)}: {first_few(missing)}. Label with node ids, which a "
            "splitter draws anew in each run unless it has an id_func; and learn from all nodes at once: call fit(nodes) with all of them "
            "before a run with num_workers, where each process sees a part"
        )


PAGE = 1000
OWN = (*PARENT, "_node_content", "_node_type")
"""What LlamaIndex puts into a store beside the metadata of a node."""


def documents_of(nodes: Iterable[BaseNode]) -> Iterator[Document]:
    """Id, text without metadata, and metadata of each node, with the id of the document that it was cut from."""
    return (
        (node.node_id, node.get_content(metadata_mode=MetadataMode.NONE), with_parent(node.ref_doc_id, node.metadata))
        for node in nodes
    )


def index_documents(index: VectorStoreIndex) -> Iterator[Document]:
    """Id, text and metadata of each node of an index: what `nudge_integrations.labels.matching.match` looks through.

    Texts come from the vector store if it keeps them, else from the docstore.
    """
    expect(index, VectorStoreIndex, "index", "the one that is to be nudged")
    pages = adapter_of_index(index).texts(PAGE)
    return (
        (name, text, {key: value for key, value in about.items() if key not in OWN})
        for page in pages
        for name, text, about in zip(*page, strict=True)
    )


class LlamaIndexEmbedder:
    """Questions by `get_query_embedding`, as a retriever embeds them; in batches by `get_text_embedding_batch` where that gives the same."""

    def __init__(self, embedding: BaseEmbedding, requests: Requests | None = None) -> None:
        self.embedding, self.requests = embedding, requests or Requests()

    @property
    def name(self) -> str:
        """Class and model."""
        model = self.embedding.model_name
        return f"{type(self.embedding).__qualname__}({'' if model == 'unknown' else model})"

    def query(self, text: str) -> Sequence[float]:
        """The vector of one question."""
        return self.embedding.get_query_embedding(text)

    def texts(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """The vectors of many texts, as documents.

        An `embeddings_cache` keeps questions and documents under the text alone, so that asking for the one would spoil the other.
        """
        if self.embedding.embeddings_cache is not None:
            return [self.query(text) for text in texts]
        return self.embedding.get_text_embedding_batch(list(texts))

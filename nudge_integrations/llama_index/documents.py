"""The nodes of an index or of a pipeline as documents: id, text and metadata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llama_index.core import VectorStoreIndex
from llama_index.core.schema import BaseNode, MetadataMode

from nudge_core.arguments import expect
from nudge_integrations.collection.matching import Document
from nudge_integrations.stores.registry import adapter_of_index

PAGE = 1000
OWN = ("document_id", "doc_id", "ref_doc_id", "_node_content", "_node_type")
"""What LlamaIndex puts into a store beside the metadata of a node."""


def documents_of(nodes: Iterable[BaseNode]) -> Iterator[Document]:
    """Id, text without metadata, and metadata of each node."""
    return ((node.node_id, node.get_content(metadata_mode=MetadataMode.NONE), node.metadata) for node in nodes)


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

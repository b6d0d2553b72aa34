"""LlamaIndex's docstore, which holds the texts of vector stores that hold none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def node_in(docstore: Any) -> Callable[[str], tuple[str, Mapping[str, Any]]]:
    """What looks up text and metadata of a node; "" and {} where the docstore does not hold it."""

    def document(name: str) -> tuple[str, Mapping[str, Any]]:
        node = docstore.get_document(name, raise_error=False)
        return ("", {}) if node is None else (node.get_content(), node.metadata)

    return document

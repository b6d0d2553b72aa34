"""Rule: source and page agree."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

SOURCE = (
    "source",
    "file_name",
    "filename",
    "file_path",
    "path",
    "file",
    "url",
    "uri",
    "link",
    "document",
    "doc_id",
    "document_id",
)
PAGE = ("page", "page_label", "page_number", "page_no")


class Place(NamedTuple):
    """Where a text comes from: parts of a path or address, the last first, and a page; empty where not known."""

    source: tuple[str, ...] = ()
    page: str = ""


def place(metadata: Mapping[str, Any]) -> Place:
    """Read source and page from whatever key is used for them, also inside of an entry "metadata"."""
    inner = metadata.get("metadata")
    held = {**inner, **metadata} if isinstance(inner, Mapping) else metadata
    return Place(_source(_first(held, SOURCE)), _page(_first(held, PAGE)))


def agree(asked: Place, stored: Place) -> bool:
    """Whether all that is asked for is so: a bare file name agrees with any path to it."""
    if asked.page and asked.page != stored.page:
        return False
    if not asked.source:
        return bool(asked.page)
    shared = min(len(asked.source), len(stored.source))
    return shared > 0 and asked.source[:shared] == stored.source[:shared]


def _first(held: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((str(held[key]) for key in keys if held.get(key) not in (None, "")), "")


def _source(given: str) -> tuple[str, ...]:
    text = unicodedata.normalize("NFKC", unquote(given)).casefold().replace("\\", "/")
    text = text.split("://", 1)[-1]
    return tuple(part for part in reversed(text.split("/")) if part not in ("", "."))


def _page(given: str) -> str:
    text = given.strip().casefold()
    return text.removesuffix(".0")

"""How a store is read: every vector once, or what its own searches find; and its texts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from nudge_core.apply import Survey
from nudge_core.errors import InputError
from nudge_integrations.stores.base import StoreAdapter
from nudge_integrations.stores.read_corpus import WalkedCorpus
from nudge_integrations.stores.searched_corpus import SearchedCorpus

LIMIT, PAGE = 200_000, 2_000
"""Up to how many documents the whole collection is read; and how many texts at once."""

Background: TypeAlias = Literal["exact", "search"]
_log = logging.getLogger(__name__)


def read_as(
    adapter: StoreAdapter, background: Background | None, found: Survey, progress: bool
) -> tuple[WalkedCorpus | SearchedCorpus, bool]:
    """The corpus of a store, and whether every vector of it is read.

    Args:
        adapter: The store.
        background: What was asked for; None to read up to `LIMIT` documents.
        found: The originals of what was moved.
        progress: Whether a long walk shows a bar.

    Raises:
        InputError: Another background.
    """
    if background not in (None, "exact", "search"):
        raise InputError(
            f'background is {background!r}; expected "exact", "search", or None to read up to {LIMIT} documents'
        )
    if background == "exact" or (background is None and adapter.about() <= LIMIT):
        return WalkedCorpus(adapter, found.originals, progress=progress), True
    if not adapter.approximate and adapter.about() > LIMIT:
        _log.warning(
            "this %s collection has no index for searches by %s, so each question is compared with every document: create one, "
            "or use background='exact', which reads each document once",
            adapter.kind,
            adapter.metric,
        )
    return SearchedCorpus(adapter, found.originals), False


def texts_of(adapter: StoreAdapter, ids: Sequence[Any]) -> dict[str, str]:
    """The texts of those of these documents that are there; none where the store holds no texts."""
    wanted = set(ids)
    found: dict[str, str] = {}
    try:
        for names, texts, _ in adapter.texts(PAGE):
            found |= {name: text for name, text in zip(names, texts, strict=True) if name in wanted}
            if len(found) == len(wanted):
                break
    except InputError as error:
        _log.info("a report without texts: %s", error)
    return found

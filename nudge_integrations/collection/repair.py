"""Documents that were written over in the moment in which somebody changed them: they get vectors of the texts that they have now."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from nudge_core.apply import Outcome
from nudge_core.errors import counted
from nudge_integrations.collection.embedding import Embedder
from nudge_integrations.stores import StoreAdapter
from nudge_integrations.stores.reading import texts_of

_log = logging.getLogger(__name__)


def embedded_again(adapter: StoreAdapter, embedder: Embedder | None, outcome: Outcome) -> Outcome:
    """The outcome, in which those that could be embedded again are listed as changed instead of overwritten."""
    if not outcome.overwritten or embedder is None:
        return outcome
    try:
        texts = {name: text for name, text in texts_of(adapter, outcome.overwritten).items() if text}
        held = adapter.fetch(list(texts))
        vectors = np.asarray(embedder.texts([texts[name] for name in held]), adapter.dtype).reshape(
            len(held), adapter.dim
        )
        lost = set(adapter.replace(held, vectors) or ()) if held else set()
    except Exception as error:  # noqa: BLE001  # they stay listed as they are
        _log.warning("they could not be embedded again (%s: %s)", type(error).__name__, error)
        return outcome
    done = [name for name in held if name not in lost]
    _log.warning(
        "%s: %s embedded again with the text it has now",
        adapter.kind,
        counted(len(done), "document was", "documents were"),
    )
    left = tuple(name for name in outcome.overwritten if name not in done)
    return replace(outcome, changed=(*outcome.changed, *done), overwritten=left)

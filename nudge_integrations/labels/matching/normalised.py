"""Rule: the texts are equal but for case, white space, forms of characters, hyphens, quotes and what is invisible."""

from __future__ import annotations

from nudge_integrations.labels.matching.text import Text


def score(reference: Text, chunk: Text) -> float | None:
    """1 where it applies."""
    return 1.0 if len(reference) and reference.folded == chunk.folded else None

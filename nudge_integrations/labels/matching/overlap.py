"""Rule: the texts have long runs in common, as where a reference was cut into chunks, or chunks overlap."""

from __future__ import annotations

from nudge_integrations.labels.matching.text import Text, covered


def score(reference: Text, chunk: Text) -> float:
    """The share of the shorter one that stands in runs which both have."""
    shorter, longer = sorted((reference, chunk), key=len)
    return float(covered(shorter, longer, reference.gram).mean()) if len(shorter) else 0.0

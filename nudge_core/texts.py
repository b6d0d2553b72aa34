"""When two questions are the same question."""

from __future__ import annotations

import unicodedata


def normal(text: str) -> str:
    """A question without what makes no difference: case, white space and Unicode's spellings of the same sign."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())

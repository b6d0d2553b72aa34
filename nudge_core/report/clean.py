"""Foreign text as text: nothing that it holds can break a page or its encoding."""

from __future__ import annotations

from typing import Any

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
"""Control characters show as their pictures: ␀ for NUL."""


def clean(value: Any, limit: int | None = None) -> str:
    """A text that any browser shows: no control characters, line ends as line feeds, halves of surrogate pairs joined or replaced by �.

    Args:
        value: The text; what is none becomes one.
        limit: How many characters are kept.
    """
    text = (value if isinstance(value, str) else str(value))[:limit]
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_PICTURES)

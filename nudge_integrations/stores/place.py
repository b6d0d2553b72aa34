"""Where a server is, in one spelling."""

from __future__ import annotations

from urllib.parse import urlsplit

_HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104  # compared, not bound to
_PORTS = {"http": 80, "https": 443}


def host_of(name: str | None) -> str | None:
    """The name of a host, one for all names of this machine."""
    if name is None:
        return None
    plain = name.strip("[]").rstrip(".").lower()
    return "localhost" if plain in _HERE or plain.startswith("127.") else plain


def address(url: str, port: int | None = None) -> str:
    """HOST:PORT of a URL, with its path where it has one, without user and password.

    Args:
        url: Of any scheme.
        port: What is meant where the URL names none, and its scheme neither.
    """
    parts = urlsplit(url)
    number = parts.port or _PORTS.get(parts.scheme, port)
    return f"{host_of(parts.hostname)}:{number}{parts.path.rstrip('/')}"

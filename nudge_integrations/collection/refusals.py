"""What an embedding model means when it raises: wait, send less, or stop. Clients of services say it in many ways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 524, 529))
FINAL = frozenset((401, 402, 403, 404, 405, 407))

_STATUS = re.compile(r"(?:^|status(?: code)?[:= ]+|error(?: code)?[:= ]+|HTTP(?:/[\d.]+)? )([45]\d\d)\b", re.IGNORECASE)
_PASSING = re.compile(
    r"RateLimit|TooManyRequests|Throttl|ResourceExhausted|RESOURCE_EXHAUSTED|UNAVAILABLE|ServiceUnavailable|Overloaded|Timeout|TimedOut|"
    r"DeadlineExceeded|DEADLINE_EXCEEDED|Connect(ion)?(Error|Reset|Aborted|Refused)|ReadError|WriteError|RemoteProtocol|RemoteDisconnected"
)
_LIMITED = re.compile(r"rate.?limit|too many requests|throttl|resource.?exhausted", re.IGNORECASE)
_HOPELESS = re.compile(r"insufficient_quota|invalid.{0,5}api.?key|incorrect api key", re.IGNORECASE)
_TOO_LARGE = re.compile(r"request too large|payload too large|entity too large", re.IGNORECASE)
_TOO_MUCH = re.compile(
    r"batch.?size|too (many|much) (inputs?|texts?|items?|documents?|instances?|tokens)|too large|too long|out of memory|"
    r"(max(imum)?|at most|up to|exceed\w*|limit)\b.{0,60}\b(batch|tokens?|inputs?|texts?|items?|instances?|array|documents?|length)|"
    r"(batch|tokens?|inputs?|texts?|items?|instances?|array|payload|documents?)\b.{0,60}\b(max(imum)?|at most|exceed\w*|limit)",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"(?:try again|retry|wait)\D{0,30}?([\d.]*\d)\s*(ms|milliseconds?|m\b|min\w*|s\b|sec\w*|[}\]]|$)", re.IGNORECASE
)


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was raised from."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def status(error: BaseException) -> int | None:
    """The HTTP status, as httpx, requests, botocore, google and the clients of vendors carry it; else as the message begins with it."""
    for one in chain(error):
        response = getattr(one, "response", None)
        if isinstance(response, Mapping):  # botocore
            response = response.get("ResponseMetadata", {})
            found = [response.get("HTTPStatusCode")]
        else:
            found = [getattr(response, name, None) for name in ("status_code", "status")]
        for value in (*(getattr(one, name, None) for name in ("status_code", "http_status", "status", "code")), *found):
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
                return int(value)
    said = _STATUS.search(str(error))
    return int(said[1]) if said else None


def limits_rate(error: BaseException) -> bool:
    """Whether it says that too much was asked in too short a time."""
    return status(error) in (429, 529) or bool(_LIMITED.search(_told(error)))


def passes(error: BaseException) -> bool:
    """Whether the same request may be answered later: a rate limit, a time-out, a connection that broke, a server that is down."""
    if _HOPELESS.search(str(error)) or _TOO_LARGE.search(str(error)):
        return False
    known = status(error)
    if known is not None:
        return known in TRANSIENT and not (known == 500 and asks_less(error))
    return isinstance(error, ConnectionError | TimeoutError) or bool(_PASSING.search(_told(error)))


def final(error: BaseException) -> bool:
    """Whether no other request will be answered either: a wrong key, no such model."""
    return status(error) in FINAL or bool(_HOPELESS.search(str(error)))


def asks_less(error: BaseException) -> bool:
    """Whether the request was too large: too many texts, or too many tokens in all."""
    return status(error) == 413 or bool(_TOO_MUCH.search(str(error)))


def retry_after(error: BaseException) -> float | None:
    """The seconds to wait that the answer names, in a header, an attribute or its message; None where it names none."""
    for one in chain(error):
        headers: Any = getattr(getattr(one, "response", None), "headers", None) or getattr(one, "headers", None)
        for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0), ("Retry-After", 1.0)):
            value = headers.get(name) if hasattr(headers, "get") else None
            if (seconds := _number(value)) is not None:
                return seconds * unit
        if (seconds := _number(getattr(one, "retry_after", None))) is not None:
            return seconds
    said = _AFTER.search(str(error)) if limits_rate(error) else None
    if said is None:
        return None
    word = said[2].lower()
    return float(said[1]) * (1e-3 if word.startswith(("ms", "milli")) else 60 if word.startswith("m") else 1)


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else max(0.0, float(value))
    except (TypeError, ValueError):  # a date, say
        return None


def _told(error: BaseException) -> str:
    """The classes of the error and of those before it, what gRPC and botocore call it, and the message."""
    words = [str(error)]
    for one in chain(error):
        words += [kind.__name__ for kind in type(one).__mro__]
        code = getattr(one, "code", None)
        try:
            words.append(str(getattr(code() if callable(code) else code, "name", code)))
        except TypeError:  # a method that wants arguments
            continue
        response = getattr(one, "response", None)
        if isinstance(response, Mapping):
            words.append(str(response.get("Error", {}).get("Code")))
    return " ".join(words)

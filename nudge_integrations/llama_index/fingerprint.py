"""A digest of values: the same in every process for equal values, another one for others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding

# What says nothing of the vectors that a model gives, or is nobody's business.
_IRRELEVANT = re.compile(
    "key|token|secret|password|header|client|callback|cache|limiter|batch|worker|retries|timeout|progress"
)


def digest(*values: Any) -> str:
    """32 hexadecimal digits of any texts, numbers, arrays, data classes and containers of these. Mappings are taken without their order."""
    hashed = blake2b(digest_size=16)
    for part in _parts(values):
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.hexdigest()


def about_model(model: BaseEmbedding | None) -> Any:
    """What tells an embedding model from another: its class and what it was made with, without keys and connections."""
    if model is None:
        return None
    made_with = {key: value for key, value in model.to_dict().items() if not _IRRELEVANT.search(key.lower())}
    return type(model).__qualname__, made_with


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, np.ndarray):
        yield f"array {value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value).__qualname__.encode()
        yield from _parts({field.name: getattr(value, field.name) for field in fields(value)})
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}".encode()
        for key in sorted(value, key=repr):
            yield from _parts((key, value[key]))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        items = list(value)
        yield f"list {len(items)}".encode()
        for item in items:
            yield from _parts(item)
    else:
        yield type(value).__qualname__.encode()
        yield re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)).encode("utf-8", "surrogatepass")

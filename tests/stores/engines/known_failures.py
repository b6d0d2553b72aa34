"""Tests of LangChain's standard suite that a store itself is known to fail."""

from types import FunctionType

import pytest
from langchain_tests.integration_tests import VectorStoreIntegrationTests as Suite


def known_failures(reasons: dict[str, str]) -> type:
    """A class to inherit from first, which marks these tests, and their asynchronous twins, as failing for these reasons.

    Each is marked on a copy: a mark on the test itself would be one for every store.
    """
    marked = {}
    for name, reason in reasons.items():
        for twin in (name, f"{name}_async"):
            test = getattr(Suite, twin)
            copy = FunctionType(test.__code__, test.__globals__, twin, test.__defaults__, test.__closure__)
            copy.__annotations__, copy.__doc__ = test.__annotations__, test.__doc__
            marked[twin] = pytest.mark.xfail(reason=reason, strict=True)(copy)
    return type("KnownFailures", (), marked)

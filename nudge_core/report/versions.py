"""The versions of what computed: what another person needs to get the same figures."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("nudge-integrations", "numpy", "torch")


def versions() -> dict[str, str]:
    """Python and the packages that compute, by name."""
    return {"python": platform.python_version(), **{package: _version(package) for package in _PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from its sources
        return "not installed"

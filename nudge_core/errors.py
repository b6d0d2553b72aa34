"""The one tree of errors.

Every message says what failed, the value received, the value expected and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable


class NudgeError(Exception):
    """Root of all errors that this project raises on purpose."""


class InputError(NudgeError, ValueError):
    """Vectors, labels or options that cannot be used: NaN, zero vectors, dimensions that differ."""


class UnknownIdError(InputError, KeyError):
    """Labels name documents that the corpus does not hold."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0])


class FileFormatError(NudgeError, ValueError):
    """A file that is truncated, of another format or version, or in another encoding."""


class MissingExtraError(NudgeError, ImportError):
    """An optional package is not installed; the message prints the pip command."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed: "
            f"pip install 'nudge-integrations[{extra}]'"
        )


class JournalError(NudgeError, OSError):
    """The journal cannot be read or written, or belongs to another collection; nothing was written to the store."""


class WriteError(NudgeError, OSError):
    """A file could not be written to its end; nothing of it is left."""


class LockedError(NudgeError):
    """Another process is writing to the same collection."""


class UnfinishedRunError(NudgeError):
    """A run was interrupted; it must be finished or undone first."""


class StoreError(NudgeError):
    """The store failed during a run, or does not hold what was written to it; the journal has every original."""


class EmbeddingError(NudgeError):
    """The object that embeds questions failed; its own error is the cause of this one. Nothing was written to the store."""


class ClusterError(NudgeError, OSError):
    """A cluster that cannot be reached, or that failed; nothing was changed."""


def first_few(items: Iterable[object], limit: int = 10) -> str:
    """The first ten items of a list of culprits, long ones cut short, and how many more there are."""
    listed = list(items)
    shown = ", ".join(said if len(said := repr(item)) <= 120 else f"{said[:100]}…" for item in listed[:limit])
    return shown if len(listed) <= limit else f"{shown} … and {len(listed) - limit} more"


def counted(count: int, one: str, more: str) -> str:
    """A number and what is counted, such as "1 document is" or "2 documents are"."""
    return f"{count:,} {one if count == 1 else more}"

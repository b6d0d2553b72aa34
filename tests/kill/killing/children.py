"""Child processes, forked from one that has imported everything and opened nothing."""

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any

import pytest

PRELOAD = ["killing.jobs", "killing.preload"]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def start() -> None:
    """Start the process from which all others are forked. What it imports is found where this process finds it."""
    multiprocessing.set_forkserver_preload(PRELOAD)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}.items():
            patch.setenv(name, value)
        forkserver.ensure_running()


class Child:
    """A process that calls a function, perhaps to its end."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, talks: bool = False) -> None:
        """Begin.

        Args:
            function: What is called, of a module that can be imported.
            *arguments: What with.
            talks: Whether the function takes a pipe for messages, as its last argument.
        """
        context = multiprocessing.get_context("forkserver")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, function, arguments, talks), daemon=True)
        self.process.start()
        theirs.close()

    def hear(self) -> Any:
        """The next message, or what the function returned."""
        assert self.pipe.poll(120), "the child process hangs"
        try:
            worked, value = self.pipe.recv()
        except EOFError:
            self.process.join()
            pytest.fail(f"the child process died with exit code {self.process.exitcode}")
        assert worked, value
        return value

    def died(self) -> bool:
        """Wait for the end; whether it was SIGKILL."""
        try:
            while self.pipe.poll(120):
                worked, value = self.pipe.recv()
                assert worked, value
        except EOFError:
            pass
        self.process.join(60)
        return self.process.exitcode == -signal.SIGKILL


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in a child process."""
    child = Child(function, *arguments)
    value = child.hear()
    child.process.join(60)
    assert child.process.exitcode == 0
    return value


class _Messages:
    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def send(self, message: Any) -> None:
        self.pipe.send((True, message))


def _work(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...], talks: bool) -> None:
    try:
        value = function(*arguments, *([_Messages(pipe)] if talks else []))
    except BaseException:  # noqa: BLE001  # told to the test, which fails with it
        pipe.send((False, traceback.format_exc()))
    else:
        pipe.send((True, value))

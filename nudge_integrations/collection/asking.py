"""How an embedding model is asked for many texts: what comes is kept at once, limits are waited for, and batches that it refuses get smaller."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply import Journal
from nudge_core.arguments import whole_number
from nudge_core.errors import InputError, MissingExtraError, NudgeError
from nudge_integrations.collection import refusals

if TYPE_CHECKING:
    from tenacity import RetryCallState

BATCH, CONCURRENCY, PATIENCE = 128, 8, 60.0
GIVEN_UP = 3
"""After how many texts that are refused one by one the rest is not asked for."""

Ask = Callable[[list[str]], NDArray[np.float32]]
Keep = Callable[[list[str], NDArray[np.float32]], None]
Told = Callable[[str], None]
T = TypeVar("T")
_log = logging.getLogger(__name__)


class FewerError(InputError):
    """A model gave fewer vectors than it was given texts; `came` says how many."""

    def __init__(self, message: str, came: int) -> None:
        super().__init__(message)
        self.came = came


class RefusedTextsError(Exception):
    """Texts that the model refuses also alone, with what it said of the first."""

    def __init__(self, refused: dict[str, Exception]) -> None:
        super().__init__(str(next(iter(refused.values()))))
        self.texts = list(refused)


class Requests:
    """How an embedding model is asked.

    Attributes:
        batch_size: Texts in one request; it gets smaller where the model refuses that many.
        concurrency: Requests under way at a time where each question is one of its own.
        patience: Seconds to wait in all, as long as nothing comes, for a model that limits its rate; a quarter of it where a connection fails.
        memory: Vectors by text, where there is no journal to keep them.
        rescue: Makes the journal that there was not, to keep what came before a failure.
    """

    def __init__(
        self, batch_size: int | None = None, concurrency: int | None = None, patience: float | None = None
    ) -> None:
        """Take those that are given, and the usual ones for those that are None."""
        self.batch_size = BATCH if batch_size is None else batch_size
        self.concurrency = CONCURRENCY if concurrency is None else concurrency
        whole_number(self.batch_size, "batch_size")
        whole_number(self.concurrency, "concurrency")
        patience = PATIENCE if patience is None else patience
        if isinstance(patience, bool) or not isinstance(patience, int | float) or not 0 <= patience < float("inf"):
            raise InputError(f"patience is {patience!r}; expected seconds from 0 up")
        self.patience = float(patience)
        self.memory: dict[str, NDArray[np.float32]] = {}
        self.rescue: Callable[[], Journal | None] | None = None

    def one(self, call: Callable[[], T], told: Told) -> T:
        """What a call returns; where it is to be waited for, it is called again. `told` hears of each wait."""
        try:
            from tenacity import Retrying, retry_if_exception
        except ImportError as lacking:
            raise MissingExtraError("tenacity", "langchain", "embedding questions") from lacking

        def limit(state: RetryCallState) -> float:
            error = _error_of(state)
            return self.patience if error is None or refusals.limits_rate(error) else self.patience / 4

        def seconds(state: RetryCallState) -> float:
            named = refusals.retry_after(error) if (error := _error_of(state)) else None
            doubled = 2.0 ** (state.attempt_number - 1) * random.uniform(1, 1.2)  # noqa: S311  # no secret
            return named if named is not None else min(doubled, max(0.0, limit(state) - _since(state)))

        def enough(state: RetryCallState) -> bool:
            return _since(state) >= limit(state) or _since(state) + state.upcoming_sleep > limit(state) + 0.1

        def tell(state: RetryCallState) -> None:
            error = _error_of(state)
            told(
                f"{type(error).__name__}: {' '.join(str(error).split())[:200]}: going on in {state.upcoming_sleep:.0f} s"
            )

        again = retry_if_exception(
            lambda e: isinstance(e, Exception) and not isinstance(e, NudgeError) and refusals.passes(e)
        )
        return Retrying(retry=again, wait=seconds, stop=enough, before_sleep=tell, reraise=True)(call)

    def all(self, texts: Sequence[str], ask: Ask, keep: Keep, told: Told, *, alone: bool) -> None:
        """Ask for all texts: in batches one after the other; or each `alone`, several at a time.

        Args:
            texts: What to embed.
            ask: Embeds some of them: (texts, dim).
            keep: Called in this thread with whatever came, also where an error or the keyboard ends this.
            told: Hears of each wait.
            alone: Whether one request takes one text.

        Raises:
            RefusedTextsError: Some texts are refused; all others were kept, unless several are.
            Exception: What the model raised where waiting does not help.
        """
        pool = ThreadPoolExecutor(self.concurrency, "nudge-embed") if alone and self.concurrency > 1 else _Here()
        run = _Run(self, deque(texts), ask, keep, told, pool, 1 if not alone else self.concurrency)
        run.alone = alone
        try:
            while run.left:
                self.one(run.round, told)
        finally:
            run.end()
        if run.refused:
            raise RefusedTextsError(run.refused) from next(iter(run.refused.values()))


class _Here(Executor):
    """Runs what is submitted at once, in this thread."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # told to whoever asks for the result
            future.set_exception(error)
        return future


class _Run:
    """The texts that are still to be embedded."""

    def __init__(
        self, requests: Requests, texts: deque[str], ask: Ask, keep: Keep, told: Told, pool: Executor, most: int
    ) -> None:
        self.requests, self.texts, self.ask, self.keep, self.told = requests, texts, ask, keep, told
        self.pool, self.most, self.alone = pool, most, False
        self.again: list[list[str]] = []
        self.running: dict[Future[NDArray[np.float32]], list[str]] = {}
        self.refused: dict[str, Exception] = {}

    @property
    def left(self) -> bool:
        return bool(self.texts or self.again)

    def round(self) -> None:
        """Ask until all is there, or until the model is to be waited for: that is an error only where nothing came since."""
        came, stopped = 0, None
        while (self.left and stopped is None) or self.running:
            while self.left and stopped is None and len(self.running) < (self.most if came else 1):
                part = self._next()
                self.running[self.pool.submit(self.ask, part)] = part
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in done:
                part = self.running[future]
                error = future.exception()
                if error is None:
                    self._took(future)
                    came += 1
                    continue
                del self.running[future]
                if isinstance(error, Exception) and not isinstance(error, NudgeError) and refusals.passes(error):
                    self.again.append(part)
                    stopped = error
                else:
                    self._smaller(part, error)
        if stopped is not None and not came:
            raise stopped

    def _next(self) -> list[str]:
        if self.again:
            return self.again.pop()
        size = 1 if self.alone else self.requests.batch_size
        return [self.texts.popleft() for _ in range(min(size, len(self.texts)))]

    def _took(self, future: Future[NDArray[np.float32]]) -> None:
        self.keep(self.running.pop(future), future.result())

    def _smaller(self, part: list[str], error: BaseException) -> None:
        """Ask for less at a time; or note the one text that is refused."""
        fewer = isinstance(error, FewerError)
        if not isinstance(error, Exception) or (isinstance(error, NudgeError) and not fewer) or refusals.final(error):
            raise error
        if len(part) == 1:
            self.refused[part[0]] = error
            if len(self.refused) == GIVEN_UP:
                raise RefusedTextsError(self.refused) from error
            return
        half, size = len(part) // 2, self.requests.batch_size
        if isinstance(error, FewerError) and 0 < error.came <= half:  # it cuts what is too long for it
            self.requests.batch_size = error.came
        elif not fewer and refusals.asks_less(error):
            self.requests.batch_size = min(self.requests.batch_size, half)
        else:  # one of them is refused, perhaps
            self.again += [part[half:], part[:half]]
            if fewer:
                self.told(f"{error}: these are asked for in halves")
            return
        self.texts.extendleft(reversed(part))
        if self.requests.batch_size < size:
            self.told(f"{len(part)} texts are refused: going on with {self.requests.batch_size} at a time")

    def end(self) -> None:
        """Wait for what is under way, and keep it."""
        self.pool.shutdown(wait=True, cancel_futures=True)
        for future in list(self.running):
            if not future.cancelled() and future.exception() is None:
                self._took(future)


def _since(state: RetryCallState) -> float:
    return state.seconds_since_start or 0.0


def _error_of(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()

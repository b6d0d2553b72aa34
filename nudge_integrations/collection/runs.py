"""Runs: what is written to a collection, taken back, finished and told, whatever found the vectors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from nudge_core import Nudge
from nudge_core.apply import Journal, Outcome, Run
from nudge_core.apply import recover as recover_run
from nudge_core.apply import restore as restore_run
from nudge_core.apply.belonging import stands
from nudge_core.apply.memory import add_feedback, remove_feedback
from nudge_core.apply.records import Direction
from nudge_core.apply.write import check_direction
from nudge_core.arguments import expect
from nudge_core.clock import Clock
from nudge_core.errors import InputError, LockedError, NudgeError, StoreError
from nudge_integrations.collection import places
from nudge_integrations.collection.embedding import Embedder
from nudge_integrations.collection.journals import Journalled
from nudge_integrations.collection.plan import Plan, Written, carry_out, check_unchanged, plan_of
from nudge_integrations.collection.questions import as_labels, judged
from nudge_integrations.collection.repair import embedded_again
from nudge_integrations.collection.words import LANGCHAIN, Words
from nudge_integrations.stores import StoreAdapter

_log = logging.getLogger(__name__)


class Runs(Journalled):
    """A vector store, its journal, and the runs over it.

    Attributes:
        adapt: Makes the adapter; called anew for each job, as the store may have changed.
        embedder: What embeds questions; None where the store has nothing to do it with.
        words: How the caller's framework calls what remedies name.
    """

    def __init__(
        self,
        adapt: Callable[[], StoreAdapter],
        embedder: Embedder | None,
        *,
        store: object = None,
        journal: str | Path | None = None,
        recover: Direction | None = None,
        words: Words = LANGCHAIN,
        of_text_alone: bool = False,
    ) -> None:
        """Look for the journal, and for a run that was interrupted.

        With `of_text_alone` the vector of a document is that of its text, and of nothing else.
        """
        super().__init__(store, journal)
        self.adapt, self.embedder, self.words = partial(_reached, adapt), embedder, words
        self._documents_by = embedder if of_text_alone else None
        if recover not in (None, *get_args(Direction)):
            raise InputError(
                f'recover is {recover!r}; expected "finish" to finish an interrupted run, "rollback" to undo it, or None'
            )
        try:
            adapter = self.adapt()
        except InputError as error:  # an empty store, say: it can be searched and filled, and is refused by `nudge`
            _log.info("no journal is looked for: %s", error)
            return
        held = self._existing(adapter)
        if held is None or not held.knows_documents():
            self.say_gone(adapter)
        if held is None or held.unfinished() is None:
            return
        try:
            with held.lock("recover"):
                if recover is None:
                    _log.warning(
                        words.said(
                            'a run on this %s collection was interrupted: call recover("finish") or recover("rollback")'
                        ),
                        adapter.kind,
                    )
                else:
                    self._ended(adapter, held, recover_run(adapter, held, recover))
        except LockedError as error:  # it is under way in another process
            _log.info("nothing is recovered: %s", error)

    def write(self, plan: Plan, *, progress: bool = True) -> Written:
        """Write what was previewed.

        Raises:
            StoreError: The store has changed since.
        """
        adapter = self.adapt()
        journal = self._open(adapter)
        with self.words.telling(), journal.lock("nudge"):
            journal.refuse_unfinished()
            check_unchanged(plan, adapter, journal)
            return self._carry_out(plan, adapter, journal, Clock(), progress)

    def apply(self, tuned: Nudge | str | Path, *, progress: bool = True) -> Outcome:
        """Write vectors that were fine-tuned elsewhere; see `NudgeVectorStore.apply`."""
        tuned = Nudge.load(tuned) if isinstance(tuned, str | Path) else tuned
        expect(tuned, Nudge, "tuned", "give what finetune returned, or the path of a saved Nudge")
        adapter = self.adapt()
        journal = self._open(adapter)
        with journal.lock("apply"):
            journal.refuse_unfinished()
            plan = plan_of(tuned, adapter, journal)
            if plan.matrix is not None:
                plan = replace(plan, model=self._model(journal))
            return self._carry_out(plan, adapter, journal, Clock(), progress).outcome

    def _carry_out(self, plan: Plan, adapter: StoreAdapter, journal: Journal, clock: Clock, progress: bool) -> Written:
        mark = partial(self._mark, adapter, journal)
        done = carry_out(plan, adapter, journal, mark, self._documents_by, clock, progress=progress)
        places.note(adapter, journal)
        return done

    def _ended(self, adapter: StoreAdapter, journal: Journal, outcome: Outcome) -> Outcome:
        places.note(adapter, journal)
        return embedded_again(adapter, self._documents_by, outcome)

    def restore(self, run: int | None = None, *, progress: bool = True) -> Outcome:
        """Put originals back, or the vectors of a run; see `NudgeVectorStore.restore`."""
        adapter = self.adapt()
        journal = self._existing(adapter)
        with nullcontext() if journal is None else journal.lock("restore"):
            if journal is None or not journal.runs():
                raise InputError(f"there is nothing to restore: {self.why_none(adapter, journal)}")
            return self._ended(adapter, journal, restore_run(adapter, journal, run, progress=progress))

    def undo(self, *, progress: bool = True) -> Outcome:
        """Take back the last run; see `NudgeVectorStore.undo`."""
        adapter = self.adapt()
        journal = self._existing(adapter)
        standing: list[Run] = []  # what was not taken back
        for run in [] if journal is None else journal.runs():
            if run.state == "done":
                if "undid" in run.settings:
                    standing.pop()
                else:
                    standing.append(run)
        if journal is None:
            raise InputError(f"there is nothing to undo: {self.why_none(adapter, journal)}")
        if not standing:
            raise InputError(f"there is nothing to undo: no run over this {adapter.kind} collection stands")
        *before, last = standing
        journal.refuse_unfinished()
        if not stands(adapter, journal, last.number):
            raise InputError(
                f"there is nothing to undo: no document of this {adapter.kind} collection holds what run {last.number}, the last in "
                f"{str(journal.path)!r}, wrote. restore() puts back what an earlier one moved"
            )
        moves = journal.changes(last.number)
        anew = bool(moves) and all(move.old == move.original for move in moves)  # what an earlier run moved is gone
        state = before[-1].number if before and not anew else None
        done = restore_run(adapter, journal, state, settings={"undid": last.number}, progress=progress)
        return self._ended(adapter, journal, done)

    def recover(self, direction: Direction, *, progress: bool = True) -> Outcome:
        """Finish an interrupted run or undo it; see `NudgeVectorStore.recover`."""
        adapter = self.adapt()
        journal = self._existing(adapter)
        if journal is None:
            check_direction(direction)
            return Outcome(None, 0)
        return self._ended(adapter, journal, recover_run(adapter, journal, direction, progress=progress))

    def history(self) -> list[Run]:
        """All runs of the collection, the first first."""
        journal = self._existing(self.adapt())
        return [] if journal is None else journal.runs()

    def add_feedback(self, question: str, relevant: Sequence[str] = (), irrelevant: Sequence[str] = ()) -> None:
        """Keep what somebody said of the answers to a question; see `NudgeVectorStore.add_feedback`."""
        judgements = judged(question, relevant, irrelevant)
        adapter = self.adapt()
        adapter.read([name for name, good in judgements.items() if good])
        add_feedback(self._open(adapter), question, judgements)

    def remove_feedback(self, question: str) -> None:
        """Forget what was said of the answers to a question; see `NudgeVectorStore.remove_feedback`."""
        remove_feedback(self._existing(self.adapt()), question)

    def feedback(self) -> list[dict[str, Any]]:
        """The feedback kept, one entry a question: {"question": …, "relevant": [ids], "irrelevant": [ids]}."""
        return as_labels(self._existing(self.adapt()))


def _reached(adapt: Callable[[], StoreAdapter]) -> StoreAdapter:
    """The adapter."""
    try:
        return adapt()
    except NudgeError:
        raise
    except Exception as error:
        raise StoreError(
            f"the store cannot be read ({type(error).__name__}: {error}): the collection was deleted, or the store is out of reach. Open it again"
        ) from error

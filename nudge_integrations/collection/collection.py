"""Collection: a vector store with its journal. All that the frameworks' classes do is done here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from nudge_core import Evaluation, Nudge, QuerySet
from nudge_core import evaluate as evaluate_exactly
from nudge_core.apply import Journal, Outcome, Run, Survey, survey, write
from nudge_core.apply import recover as recover_run
from nudge_core.apply import restore as restore_run
from nudge_core.apply.memory import (
    add_feedback,
    current_map,
    documents_learned_from,
    keep_learned,
    keep_map,
    learned_from,
    map_added,
    remove_feedback,
)
from nudge_core.apply.records import Direction
from nudge_core.clock import Clock
from nudge_core.errors import InputError, JournalError, LockedError, NudgeError, StoreError, first_few
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.methods.base import Method
from nudge_core.trial import trial
from nudge_integrations.collection.embedding import Embedder, check_model
from nudge_integrations.collection.journals import Journalled, home, new_journal
from nudge_integrations.collection.matching import resolve
from nudge_integrations.collection.questions import (
    as_labels,
    check_map,
    chosen_method,
    judged,
    read_both,
    read_test,
    read_training_set,
    with_feedback,
)
from nudge_integrations.collection.report import NudgeReport, remarks
from nudge_integrations.stores import StoreAdapter
from nudge_integrations.stores.reading import (
    Background,
    check_lengths,
    check_method,
    read_as,
    scaled,
    texts_of,
    unreachable,
)

_log = logging.getLogger(__name__)


class Collection(Journalled):
    """A vector store and its journal.

    Attributes:
        adapt: Makes the adapter; called anew for each job, as the store may have changed.
        embedder: What embeds questions; None where the store has nothing to do it with.
    """

    def __init__(
        self,
        adapt: Callable[[], StoreAdapter],
        embedder: Embedder | None,
        *,
        store: object = None,
        journal: str | Path | None = None,
        recover: Direction | None = None,
    ) -> None:
        """Look for the journal, and for a run that was interrupted."""
        super().__init__(store, journal)
        self.adapt, self.embedder = partial(_reached, adapt), embedder
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
        if held is None or held.unfinished() is None:
            return
        try:
            with held.lock("recover"):
                if recover is None:
                    _log.warning(
                        'a run on this %s collection was interrupted: call recover("finish") or recover("rollback")',
                        adapter.kind,
                    )
                else:
                    recover_run(adapter, held, recover)
        except LockedError as error:  # it is under way in another process
            _log.info("nothing is recovered: %s", error)

    def nudge(
        self,
        questions: Any,
        validation: Any,
        *,
        method: Method | None,
        measure: str | None,
        background: Background | None,
        allow_map: bool,
        folds: int,
        progress: bool,
    ) -> NudgeReport:
        """Move documents toward the questions that they answer; see `NudgeVectorStore.nudge`."""
        clock, adapter = Clock(), self.adapt()
        method = chosen_method(method, measure, allow_map=allow_map)
        check_map(method, allow_map=allow_map)
        check_method(adapter, method)
        train, validation = read_both(questions, validation)
        with clock("matching labels"):
            labels = resolve(train, validation, adapter)
        journal = self._open(adapter)
        with journal.lock("nudge"):
            journal.refuse_unfinished()
            labels = with_feedback(labels, adapter, journal)
            with clock("reading"):
                found = survey(adapter, journal)
                corpus, exact = read_as(adapter, background, found, progress)
            with clock("embedding questions"):
                data = read_training_set(labels, corpus, self.embedder, journal, progress=progress)
                check_model(journal, found, data.model)
            with clock("fine-tuning"):
                if exact:
                    check_lengths(adapter, corpus)
                done = trial(corpus, data.train, data.validation, method=method, folds=folds, progress=progress)
                if not exact:
                    check_lengths(adapter, corpus)
            report = NudgeReport(
                False,
                done,
                "exact" if exact else "search",
                str(journal.path),
                skipped=tuple(map(str, data.train.skipped)),
                gone=labels.gone,
                match=labels.match,
                problems=labels.problems,
                remarks=remarks(corpus, data.train, data.validation),
                seconds=clock.seconds,
                read_texts=lambda ids: texts_of(self.adapt, ids),
            )
            if not done.improves:
                return report
            tuned = done.tuned
            with clock("writing"):
                names, vectors = tuned.ids.tolist(), scaled(adapter, corpus, tuned)
                origins = corpus.rows(tuned.rows).numpy()
                told = {
                    **_told(tuned, method.validation),
                    "questions": len(data.train),
                    "background": report.background,
                    "model": data.model,
                }
                if tuned.matrix is not None:
                    told["map"] = keep_map(journal, tuned.matrix)
                keep_learned(journal, data.train.texts or (), data.train.relevance.documents.tolist())
                outcome = write(adapter, journal, names, vectors, origins=origins, settings=told, progress=progress)
            with clock("checking the index"):
                left = {*outcome.changed, *outcome.missing}
                kept = [row for row, name in enumerate(names) if name not in left]
                lost = unreachable(adapter, [names[row] for row in kept], vectors[kept]) if kept else ()
        return replace(report, applied=True, outcome=outcome, unreachable=lost, remedy=adapter.remedy if lost else "")

    def evaluate(
        self,
        questions: Any,
        measures: Iterable[str] = DEFAULT_MEASURES,
        *,
        background: Background | None = None,
        progress: bool = True,
    ) -> Evaluation:
        """Measure the store as it stands; see `NudgeVectorStore.evaluate`."""
        adapter = self.adapt()
        labels = resolve(read_test(questions), None, adapter)
        labels.log_match()
        journal = self._existing(adapter)
        found = Survey({}) if journal is None else survey(adapter, journal)
        moved = [] if journal is None else documents_learned_from(journal, found.originals)
        corpus, exact = read_as(adapter, background, Survey({}), progress)
        if self.embedder is not None:
            self.embedder.requests.rescue = partial(self._for_questions, adapter)
        data = read_training_set(labels, corpus, self.embedder, journal, progress=progress)
        if journal is not None:
            check_model(journal, found, data.model)
        queries = data.train
        learned = QuerySet(np.ones((1, adapter.dim), np.float32), [moved]) if moved else None
        if journal is not None and moved and (known := learned_from(journal, queries.texts or ())):
            _log.warning(
                "%d of %d questions were learned from: their figures say nothing of other questions: %s",
                len(known),
                len(queries),
                first_few(known, 3),
            )
        if exact and adapter.metric == "l2":
            check_lengths(adapter, corpus)
        metric: Literal["cosine", "dot"] = "cosine" if adapter.metric == "cosine" else "dot"
        done = evaluate_exactly(corpus, queries, measures, train=learned, metric=metric, progress=progress)
        if not exact and adapter.metric == "l2":
            check_lengths(adapter, corpus)
        return done

    def _for_questions(self, adapter: StoreAdapter) -> Journal | None:
        """The journal, made to keep the vectors of questions where they did not all come; None where it cannot be made."""
        try:
            return self._open(adapter)
        except JournalError as error:
            _log.info("the vectors of questions are kept in memory: %s", error)
            return None

    def restore(self, run: int | None = None, *, progress: bool = True) -> Outcome:
        """Put originals back, or the vectors of a run; see `NudgeVectorStore.restore`."""
        adapter = self.adapt()
        journal = self._existing(adapter)
        if journal is None or not journal.runs():
            place = self._chosen or (home() if adapter.fingerprint is None else new_journal(adapter, self._store))
            raise InputError(
                f"there is nothing to restore: this {adapter.kind} collection has no journal at {str(place)!r}. If its vectors were moved on another "
                "machine, by another user or with another $NUDGE_HOME, bring that journal and say where it is: journal=FILE"
            )
        return restore_run(adapter, journal, run, progress=progress)

    def recover(self, direction: Direction, *, progress: bool = True) -> Outcome:
        """Finish an interrupted run or undo it; see `NudgeVectorStore.recover`."""
        adapter = self.adapt()
        journal = self._existing(adapter)
        if journal is None:
            return Outcome(None, 0)
        return recover_run(adapter, journal, direction, progress=progress)

    def added(self, ids: Sequence[str]) -> None:
        """Hear that documents were added: they go through the map that the others went through, if there is one."""
        self.forget(ids)
        held = self._opened()
        if held is not None and ids and current_map(held) is not None:
            map_added(self.adapt(), held, [self._spelled(str(name)) for name in ids])

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


def _told(tuned: Nudge, measure: object) -> dict[str, Any]:
    """What the journal keeps of a fine-tuning."""
    kept = {name: getattr(tuned, name) for name in ("method", "gamma", "gamma_unit", "before", "after")}
    if tuned.settings:
        kept["settings"] = {name: dict(setting) for name, setting in tuned.settings.items()}
    return kept | {"measure": str(measure)}

"""Collection: a vector store with its journal. All that the frameworks' classes do is done here."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from nudge_core import Evaluation, NudgeN, QuerySet
from nudge_core import evaluate as evaluate_exactly
from nudge_core.apply import Journal, Outcome, Run, Survey, survey, write
from nudge_core.apply import recover as recover_run
from nudge_core.apply import restore as restore_run
from nudge_core.apply.memory import add_feedback, alike, feedback
from nudge_core.arguments import expect
from nudge_core.clock import Clock
from nudge_core.errors import InputError, LockedError
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.methods.base import Method
from nudge_core.trial import trial
from nudge_integrations.journals import find_journal, home, new_journal, open_journal
from nudge_integrations.labels import Questions, read_questions
from nudge_integrations.question_vectors import Embedder, query_set
from nudge_integrations.report import NudgeReport
from nudge_integrations.stores import StoreAdapter
from nudge_integrations.stores.checks import check_lengths, check_method, scaled, unreachable
from nudge_integrations.stores.corpus import SearchedCorpus, WalkedCorpus
from nudge_integrations.training import present, read_both, with_feedback

LIMIT = 200_000
"""Up to how many documents the whole collection is read."""

Direction: TypeAlias = Literal["forward", "back"]
Background: TypeAlias = Literal["exact", "search"]
_Key: TypeAlias = tuple[str | None, int, str]
_log = logging.getLogger(__name__)


class Collection:
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
        """Look for the journal, and for a run that was interrupted.

        Args:
            adapt: Makes the adapter.
            embedder: What embeds questions.
            store: The framework's own store, by which a collection that lives in memory is known.
            journal: Where the journal is kept, if not in the usual place.
            recover: What to do with an interrupted run at once: finish it ("forward") or undo it ("back"). A run that is still under way in another
                process is left alone.
        """
        self.adapt, self.embedder = adapt, embedder
        if journal is not None and (not isinstance(journal, str | Path) or str(journal) in ("", ":memory:")):
            raise InputError(
                f"journal is {journal!r}; expected the path of a file, which holds the originals when this process has ended"
            )
        self._chosen = None if journal is None else Path(journal).expanduser().absolute()
        self._store = self if store is None else store
        self._journal: tuple[_Key, Journal] | None = None
        self._inherited: list[Journal] = []
        self._spelled: Callable[[str], str] = str
        if recover not in (None, "forward", "back"):
            raise InputError(
                f'recover is {recover!r}; expected "forward" to finish an interrupted run, "back" to undo it, or None'
            )
        try:
            adapter = adapt()
        except (
            InputError
        ) as error:  # an empty store, say: it can be searched and filled, and is refused when it is to be nudged
            _log.info("no journal is looked for: %s", error)
            return
        held = self._existing(adapter)
        if held is None or held.unfinished() is None:
            return
        try:
            with held.lock("recover"):
                if recover is None:
                    _log.warning(
                        'a run on this %s collection was interrupted: call recover("forward") or recover("back")',
                        adapter.kind,
                    )
                else:
                    recover_run(adapter, held, recover)
        except LockedError as error:  # it is under way in another process
            _log.info("nothing is recovered: %s", error)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_journal": None, "_inherited": [], "_spelled": str}

    @property
    def journal(self) -> Path | None:
        """The file of the journal; None before the first run where no place was chosen."""
        return self._chosen if self._journal is None else self._journal[1].path

    def _existing(self, adapter: StoreAdapter) -> Journal | None:
        held = self._opened(adapter)
        # two objects may hold one store in memory, so a journal without a run may not be the one
        if held is not None and (self._chosen or adapter.fingerprint is not None or held.knows_documents()):
            return held
        path = self._chosen or find_journal(adapter, self._store)
        if path is None or not path.is_file() or (held is not None and held.path == path):
            return held
        return self._keep(adapter, path)

    def _open(self, adapter: StoreAdapter) -> Journal:
        return self._existing(adapter) or self._keep(adapter, self._chosen or new_journal(adapter, self._store))

    def _keep(self, adapter: StoreAdapter, path: Path) -> Journal:
        self._spelled = adapter.spelled
        held = open_journal(adapter, path)
        self._journal = (_key(adapter), held)
        return held

    def _opened(self, adapter: StoreAdapter | None = None) -> Journal | None:
        """The journal that is open; in a process that was forked since it is opened anew."""
        if self._journal is None or (adapter is not None and self._journal[0] != _key(adapter)):
            return None
        key, held = self._journal
        if held.process != os.getpid():
            self._inherited.append(held)  # never to be closed here
            held = held.again()
            self._journal = (key, held)
        return held

    def nudge(
        self,
        questions: Any = None,
        validation: Any = None,
        *,
        method: Method | None = None,
        measure: str | None = None,
        background: Background | None = None,
        folds: int = 5,
        progress: bool = True,
    ) -> NudgeReport:
        """Move documents toward the questions that they answer; see `NudgeVectorStore.nudge`."""
        clock, adapter = Clock(), self.adapt()
        method = NudgeN("angles", "nDCG@10") if method is None else method
        expect(method, Method, "method", "for example method=NudgeN()")
        method = method if measure is None else replace(method, measure=measure)  # type: ignore[type-var]
        check_method(adapter, method)
        train, held = read_both(questions, validation)
        journal = self._open(adapter)
        with journal.lock("nudge"):
            journal.refuse_unfinished()
            said, gone = present(adapter, feedback(journal))
            train = with_feedback(train, said)
            with clock("reading"):
                found = survey(adapter, journal)
                corpus, exact = self._corpus(adapter, background, found, progress)
                for part in (train, held):
                    if part is not None:
                        corpus.find(np.asarray([name for answers in part.relevant for name in answers], dtype=object))
            with clock("embedding questions"):
                learn, model = self._query_set(train, journal, adapter, progress)
                judge = None if held is None else self._query_set(held, journal, adapter, progress)[0]
                _check_model(journal, found, model)
            with clock("fine-tuning"):
                if exact:
                    check_lengths(adapter, corpus)
                done = trial(corpus, learn, judge, method=method, folds=folds, progress=progress)
                if not exact:
                    check_lengths(adapter, corpus)
            report = NudgeReport(
                False,
                done,
                "exact" if exact else "search",
                str(journal.path),
                skipped=tuple(map(str, learn.skipped)),
                gone=gone,
                seconds=clock.seconds,
            )
            if not done.improves:
                return report
            tuned = done.tuned
            settings = {
                "method": tuned.method,
                "gamma": tuned.gamma,
                "gamma_unit": tuned.gamma_unit,
                "measure": str(method.validation),
                "before": tuned.before,
                "after": tuned.after,
                "questions": len(learn),
                "background": report.background,
                "model": model,
            }
            with clock("writing"):
                names, vectors = tuned.ids.tolist(), scaled(adapter, corpus, tuned)
                origins = corpus.rows(tuned.rows).numpy()
                outcome = write(adapter, journal, names, vectors, origins=origins, settings=settings, progress=progress)
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
        asked = read_questions(questions, "test")
        journal = self._existing(adapter)
        moved = [] if journal is None else list(survey(adapter, journal).originals)
        corpus, exact = self._corpus(adapter, background, Survey({}), progress)
        queries, _ = self._query_set(asked, journal, adapter, progress)
        learned = QuerySet(np.ones((1, adapter.dim), np.float32), [moved]) if moved else None
        if exact and adapter.metric == "l2":
            check_lengths(adapter, corpus)
        metric: Literal["cosine", "dot"] = "cosine" if adapter.metric == "cosine" else "dot"
        done = evaluate_exactly(corpus, queries, measures, train=learned, metric=metric, progress=progress)
        if not exact and adapter.metric == "l2":
            check_lengths(adapter, corpus)
        return done

    def restore(self, run: int | None = None, *, progress: bool = True) -> Outcome:
        """Put originals back, or the vectors of a run; see `NudgeVectorStore.restore`."""
        adapter = self.adapt()
        journal = self._existing(adapter)
        if journal is None:
            place = self._chosen or (home() if adapter.fingerprint is None else new_journal(adapter, self._store))
            raise InputError(
                f"there is nothing to restore: this {adapter.kind} collection has no journal at {str(place)!r}. If its vectors were moved on another "
                "machine, by another user or with another $NUDGE_HOME, bring that journal: NudgeVectorStore(…, journal=FILE)"
            )
        return restore_run(adapter, journal, run, progress=progress)

    def recover(self, direction: Direction, *, progress: bool = True) -> Outcome:
        """Finish an interrupted run or undo it; see `NudgeVectorStore.recover`."""
        adapter = self.adapt()
        journal = self._existing(adapter)
        if journal is None:
            return Outcome(None, 0)
        return recover_run(adapter, journal, direction, progress=progress)

    def history(self) -> list[Run]:
        """All runs of the collection, the first first."""
        journal = self._existing(self.adapt())
        return [] if journal is None else journal.runs()

    def add_feedback(self, question: str, relevant: Sequence[str] = (), irrelevant: Sequence[str] = ()) -> None:
        """Keep what somebody said of the answers to a question; see `NudgeVectorStore.add_feedback`."""
        if not isinstance(question, str) or not question.strip():
            raise InputError(f"question is {question!r}; expected the text of a question")
        if isinstance(relevant, str) or isinstance(irrelevant, str):
            raise InputError('relevant and irrelevant are lists of document ids, for example relevant=["a"]')
        judgements = {str(name): True for name in relevant} | {str(name): False for name in irrelevant}
        if both := set(map(str, relevant)) & set(map(str, irrelevant)):
            raise InputError(f"{sorted(both)} are given as relevant and as irrelevant: decide for one")
        if not judgements:
            raise InputError("neither relevant nor irrelevant documents are given: name at least one")
        adapter = self.adapt()
        adapter.read([name for name, good in judgements.items() if good])
        add_feedback(self._open(adapter), question, judgements)

    def remove_feedback(self, question: str) -> None:
        """Forget what was said of the answers to a question; see `NudgeVectorStore.remove_feedback`."""
        journal = self._existing(self.adapt())
        if journal is None or question not in feedback(journal):
            raise InputError(f"no feedback on the question {question!r} is kept: labels() lists those that are")
        journal.execute("DELETE FROM feedback WHERE question = ?", [(question,)])

    def labels(self) -> list[dict[str, Any]]:
        """The feedback kept, one entry a question: {"question": …, "relevant": [ids], "irrelevant": [ids]}."""
        journal = self._existing(self.adapt())
        return [
            {
                "question": question,
                "relevant": [name for name, good in judgements.items() if good],
                "irrelevant": [name for name, good in judgements.items() if not good],
            }
            for question, judgements in ({} if journal is None else feedback(journal)).items()
        ]

    def forget(self, ids: Iterable[str]) -> None:
        """Hear that documents were added anew or deleted: what the store holds of them now is their original."""
        held = self._opened()
        if held is not None:
            held.forget([self._spelled(str(name)) for name in ids])

    def _corpus(
        self, adapter: StoreAdapter, background: Background | None, found: Survey, progress: bool
    ) -> tuple[WalkedCorpus | SearchedCorpus, bool]:
        if background not in (None, "exact", "search"):
            raise InputError(
                f'background is {background!r}; expected "exact", "search", or None to read up to {LIMIT} documents'
            )
        exact = background == "exact" or (background is None and adapter.count() <= LIMIT)
        if exact:
            return WalkedCorpus(adapter, found.originals, progress=progress), True
        return SearchedCorpus(adapter, found.originals), False

    def _query_set(
        self, questions: Questions, journal: Journal | None, adapter: StoreAdapter, progress: bool
    ) -> tuple[QuerySet, int | None]:
        """The embedded questions, named by their texts, those without a relevant document left out; and the number of the embedding model."""
        return query_set(questions, self.embedder, journal, adapter.dim, progress=progress)


def _key(adapter: StoreAdapter) -> _Key:
    return adapter.fingerprint, adapter.dim, adapter.dtype.str


def _check_model(journal: Journal, found: Survey, model: int | None) -> None:
    last = next((run for run in reversed(journal.runs()) if run.kind == "nudge" and run.state == "done"), None)
    before = None if last is None else last.settings.get("model")
    if model is None or not found.originals or last is None or before is None or alike(journal, before, model):
        return
    raise InputError(
        f"questions are embedded by another model than in run {last.number}, whose vectors stand in the store: give the store the embedding of then, "
        "or restore(), embed every document again, and nudge anew"
    )

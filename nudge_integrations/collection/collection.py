"""Collection: a vector store with its journal. All that the frameworks' classes do is done here."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np

from nudge_core import Evaluation, QuerySet
from nudge_core import evaluate as evaluate_exactly
from nudge_core.apply import Journal, Survey, survey
from nudge_core.apply.memory import (
    documents_learned_from,
    learned_from,
    warn_of_unmapped,
)
from nudge_core.arguments import yes_or_no
from nudge_core.clock import Clock
from nudge_core.corpus.base import Missing
from nudge_core.errors import InputError, JournalError, first_few
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.methods.base import Method
from nudge_core.trial import trial
from nudge_integrations.collection.embedding import check_model, probe_of
from nudge_integrations.collection.matching import resolve
from nudge_integrations.collection.named import check_missing
from nudge_integrations.collection.plan import Plan, told
from nudge_integrations.collection.questions import (
    check_map,
    chosen_method,
    read_both,
    read_test,
    read_training_set,
    with_feedback,
)
from nudge_integrations.collection.remarks import remarks
from nudge_integrations.collection.report import NudgeReport
from nudge_integrations.collection.runs import Runs
from nudge_integrations.labels import Questions
from nudge_integrations.stores import StoreAdapter
from nudge_integrations.stores.filtering import FilteredAdapter
from nudge_integrations.stores.reading import (
    Background,
    check_lengths,
    check_method,
    read_as,
    scaled,
    texts_of,
)

_log = logging.getLogger(__name__)


class Collection(Runs):
    """A vector store and its journal: questions in, moved vectors or figures out."""

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
        missing: Missing = "skip",
        dry_run: bool = False,
        force: bool = False,
        note: str = "",
        filter: Any = None,  # noqa: A002
    ) -> NudgeReport:
        """Move documents toward the questions that they answer; see `NudgeVectorStore.nudge`."""
        yes_or_no(dry_run=dry_run, force=force, progress=progress)
        clock, adapter = Clock(), self.adapt()
        chosen = chosen_method(method, measure, allow_map=allow_map)
        check_map(chosen, allow_map=allow_map, given=method is not None)
        method = chosen
        check_method(adapter, method)
        check_missing(missing)
        train, validation = read_both(questions, validation)
        given = sum(len(part) for part in (train, validation) if part is not None)
        with clock("matching labels"):
            seen = seen_through(adapter, filter, background, allow_map=allow_map)
            labels = resolve(train, validation, seen, missing)
        journal = self._open(adapter)
        with journal.lock("nudge"):
            journal.refuse_unfinished()
            known = len(labels.train)
            labels = with_feedback(labels, seen, journal)
            with clock("reading"):
                found = survey(adapter, journal)
                corpus, exact = read_as(seen, background, found, progress)
            with clock("embedding questions"):
                data = read_training_set(labels, corpus, self.embedder, journal, progress=progress)
                check_model(journal, found, data.model)
            with clock("fine-tuning"):
                long, turns = partial(self._length_of, labels.train), method.metric == "cosine"
                about_lengths = check_lengths(adapter, corpus, long, turns=turns) if exact else ""
                done = trial(
                    corpus, data.train, data.validation, method=method, folds=folds, missing="error", progress=progress
                )
                if not exact:
                    about_lengths = check_lengths(adapter, corpus, long, turns=turns)
            report = NudgeReport(
                False,
                done,
                "exact" if exact else "search",
                str(journal.path),
                skipped=tuple(map(str, data.train.skipped)),
                gone=labels.gone if filter is None else (),
                missing=labels.missing,
                match=labels.match,
                problems=labels.problems,
                remarks=(*remarks(corpus, data.train, data.validation), *([about_lengths] if about_lengths else [])),
                given=given,
                used=len(data.train) + (0 if data.validation is None else len(data.validation)),
                from_feedback=len(labels.train) - known,
                filtered=labels.filtered,
                by_key=labels.by_key,
                collection=f"{adapter.kind}, {adapter.about():,} documents"
                + ("" if filter is None else f", {seen.count():,} under the filter"),
                seconds=clock.seconds,
                words=self.words,
                read_texts=lambda ids: texts_of(self.adapt, ids),
            )
            tuned = done.tuned
            if not len(tuned) or not (done.improves or force):
                return report
            about = {"questions": len(data.train), "background": report.background, "model": data.model, "note": note}
            plan = Plan(
                tuned.ids.tolist(),
                scaled(adapter, corpus, tuned),
                corpus.rows(tuned.rows).numpy(),
                {**told(tuned, method.validation), **about},
                tuned.matrix,
                (self._model(journal) if data.model is None else data.model) if tuned.matrix is not None else None,
                data.train.texts or (),
                data.train.relevance.documents.tolist(),
                len(journal.runs()),
                seen.ids if isinstance(seen, FilteredAdapter) else None,
            )
            if dry_run:
                return replace(report, preview=partial(self.write, plan, progress=progress))
            return replace(report, seconds=clock.seconds).written(
                self._carry_out(plan, adapter, journal, clock, progress)
            )

    def evaluate(
        self,
        questions: Any,
        measures: Iterable[str] = DEFAULT_MEASURES,
        *,
        background: Background | None = None,
        missing: Missing = "skip",
        filter: Any = None,  # noqa: A002
        progress: bool = True,
    ) -> Evaluation:
        """Measure the store as it stands; see `NudgeVectorStore.evaluate`."""
        yes_or_no(progress=progress)
        adapter = self.adapt()
        check_missing(missing)
        seen = seen_through(adapter, filter, background)
        labels = resolve(read_test(questions), None, seen, missing)
        if labels.missing and not any(labels.train.relevant):
            raise InputError(f"none of the {len(labels.train)} questions has a relevant document{labels.why_none()}")
        labels.log_match()
        journal = self._existing(adapter)
        found = Survey({}) if journal is None else survey(adapter, journal)
        moved = [] if journal is None else documents_learned_from(journal, found.originals)
        corpus, exact = read_as(seen, background, Survey({}), progress)
        if self.embedder is not None:
            self.embedder.requests.rescue = partial(self._for_questions, adapter)
        data = read_training_set(labels, corpus, self.embedder, journal, progress=progress)
        if journal is not None:
            check_model(journal, found, data.model)
        queries = data.train
        learned = QuerySet(np.ones((1, adapter.dim), np.float32), [moved]) if moved else None
        if journal is not None:
            warn_of_unmapped(journal, adapter.about())
        if journal is not None and moved and (known := learned_from(journal, queries.texts or ())):
            _log.warning(
                "%d of %d questions were learned from: their figures say nothing of other questions: %s",
                len(known),
                len(queries),
                first_few(known, 3),
            )
        by_l2 = adapter.metric == "l2"
        long = partial(self._length_of, labels.train)
        if exact and by_l2:
            check_lengths(adapter, corpus, long)
        metric: Literal["cosine", "dot"] = "cosine" if adapter.metric == "cosine" else "dot"
        done = evaluate_exactly(
            corpus, queries, measures, train=learned, metric=metric, missing="error", progress=progress
        )
        if not exact and by_l2:
            check_lengths(adapter, corpus, long)
        return done

    def _length_of(self, questions: Questions) -> float:
        """How long questions are in a search of the store: as given, or as the model makes a fixed text."""
        if questions.vectors is not None or self.embedder is None:
            given = np.ones((1, 1)) if questions.vectors is None else questions.vectors
            return float(np.median(np.linalg.norm(given, axis=1)))
        return float(np.linalg.norm(probe_of(self.embedder)))

    def _for_questions(self, adapter: StoreAdapter) -> Journal | None:
        """The journal, made to keep the vectors of questions where they did not all come; None where it cannot be made."""
        try:
            return self._open(adapter)
        except JournalError as error:
            _log.info("the vectors of questions are kept in memory: %s", error)
            return None


def seen_through(
    adapter: StoreAdapter,
    given: Any,
    background: Background | None,
    *,
    allow_map: bool = False,
) -> StoreAdapter:
    """The collection as a search under this filter sees it.

    Raises:
        InputError: A filter that cannot be applied, or not with the other arguments.
    """
    if given is None:
        return adapter
    if background == "search":
        raise InputError("a filter goes with background='exact' only: leave background='search' out, or the filter")
    if allow_map:
        raise InputError(
            "a map moves every document, and documents added later too: leave out allow_map=True, or the filter"
        )
    return FilteredAdapter(adapter, given)

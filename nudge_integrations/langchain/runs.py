"""RunsOfStore: what was written to a store is told, taken back and finished; and feedback is kept for the next run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nudge_core import Nudge
from nudge_core.apply import Outcome, Run
from nudge_core.apply.pruning import KEEP
from nudge_core.apply.records import Direction
from nudge_integrations.collection.collection import Collection
from nudge_integrations.langchain.wrapping import in_thread


class RunsOfStore:
    """The runs over the collection of a `NudgeVectorStore`."""

    _nudging: Collection

    def restore(self, run: int | None = None, *, progress: bool = True) -> Outcome:
        """Put every original vector back, bit for bit.

        Args:
            run: The number of a run in `history`, whose vectors shall stand again; without it the originals.
            progress: Whether work that takes longer than two seconds shows a bar.

        Returns:
            How many documents stand as wanted, and those left alone, because they were embedded again since, or that are gone.

        Raises:
            InputError: There is no such run, or no journal.
            LockedError: Another process is writing to this collection.
            UnfinishedRunError: A run was interrupted: `recover` first.
            StoreError: The store failed: `recover` when it is back.
        """
        return self._nudging.restore(run, progress=progress)

    arestore = in_thread(restore)

    def undo(self, *, progress: bool = True) -> Outcome:
        """Take back the last run, a `nudge`, `apply` or `restore`: what stood before it stands again. Called again, the one before.

        Raises:
            InputError: No run stands.
            LockedError: Another process is writing to this collection.
            UnfinishedRunError: A run was interrupted: `recover` first.
            StoreError: The store failed: `recover` when it is back.
        """
        return self._nudging.undo(progress=progress)

    aundo = in_thread(undo)

    def apply(self, tuned: Nudge | str | Path, *, progress: bool = True) -> Outcome:
        """Write vectors that were fine-tuned elsewhere, as safely as `nudge` writes its own. Nothing is measured.

        Args:
            tuned: What `finetune` returned, or the path of a saved `Nudge`; its ids are those of this store.
            progress: Whether work that takes longer than two seconds shows a bar.

        Raises:
            InputError: Vectors of another dimension or metric, or that were not computed from those of this store.
            UnknownIdError: Documents that the store does not hold.
            LockedError, UnfinishedRunError, StoreError: As for `nudge`.
        """
        return self._nudging.apply(tuned, progress=progress)

    aapply = in_thread(apply)

    def recover(self, direction: Direction, *, progress: bool = True) -> Outcome:
        """Finish a run that was interrupted ("finish"), or undo it ("rollback"). Without such a run nothing happens.

        Raises:
            InputError: Another direction.
            LockedError: The run is still under way in another process.
            StoreError: The store failed: call it again when the store is back.
        """
        return self._nudging.recover(direction, progress=progress)

    arecover = in_thread(recover)

    def history(self) -> list[Run]:
        """All runs over this collection, the first first."""
        return self._nudging.history()

    ahistory = in_thread(history)

    def prune(self, keep: int = KEEP) -> int:
        """Make the journal smaller: forget the moves of all but the last runs, to which `restore(run=…)` then no longer goes back.

        It returns how many runs were pruned. Every original stays, and each run in `history`. A journal is pruned by itself where more runs than
        this have vectors.

        Args:
            keep: How many runs are kept as they are, 1 or more.

        Raises:
            InputError: `keep` is no such number.
            LockedError: Another process is writing to this collection.
        """
        return self._nudging.prune(keep)

    aprune = in_thread(prune)

    def begin_anew(self) -> None:
        """Take what the store holds now for original, where its journal is lost: only then.

        Raises:
            InputError: The journal is there, and vectors stand moved: `restore` puts the originals back.
        """
        self._nudging.begin_anew()

    abegin_anew = in_thread(begin_anew)

    def add_feedback(self, question: str, relevant: Sequence[str] = (), irrelevant: Sequence[str] = ()) -> None:
        """Keep, in the journal, what somebody said of the answers to a question; the next `nudge` uses it.

        It goes before other labels of the same question, and a later word before an earlier one.

        Args:
            question: The text of the question.
            relevant: The ids of documents that answer it.
            irrelevant: The ids of documents that do not.

        Raises:
            InputError: No question, or no documents.
            UnknownIdError: Relevant documents that the store does not hold.
        """
        self._nudging.add_feedback(question, relevant, irrelevant)

    aadd_feedback = in_thread(add_feedback)

    def remove_feedback(self, question: str) -> None:
        """Forget what was said of the answers to a question.

        Raises:
            InputError: Nothing was.
        """
        self._nudging.remove_feedback(question)

    aremove_feedback = in_thread(remove_feedback)

    def labels(self) -> list[dict[str, Any]]:
        """The feedback kept, one entry a question: {"question": …, "relevant": [ids], "irrelevant": [ids]}."""
        return self._nudging.feedback()

    alabels = in_thread(labels)

"""NudgeEmbeddingPostprocessor: the step of a pipeline after the embed model, which moves embeddings toward the questions that they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings.utils import resolve_embed_model
from llama_index.core.schema import BaseNode, TransformComponent
from llama_index.core.settings import Settings
from pydantic import BaseModel, Field, PrivateAttr, computed_field

from nudge_core.arguments import expect, whole_number, yes_or_no
from nudge_core.errors import InputError
from nudge_core.methods.base import Method
from nudge_core.trial import Trial
from nudge_integrations.collection.asking import Requests
from nudge_integrations.collection.questions import chosen_method, read_both
from nudge_integrations.llama_index.learning import LlamaIndexEmbedder, check_embedded, learn
from nudge_integrations.llama_index.moves import NodeMoves, about_model, digest

_MISPLACED = (
    "NudgeEmbeddingPostprocessor moves the embeddings of nodes before they are stored, so it belongs into the pipeline, not among the "
    "node_postprocessors of a query engine: IngestionPipeline(transformations=[SentenceSplitter(), embed_model, postprocessor]); for an index that "
    "exists there is nudge_index(index, questions)"
)


class NudgeEmbeddingPostprocessor(TransformComponent):
    """Learns from labelled questions how nodes move, at its first call or in `fit`; from then on it moves those nodes.

    All other nodes go through the map that was learned; where none was, they pass. A node is known by its id and by the vector that it had. What
    comes in is not changed: nodes that move leave as copies.

    Attributes:
        questions: What it learns from; assign others, and it learns anew at its next call.
        validation: Questions that choose how far nodes move; None for folds.
        embed_model: What embeds questions: the model of the pipeline.
        method: How nodes move.
        folds: How many folds.
        force: Whether nodes move without evidence.
        progress: Whether work that takes longer than two seconds shows a bar.

    Example:
        >>> from llama_index.core import MockEmbedding
        >>> from llama_index.core.ingestion import IngestionPipeline
        >>> from llama_index.core.schema import TextNode
        >>> from nudge_integrations.llama_index import NudgeEmbeddingPostprocessor
        >>> questions = [("Where is it?", ["a"]), ("What is it?", ["b"])]
        >>> post = NudgeEmbeddingPostprocessor(questions=questions, embed_model=MockEmbedding(embed_dim=4))
        >>> pipeline = IngestionPipeline(transformations=[post.embed_model, post])
        >>> nodes = pipeline.run(nodes=[TextNode(id_="a", text="Here."), TextNode(id_="b", text="A thing.")])
        >>> post  # this model tells no text from another
        NudgeEmbeddingPostprocessor(2 questions, fitted: 0 nodes move)
    """

    questions: Any = Field(default=None, exclude=True)
    validation: Any = Field(default=None, exclude=True)
    embed_model: Any = Field(default=None, exclude=True)
    method: Any = Field(default=None, exclude=True)
    folds: int = 5
    force: bool = False
    progress: bool = Field(default=True, exclude=True)
    _moves: NodeMoves | None = PrivateAttr(default=None)
    _trial: Trial | None = PrivateAttr(default=None)
    _about: dict[str, Any] = PrivateAttr(default_factory=dict)
    _requests: Requests = PrivateAttr(default_factory=Requests)

    def __init__(
        self,
        questions: Any,
        validation: Any = None,
        *,
        embed_model: BaseEmbedding | str | None = None,
        method: Method | None = None,
        measure: str | None = None,
        folds: int = 5,
        force: bool = False,
        progress: bool = True,
        batch_size: int | None = None,
        concurrency: int | None = None,
        patience: float | None = None,
    ) -> None:
        """Take the questions; nothing is embedded or learned yet.

        Args:
            questions: Labelled questions, by node id, in the forms of `nudge_index`.
            validation: Questions that choose how far nodes move. Without them the questions are cut in folds, each held out once.
            embed_model: The embed model of the pipeline; `Settings.embed_model` without it. Not needed for a `QuerySet`.
            method: `Auto(allow_map=True)` if not given, which may take every node through a map, also those that come later; `Auto()` moves labelled
                nodes only. `NudgeM` is for stores that rank by dot product.
            measure: By what the setting is chosen, in place of the measure of the method.
            folds: How many folds.
            force: Whether nodes move without evidence: from fewer than 10 questions held out, or where the gain may be chance.
            progress: Whether work that takes longer than two seconds shows a bar.
            batch_size: Questions in one request to the embed model, 128 if not given. It gets smaller by itself where the model refuses.
            concurrency: Requests under way at a time where questions are embedded one by one, 8 if not given.
            patience: Seconds to wait in all, as long as no vector comes, for a model that limits its rate, 60 if not given.

        Raises:
            InputError: Questions or options that cannot be used, or no embedding model.
        """
        yes_or_no(force=force, progress=progress)
        train, validation = read_both(questions, validation)
        if train is None:
            raise InputError(
                "questions is None; expected labelled questions to learn from: give some, or load(path) a postprocessor that has learned"
            )
        method = chosen_method(method, measure, allow_map=True)
        whole_number(folds, "folds", 2)
        requests = Requests(batch_size, concurrency, patience)
        super().__init__()
        self._requests = requests
        self.method, self.folds, self.force, self.progress = method, folds, force, progress
        self.questions, self.validation = train, validation
        self.embed_model = _resolved(
            embed_model, needed=any(part.vectors is None for part in (train, validation) if part is not None)
        )

    @classmethod
    def class_name(cls) -> str:
        """The name of the class."""
        return "NudgeEmbeddingPostprocessor"

    def postprocess_nodes(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Refused: it is a step of ingestion, no postprocessor of a query engine.

        Raises:
            InputError: Always.
        """
        raise InputError(_MISPLACED)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "callback_manager":  # a query engine gives one to each of its node_postprocessors
            raise InputError(_MISPLACED)
        if name in ("force", "progress"):
            yes_or_no(**{name: value})
        if name in ("questions", "validation"):
            value = read_both(value)[0] if name == "questions" else read_both(None, value)[1]
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        BaseModel.__setstate__(self, state)  # that of BaseComponent would make it anew and lose what was learned

    def __repr__(self) -> str:
        asked = "no questions" if self.questions is None else f"{len(self.questions)} questions"
        learned = f"fitted: {self._moves.told()}" if self._moves is not None and self.fitted else "not fitted"
        return f"NudgeEmbeddingPostprocessor({asked}, {learned})"

    __str__ = __repr__

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fingerprint(self) -> str:
        """Changes with what it was given and with what it learned. It is part of the key by which a pipeline caches what this step returns."""
        return self._moves.fingerprint if self._moves is not None and self.fitted else self._given()

    @property
    def fitted(self) -> bool:
        """Whether it has learned from the questions that it has now."""
        return self._moves is not None and (self.questions is None or self._moves.given == self._given())

    @property
    def trial(self) -> Trial | None:
        """How it does on questions held out, before and after: `trial.compare()`. None before it has learned, and where that was elsewhere."""
        return self._trial if self.fitted else None

    def _given(self) -> str:
        asked = [None if part is None else part.content for part in (self.questions, self.validation)]
        return digest(asked, self.method, self.folds, self.force, about_model(self.embed_model))

    def fit(self, nodes: Sequence[BaseNode]) -> NudgeEmbeddingPostprocessor:
        """Learn how nodes move, whatever was learned before.

        Args:
            nodes: With their embeddings: all labelled ones, and the others that they are searched among.

        Raises:
            InputError: No nodes, nodes without embedding, or questions or vectors that cannot be used.
            UnknownIdError: Labels that name other nodes.
        """
        if self.questions is None:
            raise InputError(
                "this postprocessor was loaded and has no questions to learn from: make one with questions=…"
            )
        check_embedded(nodes)
        if not nodes:
            raise InputError("there are no nodes to learn from: give those of the pipeline, with their embeddings")
        embedder = None if self.embed_model is None else LlamaIndexEmbedder(self.embed_model, self._requests)
        options = {"method": self.method, "folds": self.folds, "force": self.force, "progress": self.progress}
        moves, trial = learn(nodes, self.questions, self.validation, embedder, given=self._given(), **options)
        self._moves, self._trial = moves, trial
        tuned = trial.tuned
        self._about = {
            "method": tuned.method,
            "settings": {name: dict(setting) for name, setting in tuned.settings.items()},
            "gamma": tuned.gamma,
            "gamma_unit": tuned.gamma_unit,
            "measure": str(self.method.validation),
            "before": tuned.before,
            "after": tuned.after,
        }
        return self

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:  # noqa: ARG002  # a pipeline hands on all it gets
        """The nodes with moved embeddings; learn first, if that has not been done.

        Raises:
            InputError: As for `fit`.
            UnknownIdError: As for `fit`.
        """
        check_embedded(nodes)
        if not nodes:
            return nodes
        if self._moves is None or not self.fitted:
            self.fit(nodes)
        assert self._moves is not None  # noqa: S101
        return self._moves.apply(nodes)

    async def acall(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """The same, in a thread of its own."""
        return await asyncio.to_thread(self.__call__, nodes, **kwargs)

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> NoReturn:  # noqa: ARG003  # of the call that LlamaIndex has
        """Refused: `to_dict` has neither questions nor what was learned.

        Raises:
            InputError: Always.
        """
        raise InputError(
            "a dict has neither questions nor what was learned: keep it with save(path), and load(path) it"
        )

    def save(self, path: str | Path) -> None:
        """Write what was learned to a safetensors file: ids, originals and moved vectors; neither questions nor texts.

        Raises:
            InputError: Nothing has been learned yet, or the file cannot be written.
        """
        if self._moves is None or not self.fitted:
            raise InputError(
                "nothing has been learned yet: call fit(nodes), or run the pipeline first; where its cache answered, this step was not called"
            )
        self._moves.save(path, self._about)

    @classmethod
    def load(cls, path: str | Path) -> NudgeEmbeddingPostprocessor:
        """A postprocessor that moves the nodes that the one that was saved moved.

        Raises:
            FileFormatError: There is no such file, or it is of another format, another version, or damaged.
        """
        moves, about = NodeMoves.load(path)
        loaded = cls.model_construct()
        loaded._moves, loaded._about = moves, about
        return loaded


def _resolved(model: Any, needed: bool) -> BaseEmbedding | None:
    if isinstance(model, BaseEmbedding) or (model is None and not needed):
        return model
    if not isinstance(model, str | None):
        expect(model, BaseEmbedding, "embed_model", "the embed model of the pipeline")
    try:
        return Settings.embed_model if model is None else resolve_embed_model(model)
    except (ImportError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"there is no embed model to embed questions with ({reason[:200]}): give embed_model=…"
        ) from error

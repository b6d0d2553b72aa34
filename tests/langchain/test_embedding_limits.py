"""Services that limit rates and batches: what was paid for is kept, what can be waited for is waited for, what is too large is cut."""

import logging
import threading
import time

import numpy as np
import pytest
from engines.chroma import ChromaEngine
from langchain_core.embeddings import Embeddings

from nudge_core.errors import EmbeddingError, InputError
from nudge_integrations.collection import refusals
from nudge_integrations.collection.embedding import PROBE
from nudge_integrations.langchain import NudgeVectorStore


class RateLimitError(Exception):
    def __init__(self, message="429 Too Many Requests", after=None):
        super().__init__(message)
        self.response = type(
            "Response", (), {"status_code": 429, "headers": {} if after is None else {"retry-after": str(after)}}
        )


class Service(Embeddings):
    """Embeds as the sample does; `refuse(texts)` raises where it does not. Questions may be embedded otherwise than documents."""

    def __init__(self, inner, refuse, alone=False):
        self.inner, self.refuse, self.alone, self.model = inner, refuse, alone, "service"
        self.paid, self.sizes, self.lock = [], [], threading.Lock()

    def _embed(self, texts):
        with self.lock:
            self.sizes.append(len(texts))
            self.refuse(texts)
            self.paid += [text for text in texts if text != PROBE]
        return [self.inner.embed_query(text) for text in texts]

    def embed_query(self, text):
        (vector,) = self._embed([text])
        return [vector[1], vector[0], *vector[2:]] if self.alone else vector

    def embed_documents(self, texts):
        return [self.inner.embed_query(text) for text in texts] if self.alone else self._embed(texts)


def served(world, refuse, alone=False, **options):
    world.service = Service(world.embedding, refuse, alone)
    world.inner.embedding = world.service
    world.store = NudgeVectorStore(world.inner, **options)
    return world


def nudge(world):
    return world.store.nudge(world.pairs(), progress=False)


@pytest.mark.parametrize("alone", [False, True], ids=["batches", "one by one"])
def test_a_service_that_stops_is_paid_once(world, alone):
    """It answers a dozen, then says stop until the next call; each call goes on where the last one ended."""
    allowed = [0]

    def refuse(texts):
        if allowed[0] < len(texts):
            raise RateLimitError
        allowed[0] -= len(texts)

    served(world, refuse, alone, batch_size=4, patience=0)
    before = world.bits()
    for _ in range(2):
        allowed[0] = 14
        with pytest.raises(EmbeddingError, match=r"nothing was written.*same call goes on") as refused:
            nudge(world)
        assert isinstance(refused.value.__cause__, RateLimitError)
        assert world.bits() == before
    allowed[0] = 14
    nudge(world)
    assert sorted(world.service.paid) == sorted(text for text, _ in world.pairs())


@pytest.mark.parametrize("alone", [False, True], ids=["batches", "one by one"])
def test_a_limit_that_passes_is_waited_for(world, alone, caplog):
    """As long as the answer says, and with a word about it."""
    until = [0.0]

    def refuse(texts):
        if len(world.service.paid) >= 8 and not until[0]:
            until[0] = time.monotonic() + 0.2
        if time.monotonic() < until[0]:
            raise RateLimitError(after=0.25)

    served(world, refuse, alone, batch_size=4)
    with caplog.at_level(logging.WARNING):
        nudge(world)
    assert "questions are embedded: RateLimitError: 429 Too Many Requests: going on in 0 s" in caplog.text
    assert sorted(world.service.paid) == sorted(text for text, _ in world.pairs())


def test_a_wait_that_is_too_long_is_not_begun(world):
    def refuse(texts):
        if texts != [PROBE]:
            raise RateLimitError(after=3600)

    served(world, refuse)
    begun = time.monotonic()
    with pytest.raises(EmbeddingError, match=r"0 of 30 questions are embedded, nothing was written.*patience="):
        nudge(world)
    assert time.monotonic() - begun < 5


def test_a_wrong_key_is_not_tried_again(world):
    class AuthenticationError(Exception):
        status_code = 401

    def refuse(texts):
        raise AuthenticationError("invalid api key")

    served(world, refuse)
    with pytest.raises(EmbeddingError, match=r"AuthenticationError: invalid api key.*correct the key"):
        nudge(world)
    assert world.service.sizes == [1]


@pytest.mark.parametrize(
    "message",
    [
        "413 Client Error: batch size 30 > maximum allowed batch size 8",
        "Error code: 400 - Invalid 'input': array too long. Expected an array with maximum length 8",
        "400 too many inputs: at most 8",
        "max 8192 tokens per request",
        "CUDA out of memory. Tried to allocate 2 GiB",
        "something that nobody has seen before",
    ],
)
def test_batches_that_are_too_large_get_smaller(world, message):
    def refuse(texts):
        if len(texts) > 8:
            raise RuntimeError(message)

    served(world, refuse)
    nudge(world)
    assert sorted(world.service.paid) == sorted(text for text, _ in world.pairs())
    if "nobody" not in message:
        assert [size for size in world.service.sizes if size > 8] == [30, 15], "the smaller size is remembered"


@pytest.mark.parametrize("alone", [False, True], ids=["batches", "one by one"])
def test_a_text_that_is_refused_is_named_and_the_others_are_kept(world, alone):
    def refuse(texts):
        if "train7?" in texts:
            raise ValueError("400 content filter")

    served(world, refuse, alone)
    for _ in range(2):
        with pytest.raises(
            EmbeddingError, match=r"refuses 1 question also alone, 'train7\?' \(400 content filter\).*29 of 30"
        ):
            nudge(world)
    world.service.refuse = lambda texts: None
    nudge(world)
    assert sorted(world.service.paid) == sorted(text for text, _ in world.pairs())


def test_a_model_that_always_fails_is_soon_given_up(world):
    def refuse(texts):
        if texts != [PROBE]:
            raise AttributeError("no such layer")

    served(world, refuse)
    with pytest.raises(EmbeddingError, match=r"refuses 3 questions.*no such layer"):
        nudge(world)
    assert len(world.service.sizes) < 15


@pytest.mark.parametrize("given", [8, 29], ids=["cut", "one dropped"])
def test_fewer_vectors_than_texts(world, given):
    """No question gets the vector of another one."""
    served(world, lambda texts: None)
    embed = world.service.embed_documents
    world.service.embed_documents = lambda texts: embed(texts)[-given:] if len(texts) > given else embed(texts)
    nudge(world)
    kept = dict(world.store._nudging._journal[1].rows("SELECT text, vector FROM questions"))
    for text, _ in world.pairs():
        assert kept[text] == np.asarray(world.embedding.embed_query(text), np.float32).tobytes()


@pytest.mark.parametrize("alone", [False, True], ids=["batches", "one by one"])
def test_what_came_before_the_keyboard_is_kept(world, alone, monkeypatch):
    served(world, lambda texts: None, alone, batch_size=5, concurrency=1)

    def refuse(texts):
        if len(world.service.paid) >= 10:
            raise KeyboardInterrupt

    world.service.refuse = refuse
    with pytest.raises(KeyboardInterrupt):
        nudge(world)
    world.service.refuse = lambda texts: None
    nudge(world)
    assert sorted(world.service.paid) == sorted(text for text, _ in world.pairs())


def test_vectors_that_are_no_numbers_are_named_and_the_others_kept(world):
    served(world, lambda texts: None)
    known = world.embedding.known
    good, known["train3?"] = known["train3?"], [float("nan")] * 8
    with pytest.raises(EmbeddingError, match=r"'train3\?'"):
        nudge(world)
    known["train3?"] = good
    world.service.paid.clear()
    nudge(world)
    assert set(world.service.paid) == {"train3?"}


def test_an_evaluation_keeps_what_was_paid_too(make):
    """Without a failure it leaves no trace; with one there is a journal."""
    world = make(ChromaEngine())
    world.embedding.model = "m"
    inner = world.inner
    service = Service(world.embedding, lambda texts: None)
    inner._embedding_function = service
    store = NudgeVectorStore(inner, batch_size=5, patience=0)

    def refuse(texts):
        if len(service.paid) >= 10:
            raise RateLimitError

    service.refuse = refuse
    with pytest.raises(EmbeddingError, match=r"10 of 30 questions are embedded and kept in the journal"):
        store.evaluate(world.pairs(), progress=False)
    service.refuse = lambda texts: None
    again = NudgeVectorStore(inner)
    again.evaluate(world.pairs(), progress=False)
    again.nudge(world.pairs(), progress=False)
    assert sorted(service.paid) == sorted(text for text, _ in world.pairs())


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"concurrency": "8"}, {"patience": -1}])
def test_options_that_make_no_sense(world, options):
    with pytest.raises(InputError, match=next(iter(options))):
        NudgeVectorStore(world.inner, **options)


def raised(kind, message="", **attributes):
    return type(kind, (Exception,), attributes)(message)


@pytest.mark.parametrize(
    ("error", "passes", "final", "less"),
    [
        (raised("RateLimitError", status_code=429), True, False, False),
        (
            raised("APIStatusError", "Error code: 429 - {'code': 'insufficient_quota'}", status_code=429),
            False,
            True,
            False,
        ),
        (
            raised("RateLimitError", "Request too large for model: Limit 40000 tokens", status_code=429),
            False,
            False,
            True,
        ),
        (
            raised("ClientError", "", response={"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {}}),
            True,
            False,
            False,
        ),
        (
            raised("RpcError", "", code=lambda self=None: type("S", (), {"name": "RESOURCE_EXHAUSTED"})),
            True,
            False,
            False,
        ),
        (raised("APIConnectionError", "Connection error."), True, False, False),
        (raised("ReadTimeout", "timed out"), True, False, False),
        (ConnectionResetError(), True, False, False),
        (raised("ServiceUnavailable", "503 model is loading", code=503), True, False, False),
        (raised("PermissionDenied", "", status_code=403), False, True, False),
        (raised("NotFoundError", "", status_code=404), False, True, False),
        (raised("HTTPError", "", response=type("R", (), {"status_code": 413})), False, False, True),
        (ValueError("cannot tokenize"), False, False, False),
    ],
)
def test_what_an_error_means(error, passes, final, less):
    assert refusals.passes(error) is passes
    assert refusals.final(error) is final
    assert passes or final or refusals.asks_less(error) is less


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (RateLimitError(after=7), 7),
        (RateLimitError("Rate limit reached. Please try again in 1.5s."), 1.5),
        (RateLimitError("Rate limit reached. Please try again in 250ms."), 0.25),
        (RateLimitError("429 RESOURCE_EXHAUSTED retry_delay { seconds: 37 }"), 37),
        (RateLimitError("Please retry after 2 minutes"), 120),
        (RateLimitError(after="Wed, 21 Oct 2026 07:28:00 GMT"), None),
        (ValueError("try again in 5 s"), None),
    ],
)
def test_the_wait_that_an_answer_names(error, seconds):
    assert refusals.retry_after(error) == seconds

"""The linear map against ridge regression in float64, on corpora that are sampled, and on documents that come later."""

import numpy as np
import pytest
import torch

from nudge_core import Contrastive, LinearMap, Nudge, QuerySet, evaluate, finetune, open_corpus
from nudge_core.errors import FileFormatError, InputError
from nudge_core.methods import linear_map
from nudge_core.methods import problem as grounds
from nudge_core.methods.auto import Auto
from nudge_core.methods.problem import State
from nudge_core.trial import trial


def by_ridge(plain, X, questions, temperatures, setting, steps):
    """The running mean of the maps after each step: η · ridge regression, on the documents as they were, of the steps that they want to take."""
    first = torch.from_numpy(np.asarray(X, np.float64))
    first = first / first.norm(dim=1, keepdim=True)
    docs, dim = first.shape
    ridge, rate = setting["ridge"], setting["rate"]
    Q, Y = questions.embeddings.double(), plain.shares(questions, docs)
    times = torch.where(Y.sum(0) > 0, 1.0, setting["unlabelled"])
    W = mean = torch.eye(dim, dtype=torch.float64)
    last, before, back = None, 0.0, 0
    for _ in range(steps):
        at = W.clone().requires_grad_()
        moved = first @ at
        length = moved.norm(dim=1, keepdim=True)
        found = (
            sum(plain.likelihood(Q, moved / length, Y, one, times) for one in temperatures) / len(temperatures) / len(Q)
        )
        uphill, slope = torch.autograd.grad(found, (at, moved))
        if last is not None and float((uphill * last).sum()) < linear_map.OVERSHOT * before:
            rate, back = rate / 2, back + 1
            W = W - rate * last
        else:
            rate = rate if last is None else min(rate * linear_map.GROWTH, linear_map.CAP * setting["rate"])
            # min over V of ‖first V − slope · docs‖² / docs + ρ ‖V‖²
            stacked = torch.cat([first / docs**0.5, ridge**0.5 * torch.eye(dim, dtype=torch.float64)])
            wanted = torch.cat([slope * docs**0.5, torch.zeros(dim, dim, dtype=torch.float64)])
            last = torch.linalg.lstsq(stacked, wanted).solution
            before = float((uphill * last).sum())
            W = W + rate * last
        mean = mean + linear_map.NEWEST * (W - mean)
        yield mean, back


@pytest.mark.parametrize("unlabelled", [1.0, 0.1])
@pytest.mark.parametrize(
    ("temperatures", "rate", "goes_back"), [((0.1,), 0.3, False), ((0.1,), 5.0, True), ((0.06, 0.2), 0.3, False)]
)
@pytest.mark.parametrize("ridge", [0.01, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_a_step_is_ridge_regression_of_the_slope(sample, plain, seed, ridge, temperatures, rate, goes_back, unlabelled):
    drawn = sample(seed)
    ground = plain.ground(drawn.X, drawn.train, whole=True)
    setting = {"ridge": ridge, "rate": rate, "unlabelled": unlabelled}
    path = LinearMap(temperatures, steps=8).path(ground, plain.part(ground), setting, State(ground.pool))
    by_step = list(by_ridge(plain, drawn.X, drawn.train, temperatures, setting, 8))
    for point, state in path:
        W, _ = by_step[int(point) - 1]
        np.testing.assert_allclose(state.matrix.numpy(), W.numpy(), atol=2e-4, rtol=1e-3)
        mapped = drawn.X[ground.rows.numpy()].astype(np.float64) @ W.numpy()
        np.testing.assert_allclose(
            state.pool.numpy(), mapped / np.linalg.norm(mapped, axis=1, keepdims=True), atol=1e-3
        )
    assert (by_step[-1][1] > 0) == goes_back, "a step that went too far is taken back"


# Judged by the very questions that it learns from, a map goes far.


def test_every_document_goes_through_the_map(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.train, method=LinearMap(unseen_weight=0))
    assert tuned.matrix is not None
    assert tuned.rows.tolist() == list(range(60))
    np.testing.assert_allclose(tuned.map_new(drawn.X), tuned.vectors, atol=1e-5)
    np.testing.assert_allclose(tuned.apply_to(drawn.X), tuned.vectors, atol=1e-6)


def test_what_validation_says_is_what_evaluate_finds(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.train, method=LinearMap(unseen_weight=0))
    assert tuned.after == pytest.approx(evaluate(drawn.X, drawn.train, tuned=tuned).mean("nDCG@10"), abs=1e-6)
    assert tuned.before == pytest.approx(evaluate(drawn.X, drawn.train).mean("nDCG@10"), abs=1e-6)


def test_then_contrastive_moves_go_on_from_the_map(sample):
    drawn = sample(0)

    class Both(Auto):
        chains = ((LinearMap(), Contrastive(0.1, 0.3, 0.0)),)

    tuned = finetune(
        drawn.X, drawn.train, drawn.train, method=Both(unseen_weight=0)
    )  # judged by what it learns from, it goes far
    assert tuned.method == "linear map + contrastive"
    assert list(tuned.settings) == ["linear map", "contrastive"]
    learned = np.unique(drawn.train.relevance.documents)
    others = np.setdiff1d(np.arange(60), learned)
    mapped = tuned.map_new(drawn.X)
    np.testing.assert_allclose(tuned.vectors[others], mapped[others], atol=1e-5)
    assert np.abs(tuned.vectors[learned] - mapped[learned]).max() > 0.01
    assert tuned.after == pytest.approx(evaluate(drawn.X, drawn.train, tuned=tuned).mean("nDCG@10"), abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_new_documents_keep_length_and_type(sample, dtype):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.train, method=LinearMap(unseen_weight=0))
    new = (np.random.default_rng(0).normal(size=(7, 8)) * np.linspace(0.1, 30, 7)[:, None]).astype(dtype)
    mapped = tuned.map_new(new)
    assert mapped.dtype == dtype
    np.testing.assert_allclose(
        np.linalg.norm(mapped.astype(np.float64), axis=1), np.linalg.norm(new.astype(np.float64), axis=1), rtol=2e-3
    )
    expected = new.astype(np.float64) @ tuned.matrix
    cosine = (
        (expected * mapped).sum(1)
        / np.linalg.norm(expected, axis=1)
        / np.linalg.norm(mapped.astype(np.float64), axis=1)
    )
    np.testing.assert_allclose(cosine, 1, atol=1e-3)
    assert isinstance(tuned.map_new(torch.from_numpy(new)), torch.Tensor)


def test_without_a_map_new_documents_stay(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=Contrastive())
    assert tuned.map_new(drawn.X) is drawn.X


@pytest.mark.parametrize("bad", [np.zeros((2, 8)), np.full((2, 8), np.nan)])
def test_new_documents_without_direction_are_refused(sample, bad):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.train, method=LinearMap(unseen_weight=0))
    with pytest.raises(InputError, match=r"document 0 (is a zero vector|holds nan)"):
        tuned.map_new(bad)
    with pytest.raises(InputError, match="dimension 5, the corpus 8"):
        tuned.map_new(np.ones((1, 5)))


def test_it_is_kept_in_a_file(sample, tmp_path):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.train, method=LinearMap(unseen_weight=0))
    tuned.save(tmp_path / "tuned.safetensors")
    again = Nudge.load(tmp_path / "tuned.safetensors")
    assert again.matrix.tobytes() == tuned.matrix.tobytes()
    assert again.settings == tuned.settings
    assert again.map_new(drawn.X).tobytes() == tuned.map_new(drawn.X).tobytes()
    again.apply_to(drawn.X)
    with pytest.raises(InputError, match="other vectors"):
        again.apply_to(drawn.X[::-1])


def test_a_file_with_a_map_of_another_size_is_refused(sample, tmp_path):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.train, method=LinearMap(unseen_weight=0))
    object.__setattr__(tuned, "matrix", tuned.matrix[:5])
    tuned.save(tmp_path / "tuned.safetensors")
    with pytest.raises(FileFormatError, match=r"map of shape \(5, 8\)"):
        Nudge.load(tmp_path / "tuned.safetensors")


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_of_the_others_stands_for_all(sample, plain, monkeypatch, seed):
    """Of 3,000 documents 1,500 drawn by chance, each for two, and those nearest to a question: nearly the same map."""
    drawn = sample(seed, docs=3000, dim=16, questions=60)
    setting = {"ridge": 0.03, "rate": 0.3, "unlabelled": 1.0}
    found = []
    for most in (50_000, 1500):
        monkeypatch.setattr(grounds, "HELD", most)
        ground = plain.ground(drawn.X, drawn.train, whole=True)
        found.append(list(LinearMap(0.1, steps=8).path(ground, plain.part(ground), setting, State(ground.pool)))[-1][1])
        everyone = torch.from_numpy(np.delete(drawn.X, ground.rows.numpy(), 0))
        exact = torch.logsumexp(ground.queries @ everyone.T / 0.1, 1)
        ours = ground.logsumexp(0.1, State(ground.pool, torch.eye(16)))
        np.testing.assert_allclose(ours.numpy(), exact.numpy(), atol=1e-4 if most > 3000 else 0.25)
    assert ground.rest.weight is not None
    change, other = ((state.pool - ground.pool).flatten() for state in found)
    assert float(change @ other / change.norm() / other.norm()) > 0.98


def test_questions_in_batches_lead_to_much_the_same(sample, plain, monkeypatch):
    drawn = sample(0, docs=100, questions=200)
    ground = plain.ground(drawn.X, drawn.train, whole=True)
    setting = {"ridge": 0.03, "rate": 0.1, "unlabelled": 1.0}
    found = []
    for batch in (2048, 50, 50):
        monkeypatch.setattr(linear_map, "BATCH", batch)
        found.append(
            list(LinearMap(0.1, steps=12).path(ground, plain.part(ground), setting, State(ground.pool)))[-1][1].matrix
        )
    change = [(matrix - torch.eye(8)).flatten() for matrix in found]
    assert float(change[0] @ change[1] / change[0].norm() / change[1].norm()) > 0.9
    assert torch.equal(found[1], found[2]), "the draw is the same for a seed"
    other = list(LinearMap(0.1, steps=12, seed=1).path(ground, plain.part(ground), setting, State(ground.pool)))[-1][1]
    assert not torch.equal(found[1], other.matrix)


@pytest.mark.parametrize("seed", range(2))
def test_a_corpus_larger_than_is_held_gives_nearly_the_same(sample, monkeypatch, seed):
    drawn = sample(seed, docs=1000, questions=60)
    exact = trial(drawn.X, drawn.train, drawn.validation, method=LinearMap(0.1, 0.1, 0.3))
    monkeypatch.setattr(grounds, "HELD", 600)
    ours = trial(drawn.X, drawn.train, drawn.validation, method=LinearMap(0.1, 0.1, 0.3))
    found = [evaluate(drawn.X, drawn.test, tuned=done.tuned).mean("nDCG@10") for done in (exact, ours)]
    assert found[0] == pytest.approx(found[1], abs=0.03)
    measured = evaluate(drawn.X, drawn.validation, tuned=ours.tuned).mean("nDCG@10")
    assert ours.after.mean("nDCG@10") == pytest.approx(measured, abs=1e-6), (
        "what is reported is measured on all documents"
    )


@pytest.mark.parametrize("form", ["npy", "shards", "parquet"])
@pytest.mark.parametrize("method", [Contrastive(), LinearMap()], ids=["contrastive", "map"])
def test_corpora_on_files(sample, tmp_path, form, method):
    drawn = sample(0)
    if form == "npy":
        np.save(tmp_path / "X.npy", drawn.X)
        place = tmp_path / "X.npy"
    elif form == "shards":
        place = tmp_path / "shards"
        place.mkdir()
        for i, part in enumerate(np.array_split(drawn.X, 3)):
            np.save(place / f"{i}.npy", part)
    else:
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        place = tmp_path / "X.parquet"
        parquet.write_table(pa.table({"id": list(range(60)), "embedding": list(map(list, drawn.X))}), place)
    one, other = (
        finetune(corpus, drawn.train, drawn.validation, method=method) for corpus in (drawn.X, open_corpus(place))
    )
    assert one.settings == other.settings
    assert one.vectors.tobytes() == other.vectors.tobytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": 0}, "temperature is 0; expected a number from 0.001 to 10"),
        ({"ridge": 0}, "ridge is 0; expected a number from 1e-06 to 100"),
        ({"rate": []}, "rate is empty"),
        ({"unlabelled": 2}, r"unlabelled is 2; expected a number from 1e-09 to 1"),
        ({"steps": 0}, "steps is 0; expected a whole number"),
        ({"seed": 1.5}, "seed is 1.5; expected a whole number"),
        ({"measure": "MAP"}, "MAP"),
    ],
)
def test_options_that_cannot_be_used(options, said):
    with pytest.raises(InputError, match=said):
        LinearMap(**options)


def test_one_document_only(plain):
    """Nothing competes with it, so it stays; beside a second one the same questions turn it toward themselves."""
    X, questions = np.asarray([[1.0, 0.0], [0.6, -0.8]]), QuerySet([[0.6, 0.8], [0.8, 0.6]], [[0], [0]])
    ends = []
    for documents in (X[:1], X):
        ground = plain.ground(documents, questions, whole=True)
        method = LinearMap(1.0, rate=1.0, steps=4)
        path = method.path(ground, plain.part(ground), method.settings()[0], State(ground.pool))
        ends.append([state.pool[0].numpy() for _, state in path])
    np.testing.assert_allclose(ends[0], [X[0]] * len(ends[0]), atol=1e-6)
    assert len(ends[0]) == len(ends[1]) > 0
    near = (ends[1] @ questions.embeddings.numpy().T).sum(1)
    assert near[-1] > X[0] @ questions.embeddings.numpy().T.sum(1) + 0.01
    done = trial(X[:1], questions, method=LinearMap())
    assert (done.after.mean("nDCG@10"), len(done.tuned), done.tuned.matrix) == (1.0, 0, None)

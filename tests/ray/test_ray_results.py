"""Through Ray everything comes out as in memory, whatever the number of workers."""

import logging
import os

import numpy as np
import pytest
import torch
from ray_common import DOCS, in_pieces, write_files

from nudge_core import Auto, Contrastive, LinearMap, NudgeM, NudgeN, evaluate, finetune
from nudge_core.corpus import MemoryCorpus, ParquetCorpus
from nudge_core.corpus.background import Background
from nudge_core.corpus.base import Mapped
from nudge_core.corpus.ray.work import Merger, merged
from nudge_core.trial import trial

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def memory(X):
    return MemoryCorpus(X, [f"doc{i}" for i in range(DOCS)])


def assert_same(ours, expected):
    assert ours.ids.tolist() == expected.ids.tolist()
    assert ours.vectors == pytest.approx(expected.vectors, abs=1e-5)
    assert (ours.method, ours.before, ours.after) == (expected.method, expected.before, expected.after)
    assert ours.gamma == pytest.approx(expected.gamma, abs=1e-5)


@pytest.mark.parametrize(
    ("method", "held"),
    [(NudgeN(), 50), (NudgeM(), 50), (Contrastive(), 50), (LinearMap(), 50), (LinearMap(), 50_000), (Auto(), 50_000)],
)
def test_every_method(corpus, memory, sets, method, held, monkeypatch):
    """`held` 50: what a method knows of documents without labels comes from passes, as in a corpus of millions."""
    monkeypatch.setattr("nudge_core.methods.problem.HELD", held)
    ours, expected = (finetune(c, *sets, method=method, progress=False) for c in (corpus, memory))
    assert len(ours) >= (DOCS if isinstance(method, LinearMap) else 1)
    assert_same(ours, expected)
    assert evaluate(corpus, sets[1], tuned=ours).to_dict() == evaluate(memory, sets[1], tuned=expected).to_dict()


def test_by_folds(corpus, memory, sets):
    ours, expected = (trial(c, sets[0] + sets[1], folds=3, progress=False) for c in (corpus, memory))
    assert_same(ours.tuned, expected.tuned)
    assert ours.after.to_dict() == expected.after.to_dict()


def test_the_number_of_workers_changes_no_bit(folder):
    asked = {"temperature": 0.05, "exclude": np.arange(15, 45), "progress": False}
    Q = torch.randn(7, 8, generator=torch.Generator().manual_seed(0))
    one, two = (in_pieces(folder, workers=workers).background(Q, 5, **asked) for workers in (1, 2))
    for name in ("scores", "rows", "logsumexp"):
        assert torch.equal(getattr(one, name), getattr(two, name))
    assert one.lengths == two.lengths


def test_documents_after_a_map(corpus, memory):
    Q, W = torch.randn(7, 8), torch.eye(8) + 0.3 * torch.randn(8, 8)
    ours, expected = (Mapped(c, W).background(Q, 4, exclude=np.asarray([3]), progress=False) for c in (corpus, memory))
    assert ours.rows.tolist() == expected.rows.tolist()
    assert ours.scores.numpy() == pytest.approx(expected.scores.numpy(), abs=1e-6)


def test_workers_answer_and_this_process_reads_no_vector(corpus, monkeypatch):
    monkeypatch.setattr(ParquetCorpus, "blocks", lambda *_: pytest.fail("vectors were read here"))
    monkeypatch.setattr(ParquetCorpus, "_batches", lambda *_: pytest.fail("vectors were read here"))
    corpus.rows(np.asarray([1, 100]))
    corpus.background(torch.ones(1, 8), 3, progress=False)
    corpus.rows_and_background(np.asarray([1, 100]), torch.ones(1, 8), 3, progress=False)
    Mapped(corpus, torch.eye(8)).background(torch.ones(1, 8), 3, progress=False)


def test_rows_that_come_by_in_a_pass(corpus, memory):
    rows, Q = np.asarray([0, 19, 20, 21, 60, 119]), torch.randn(3, 8)
    (ours, around), (expected, others) = (c.rows_and_background(rows, Q, 5, progress=False) for c in (corpus, memory))
    assert torch.equal(ours, expected)
    assert around.rows.tolist() == others.rows.tolist()


def test_equal_documents_rank_by_row_across_pieces(tmp_path, X):
    X[[7, 33, 55, 110]] = X[7]
    same = in_pieces(write_files(tmp_path / "same", X, list(range(DOCS))))
    found = same.background(torch.from_numpy(X[7:8]), 4, progress=False)
    assert found.rows.tolist() == [[7, 33, 55, 110]]


def drawn(rng, count, k=3):
    scores = torch.from_numpy(rng.integers(0, 5, size=(count, 4, 10)).astype("f4"))
    parts = []
    for number, block in enumerate(scores):
        values, order = torch.sort(block, dim=1, descending=True, stable=True)
        parts.append(Background(values[:, :k], order[:, :k] + 10 * number, torch.logsumexp(block, 1), (1.0, 1.0)))
    return scores, parts


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_merging_in_any_order_is_sorting_the_whole(count):
    rng = np.random.default_rng(count)
    scores, parts = drawn(rng, count)
    whole = scores.transpose(0, 1).reshape(4, -1)
    first = None
    for _ in range(4):
        merger = Merger(count)
        for number in rng.permutation(count).tolist():
            merger.add(number, parts[number])
        found = merger.result()
        assert found.rows.tolist() == torch.sort(whole, dim=1, descending=True, stable=True)[1][:, :3].tolist()
        assert found.logsumexp.numpy() == pytest.approx(torch.logsumexp(whole, 1).numpy(), rel=1e-6)
        first = first or found
        assert torch.equal(found.logsumexp, first.logsumexp)


def test_merging_fewer_documents_than_are_asked_for():
    none = torch.full((1, 2), -torch.inf), torch.full((1, 2), -1)
    one = Background(torch.tensor([[0.5, -torch.inf]]), torch.tensor([[9, -1]]))
    assert merged(Background(*none), one).rows.tolist() == [[9, -1]]
    assert merged(Background(*none), Background(*none)).rows.tolist() == [[-1, -1]]


def test_ray_says_nothing_and_changes_nothing(corpus, capfd, caplog):
    """Neither logs nor bars of its own, no variable, level or setting that stays."""
    from ray.data import DataContext

    corpus.rows(np.asarray([0]))
    before = logging.getLogger("ray.data").level, DataContext.get_current().enable_progress_bars, dict(os.environ)
    corpus.background(torch.ones(1, 8), 3, progress=False)
    after = logging.getLogger("ray.data").level, DataContext.get_current().enable_progress_bars, dict(os.environ)
    assert before == after
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_no_telemetry_and_no_dashboard(corpus):
    import ray
    from ray._common.usage import usage_lib

    corpus.rows(np.asarray([0]))
    assert not usage_lib.usage_stats_enabled()
    assert not ray._private.worker._global_node.address_info["webui_url"]


def test_a_bar_with_rows_per_second(corpus, capsys, monkeypatch):
    monkeypatch.setattr("nudge_core.clock.tqdm", shown_at_once())
    corpus.background(torch.ones(1, 8), 3, progress=True)
    assert "120/120" in (said := capsys.readouterr().err)
    assert "rows/s" in said


def shown_at_once():
    from tqdm import tqdm

    return lambda **options: tqdm(**{**options, "delay": 0, "mininterval": 0, "leave": True})

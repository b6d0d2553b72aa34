"""The README is true: its example runs and prints what it says, its tables are those of the committed figures, its links lead somewhere."""

import importlib.util
import io
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def between(name, page=README):
    return page.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0].strip()


def script(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


def figures(name):
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def test_python_examples_run_and_print_what_the_readme_says(tmp_path, monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```(?:\s*```text\n(.*?)```)?", README, re.DOTALL)
    assert len(blocks) >= 2
    for code, expected in blocks:
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {})
        assert printed.getvalue().strip() == expected.strip()


def test_links_lead_to_files_that_exist():
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("name", ["accuracy", "speed", "demo", "stores", "matching", "peers"])
def test_tables_are_those_of_the_committed_figures(name):
    pytest.importorskip("nudge")
    pytest.importorskip("faiss")
    assert between(name) == script(name).table(figures(name)).strip()


def test_the_ablation_is_that_of_the_committed_figures():
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert between("ablation", page) == script("ablation").table(figures("ablation")).strip()


def test_extras_are_those_of_the_package():
    declared = re.findall(
        r"^([\w-]+) = \[",
        (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1].split("[project.scripts]")[0],
        re.MULTILINE,
    )
    named = re.findall(r"^\| `([\w-]+)` \|", README, re.MULTILINE)
    assert set(declared) - {"dev"} == set(named)

"""The pages of real jobs, opened in the browser: a labelled set by the command line, and the demo where it has been run."""

import os
from pathlib import Path

import pytest

for name in ("jinja2", "pyarrow", "scipy", "typer"):
    pytest.importorskip(name)

from looking.browsing import CONTRAST, PHONE, WIDE, WIDER, opened
from typer.testing import CliRunner

from nudge_integrations.cli.commands import app

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("NUDGE_DATA") or ROOT.parent / "shared" / "data") / "nfcorpus"
DEMO = ROOT / "nudge-demo" / "report.html"
"""What `make demo` writes."""


def nudge(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, (done.output, done.exception)


@pytest.fixture(scope="module")
def nfcorpus(tmp_path_factory):
    if not DATA.is_dir():
        pytest.skip(f"there is no {DATA}")
    folder = tmp_path_factory.mktemp("nfcorpus")
    nudge("tune", DATA, "--out", folder / "tuned.safetensors")
    nudge("report", DATA, "--tuned", folder / "tuned.safetensors", "--out", folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def demo():
    if not DEMO.is_file():
        pytest.skip("the demo has not been run: make demo")
    return DEMO


@pytest.mark.parametrize("screen", ["desk", "phone"])
@pytest.mark.parametrize(("job", "questions"), [("nfcorpus", 323), ("demo", 563)])
def test_the_page_of_a_real_job(browser, request, screenshot_folder, job, questions, screen):
    path = request.getfixturevalue(job)
    with opened(browser, viewport=PHONE if screen == "phone" else WIDE) as seen:
        page = seen.open(path)
        assert page.locator("#question-list .told").inner_text() == f"1 to 25 of {questions} questions"
        width, over = page.evaluate(WIDER)
        assert (width <= seen.page.viewport_size["width"], over) == (True, [])
        assert page.evaluate(CONTRAST) == []
        seen.keep(screenshot_folder, f"real-{job}-{screen}")

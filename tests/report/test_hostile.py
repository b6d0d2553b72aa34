"""What others wrote shows as text, whatever it holds, and none of it runs."""

import json
import re

import pytest

pytest.importorskip("scipy")
pytest.importorskip("jinja2")

from looking.browsing import PHONE, WIDER, opened
from looking.pages import NASTY, hostile, longest

from nudge_core.report.content import clean


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return hostile().to_html(tmp_path_factory.mktemp("page") / "report.html")


def test_the_file_is_utf_8_without_control_characters(path):
    text = path.read_bytes().decode("utf-8")
    assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f]", text) == []
    assert text.count("<script") == text.count("</script>") == 2
    assert path.stat().st_size < 1_000_000  # of the document of 1 MB its beginning


def test_data_cannot_end_its_element(path):
    text = path.read_text(encoding="utf-8")
    data = text.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert "<" not in data
    assert json.loads(data)["questions"]["count"] == 40


@pytest.mark.parametrize("screen", ["desk", "phone"])
def test_nothing_runs_and_everything_shows(browser, path, screen, screenshot_folder):
    made = hostile()
    with opened(browser, viewport=PHONE if screen == "phone" else {"width": 1200, "height": 900}) as seen:
        page = seen.open(path)
        shown = []
        for number in ("1", "2"):
            page.get_by_label("Page of questions").fill(number)
            page.get_by_label("Page of questions").press("Enter")
            shown += page.evaluate(
                "[...document.querySelectorAll('#question-list td.question bdi')].map((e) => e.textContent)"
            )
        assert sorted(shown) == sorted(clean(text) for text in made.questions.values())
        for button in page.locator("#question-list button.open").all():
            button.click()
        for summary in page.locator("#question-list summary").all()[:40]:
            summary.click()
        texts = set(page.evaluate("[...document.querySelectorAll('bdi.text')].map((e) => e.textContent)"))
        assert len(texts) > 20
        assert texts <= {clean(text, 1000) for text in made.texts.values()}
        notes = page.evaluate("[...document.querySelectorAll('.note bdi')].map((e) => e.textContent)")
        assert notes == [clean(text) for text in NASTY]
        assert page.locator("h1").inner_text().startswith("<b>title</b>")
        assert page.evaluate("window.hit") is None
        assert page.locator("main img, main svg[onload], bdi *").count() == 0
        assert page.evaluate(WIDER)[0] == (375 if screen == "phone" else 1200)
        seen.keep(screenshot_folder, f"report-hostile-{screen}")


def test_the_beginning_of_a_document_of_1_mb_is_shown_and_said_so(browser, path):
    length = len(hostile().texts[longest(hostile())])
    assert length > 1_000_000
    with opened(browser) as seen:
        page = seen.open(path)
        page.get_by_label("Search documents").fill("a very long document")
        page.wait_for_timeout(300)
        page.locator("#documents button.open").first.click()
        detail = page.locator("#documents .detail").first
        assert len(detail.locator(".text").inner_text()) <= 1000
        assert detail.locator(".cut").inner_text() == f"The first 1,000 of {length:,} characters."


def test_directions_do_not_leak(browser, path):
    """A sign of direction that never ends does so with its element: what stands beside it keeps its place."""
    with opened(browser) as seen:
        page = seen.open(path)
        page.get_by_label("Search questions").fill("right to left override")
        page.wait_for_timeout(300)
        row = page.locator("#question-list tr.row").first
        places = row.locator("td").evaluate_all("(cells) => cells.map((cell) => cell.getBoundingClientRect().left)")
        assert places == sorted(places)
        assert row.locator("td.change").inner_text()[0] in "+−±"
        isolates = page.evaluate(
            "[...document.querySelectorAll('bdi')].every((e) => getComputedStyle(e).unicodeBidi === 'isolate')"
        )
        assert isolates


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a␀b"),
        ("\x1b[31m", "␛[31m"),
        ("a\r\nb\rc\td", "a\nb\nc\td"),
        ("\ud83d", "�"),
        ("\udc00\ud800", "��"),
        ("\ud83d\ude00", "😀"),
        ("", ""),
        (None, "None"),
        (3.5, "3.5"),
        ("\x7f", "␡"),
    ],
)
def test_cleaning(text, shown):
    assert clean(text) == shown
    clean(text).encode("utf-8")


def test_no_script_but_the_pages_own_is_let_run(browser, path, tmp_path):
    """Were an escape ever forgotten, the policy of the page would stop what comes through."""
    forged = tmp_path / "forged.html"
    text = path.read_text(encoding="utf-8").replace(
        "</main>", "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'></main>"
    )
    forged.write_text(text, encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto(forged.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.evaluate("window.hit") is None
    context.close()

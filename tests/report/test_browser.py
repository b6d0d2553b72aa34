"""The page in a real browser: it renders, sorts, filters and pages, in the light and in the dark, on a desk and on a phone."""

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("jinja2")

from looking.browsing import CONTRAST, PHONE, UNNAMED, WIDER, opened
from looking.pages import report

COUNT, DOCS = 200, 120


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return report(COUNT, DOCS).to_html(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def change():
    comparison = report(COUNT, DOCS).comparison
    return comparison.after.values["nDCG@10"] - comparison.before.values["nDCG@10"]


@pytest.fixture
def page(browser, path):
    with opened(browser) as seen:
        yield seen.open(path)


def texts(page, selector):
    return page.locator(selector).all_inner_texts()


def changes(page):
    return [float(text.replace("−", "-").replace("±", "")) for text in texts(page, "#question-list td.change")]


def told(page):
    return page.locator("#question-list .told").inner_text()


def press(page, name):
    page.locator("#question-list").get_by_role("button", name=name, exact=True).click()


def test_it_says_what_the_report_says(page):
    made = report(COUNT, DOCS)
    assert page.locator("h1").inner_text() == made.title
    assert page.locator(".verdict").inner_text() == made.verdict
    warnings = [text.removeprefix("Warning").strip() for text in texts(page, "header .warning")]
    assert warnings == list(made.warnings)
    assert any("Unseen questions lose" in text for text in warnings)
    rows = page.locator(".figures tbody tr")
    assert rows.count() == 9
    unseen = made.comparison.lines[2].to_dict()
    cells = rows.nth(2).locator("th, td").all_inner_texts()
    assert cells[:4] == [
        "nDCG@10",
        f"unseen {unseen['questions']}",
        f"{100 * unseen['before']:.1f}",
        f"{100 * unseen['after']:.1f}",
    ]
    assert f"{100 * unseen['low']:+.1f}".replace("-", "−") in cells[4]
    assert f"{100 * unseen['worse'] / unseen['questions']:.0f} % worse" in cells[5]


def test_pictures_are_drawn(page):
    assert page.locator("#before-after svg").count() == 3
    assert page.locator("#before-after svg").first.locator("rect.after").count() == 3
    points = page.locator("#curve-chart polyline").get_attribute("points").split()
    assert len(points) == len(report(COUNT, DOCS).tuned.curve.gamma)
    bars = page.locator("#moves-chart rect").count()
    assert 8 <= bars <= 30


def test_those_that_changed_most_come_first(page, change):
    shown = np.abs(changes(page))
    assert len(shown) == 25
    assert shown.tolist() == pytest.approx(100 * np.sort(np.abs(change))[::-1][:25], abs=0.06)


def test_it_sorts(page, change):
    press(page, "Change")
    assert page.locator("#question-list [aria-sort]").get_attribute("aria-sort") == "descending"
    assert changes(page) == pytest.approx(100 * np.sort(change)[::-1][:25], abs=0.06)
    press(page, "Change")
    assert page.locator("#question-list [aria-sort]").get_attribute("aria-sort") == "ascending"
    assert changes(page) == pytest.approx(100 * np.sort(change)[:25], abs=0.06)
    press(page, "Question")
    shown = [text.lower() for text in texts(page, "#question-list td.question bdi")]
    assert shown == sorted(shown)


def test_it_pages(page):
    assert told(page) == "1 to 25 of 200 questions"
    pager = page.locator("#question-list .pager")
    assert pager.get_by_role("button", name="Back").is_disabled()
    press(page, "Next")
    assert told(page) == "26 to 50 of 200 questions"
    number = page.get_by_label("Page of questions")
    number.fill("8")
    number.press("Enter")
    assert told(page) == "176 to 200 of 200 questions"
    assert pager.get_by_role("button", name="Next").is_disabled()
    number.fill("99")
    number.press("Enter")
    assert told(page) == "176 to 200 of 200 questions"


def test_it_filters_by_outcome_subset_and_measure(page, change):
    after = report(COUNT, DOCS).comparison.after
    press(page, f"worse {int((change < -1e-12).sum())}")
    assert told(page).endswith(f"of {int((change < -1e-12).sum())} questions")
    assert max(changes(page)) < 0
    press(page, "unseen")
    lost = int(((change < -1e-12) & ~after.seen).sum())
    assert told(page).endswith(f"of {lost} questions")
    assert set(texts(page, "#question-list .badge")) == {"unseen"}
    press(page, f"all {int((~after.seen).sum())}")
    assert told(page).endswith(f"of {int((~after.seen).sum())} questions")
    page.get_by_label("Measure").select_option("Success@1")
    assert {abs(each) for each in changes(page)} <= {0, 100}


def test_it_searches(page):
    known = report(COUNT, DOCS).questions
    search = page.get_by_label("Search questions")
    search.fill("PASSWORD refund")
    page.wait_for_timeout(300)
    wanted = [text for text in known.values() if "password" in text and "refund" in text]
    assert 0 < len(wanted) < COUNT
    assert f"of {len(wanted)} question" in told(page)
    search.fill("nothing of the kind")
    page.wait_for_timeout(300)
    assert told(page) == "0 questions"
    assert "No questions here" in page.locator("#question-list tbody").inner_text()
    search.fill("")
    page.wait_for_timeout(300)
    assert told(page) == "1 to 25 of 200 questions"


def test_a_question_opens_by_keyboard_to_what_is_found_before_and_after(page):
    made = report(COUNT, DOCS)
    first = page.locator("#question-list button.open").first
    asked = first.locator("bdi").inner_text()
    row = [made.questions[name] for name in made.comparison.after.ids.tolist()].index(asked)
    first.focus()
    page.keyboard.press("Enter")
    assert first.get_attribute("aria-expanded") == "true"
    for side, evaluation in enumerate((made.comparison.before, made.comparison.after)):
        results = page.locator(".sides > div").nth(side).locator("li")
        assert results.locator(".name").all_inner_texts() == evaluation.ranking[row].tolist()
        (answer,) = made.comparison.after.relevance[row]
        ranking = evaluation.ranking[row].tolist()
        marked = [i for i in range(len(ranking)) if results.nth(i).locator(".badge.answer").count()]
        assert marked == ([ranking.index(answer)] if answer in ranking else [])
    summary = page.locator(".sides summary").first
    summary.focus()
    page.keyboard.press("Enter")
    shown = page.locator(".sides details[open] .text").inner_text()
    assert shown == made.texts[made.comparison.before.ranking[row][0]]
    first.focus()
    page.keyboard.press(" ")
    assert first.get_attribute("aria-expanded") == "false"
    assert not page.locator(".sides").is_visible()


def test_documents_that_moved_most_are_listed_and_searched(page):
    tuned = report(COUNT, DOCS).tuned
    angles = [float(text.rstrip("°")) for text in texts(page, "#documents td.angle")]
    assert angles == pytest.approx(np.sort(tuned.angles)[::-1][:10], abs=0.06)
    last = tuned.ids[np.argmax(tuned.angles)]
    assert page.locator("#documents .name").first.inner_text() == last
    page.get_by_label("Search documents").fill(f"document {last[4:]}:")
    page.wait_for_timeout(300)
    assert page.locator("#documents .name").all_inner_texts() == [last]
    page.locator("#documents button.open").click()
    assert page.locator("#documents .detail .text").inner_text() == report(COUNT, DOCS).texts[last]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["desk", "phone"])
def test_all_text_stands_out_and_nothing_sticks_out(browser, path, scheme, screen, screenshot_folder):
    options = {"viewport": PHONE, "has_touch": True, "is_mobile": True} if screen == "phone" else {}
    with opened(browser, color_scheme=scheme, **options) as seen:
        page = seen.open(path)
        page.locator("#question-list button.open").first.click()
        page.locator(".sides summary").nth(1).click()
        page.locator("#documents button.open").first.click()
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert max(ground) < 60 if scheme == "dark" else min(ground) > 230
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate(WIDER) == [375 if screen == "phone" else 1200, []]
        seen.keep(screenshot_folder, f"report-{screen}-{scheme}")


def test_controls_have_names_and_headings_an_order(page):
    page.locator("#question-list button.open").first.click()
    assert page.evaluate(UNNAMED) == []
    levels = [
        int(name[1]) for name in page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5')].map((h) => h.tagName)")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - level <= 1 for level, later in zip(levels, levels[1:], strict=False))
    assert page.locator("html").get_attribute("lang") == "en"


def test_every_part_can_be_reached_from_the_top(page):
    targets = page.evaluate("[...document.querySelectorAll('nav a')].map((a) => a.getAttribute('href').slice(1))")
    assert targets == page.evaluate("[...document.querySelectorAll('main > section')].map((s) => s.id)")
    assert targets == ["figures", "questions", "curve", "moves", "how", "reading"]


def test_figures_are_read_without_javascript(browser, path):
    with opened(browser, java_script_enabled=False) as seen:
        page = seen.open(path, ready=False)
        assert page.locator(".verdict").is_visible()
        assert page.locator(".figures tbody tr").count() == 9
        assert "need JavaScript" in page.locator("noscript").inner_text()


def test_a_report_of_moves_alone_has_no_empty_parts(browser, tmp_path, screenshot_folder):
    made = report(COUNT, DOCS)
    path = made.tuned.to_html(tmp_path / "moves.html", texts=made.texts)
    with opened(browser) as seen:
        page = seen.open(path)
        assert texts(page, "main h2") == [
            "How far to move: the validation curve",
            "How far documents moved",
            "How it was made",
            "How to read this page",
        ]
        seen.keep(screenshot_folder, "report-moves-alone")


def test_a_report_of_figures_alone_has_no_empty_parts(browser, tmp_path):
    path = report(COUNT, DOCS).comparison.to_html(tmp_path / "figures.html")
    with opened(browser) as seen:
        page = seen.open(path)
        assert texts(page, "main h2") == ["Before and after", "Questions", "How it was made", "How to read this page"]
        page.locator("#question-list button.open").first.click()
        assert page.locator(".results .bare").count() > 0

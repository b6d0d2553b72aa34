"""A real Chromium without a head, and what it complains of."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 375, "height": 812}


def chromium() -> str:
    """Its place; without it tests are skipped, but fail where CI=true."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        absent("Chromium is missing, with which the report is tested: apt-get install chromium")
    return found


def absent(sentence: str) -> None:
    """Skip, or fail in CI."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(sentence)


class Seen:
    """A page that was opened, and all that went wrong in it."""

    def __init__(self, page: Any) -> None:
        self.page, self.wrong, self.asked = page, [], []
        page.on("console", lambda message: self.wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: Path, ready: bool = True) -> Any:
        self.page.goto(path.as_uri())
        if ready:
            self.page.wait_for_selector("html[data-ready]", state="attached")
        return self.page

    def keep(self, folder: Path, name: str, full: bool = True) -> None:
        self.page.wait_for_timeout(150)
        self.page.screenshot(path=folder / f"{name}.png", full_page=full)


@contextmanager
def opened(browser: Any, **options: Any) -> Iterator[Seen]:
    context = browser.new_context(**{"viewport": WIDE, **options})
    context.set_default_timeout(120_000)
    try:
        seen = Seen(context.new_page())
        yield seen
        assert seen.wrong == []
        assert [url for url in seen.asked if not url.startswith(("file:", "data:"))] == []
    finally:
        context.close()


CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.closest("[disabled], script, .skip, .hidden")) continue;
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    const style = getComputedStyle(element);
    const ink = parse(element instanceof SVGElement ? style.fill : style.color);
    if (ink[3] === 0) continue;
    const [more, less] = [light(ink), light(behind(element))].sort((x, y) => y - x);
    const ratio = (more + 0.05) / (less + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.getAttribute("class")} ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
"""Elements whose text stands out too little (WCAG 2.2, 1.4.3)."""

UNNAMED = """() => [
  ...[...document.querySelectorAll("input, select")].filter((e) => !e.labels.length && !e.ariaLabel),
  ...[...document.querySelectorAll("button, a, summary")].filter((e) => !e.textContent.trim() && !e.ariaLabel),
  ...[...document.querySelectorAll("svg:not([aria-hidden])")].filter((e) => e.getAttribute("role") !== "img" || !e.ariaLabel),
].map((e) => e.outerHTML.slice(0, 120))"""
"""Controls and pictures without a name."""

WIDER = """() => {
  const over = [...document.querySelectorAll("body *")].filter((e) => !e.closest(".wide, .hidden, .skip, .figures thead, svg *")
    && e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 0.5);
  return [document.documentElement.scrollWidth, over.map((e) => `${e.tagName}.${e.className} ${e.getBoundingClientRect().right}`).slice(0, 5)];
}"""
"""The width of the page, and elements that stick out of the window."""

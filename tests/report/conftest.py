"""A browser, and where its pictures are kept."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from looking.browsing import absent, chromium


@pytest.fixture(scope="session")
def screenshot_folder() -> Path:
    """build/screenshots, kept by CI."""
    folder = Path(__file__).parents[2] / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def browser():
    """Chromium without a head; of a module, as the loop of playwright would stand in the way of other tests'."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("playwright is missing, with which the report is tested: pip install 'nudge-integrations[dev]'")
    place = chromium()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=place, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()

"""Where pictures of the tests are kept."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def screenshot_folder() -> Path:
    """build/screenshots, kept by CI."""
    folder = Path(__file__).parents[2] / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder

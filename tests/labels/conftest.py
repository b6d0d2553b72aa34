"""Label readers: `import ours` gives the questions that every fixture holds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

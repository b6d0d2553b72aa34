"""Vector stores on their real engines: `import engines` gives one class a store, which makes it and reads it back."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

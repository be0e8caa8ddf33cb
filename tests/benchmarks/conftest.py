"""The harness stands beside the package, not in it: made importable from where pytest was started or not."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

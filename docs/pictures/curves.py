"""The Graph Editor with the baked curves."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import common

common.build(common.ROOT / "demo" / "bend_frames")
common.run("generate", "EXEC_DEFAULT")

"""The Bend tab with a stack of three bends."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import common

strip = common.build(common.ROOT / "demo" / "bend_frames")
strip.bend_settings.active_bend = 1
common.run("generate", "EXEC_DEFAULT")

"""Markers at the bars, below the curve of the kick."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import common

strip = common.build(common.ROOT / "demo" / "bend_frames", shown=130, bake=False, travel=False)
strip.bend_settings.active_bend = 1
common.run("measure", "EXEC_DEFAULT")
common.run("mark_beats", "EXEC_DEFAULT", kind="BARS")

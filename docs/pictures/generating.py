"""A generation under way: the first sections of the film are there, the rest comes while the picture is taken."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import common

common.build(Path("/tmp/bend-pictures/frames"), shown=4)
common.run("generate", "INVOKE_DEFAULT")

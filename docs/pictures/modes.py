"""Three modes of the bake in the Graph Editor: a key on every frame, simplified, and events only."""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import common

strip = common.build(common.ROOT / "demo" / "bend_frames", shown=130, bake=False, travel=False)
strip.bend_settings.active_bend = 1
modes = ({"mode": "SIMPLIFIED"}, {"mode": "EVENTS", "events": "beats", "decay": 0.3}, {"mode": "DENSE"})
steps = [partial(common.run, "measure", "EXEC_DEFAULT")]
for bend, options in zip(strip.bend_settings.bends, modes, strict=True):
    routed = next(parameter for parameter in bend.parameters if parameter.routed)
    steps.append(partial(common.run, "bake", "EXEC_DEFAULT", parameter=routed.key, **options))
common.run_in_turn(*steps, common.show_curves_alike, common.show_curves_alike)

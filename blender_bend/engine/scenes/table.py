"""Every scene: its name, its label, the words that captions use for it, and who draws it."""

# ruff: noqa: E501 (a scene is a line)
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import land, life, matter, ornament, sky, space, water
from .canvas import Array, Canvas


@dataclass(frozen=True)
class Scene:
    """One subject.

    ``words`` are what a caption may call it, the plain word first; ``draw`` gives the tones, shape (height, width),
    0 dark to 1 light, which the palette then colours.
    """

    name: str
    label: str
    words: tuple[str, ...]
    draw: Callable[[Canvas], Array]


_ALL = (
    Scene("nebula", "Nebula", ("nebula", "cosmic clouds", "glowing gas in space", "interstellar dust", "deep space", "a stellar nursery", "space clouds"), space.nebula),
    Scene("galaxy", "Galaxy", ("galaxy", "a spiral galaxy", "milky way", "swirling stars", "an island of stars", "andromeda"), space.galaxy),
    Scene("planet", "Ringed Planet", ("planet", "a ringed planet", "saturn", "a planet with rings", "a gas giant", "an alien world"), space.planet),
    Scene("eclipse", "Eclipse", ("eclipse", "a solar eclipse", "a black sun", "a dark sun with a corona", "totality", "a ring of light in the dark sky"), space.eclipse),
    Scene("orb", "Orb", ("orb", "a floating orb", "a glass ball", "a glowing sphere", "a crystal ball", "a shining ball", "a bubble of light"), matter.orb),
    Scene("mandala", "Mandala", ("mandala", "a symmetrical ornament", "a rosette", "a sacred pattern", "an ornamental circle", "rings of petals", "a kaleidoscope pattern"), ornament.mandala),
    Scene("spiral", "Spiral", ("spiral", "a hypnotic spiral", "a swirl", "a vortex", "a whirl", "a winding helix"), ornament.spiral),
    Scene("tunnel", "Tunnel", ("tunnel", "a light at the end of a tunnel", "a wormhole", "a corridor", "flying through a tube", "a passage"), ornament.tunnel),
    Scene("fire", "Fire", ("fire", "flames", "a blaze", "burning flames", "a bonfire", "an inferno", "tongues of fire"), matter.fire),
    Scene("lightning", "Lightning", ("lightning", "a thunderstorm", "a lightning bolt", "a thunderbolt", "an electric storm", "a flash in the night"), sky.lightning),
    Scene("fireworks", "Fireworks", ("fireworks", "bursting rockets", "new year's eve", "sparks in the night sky", "a firework display", "exploding stars of light"), sky.fireworks),
    Scene("lava", "Lava", ("lava", "molten rock", "magma", "glowing cracks", "a lava flow", "volcanic ground"), matter.lava),
    Scene("marble", "Liquid Marble", ("liquid marble", "marble", "swirling paint", "fluid art", "liquid silk", "glossy folds", "poured paint", "melted metal"), matter.marble),
    Scene("stained_glass", "Stained Glass", ("stained glass", "a church window", "coloured glass panes", "a leaded window", "a glass mosaic", "a cathedral window"), ornament.stained_glass),
    Scene("low_poly", "Low Poly", ("low poly", "triangles", "a faceted surface", "polygons", "a polygonal pattern", "folded paper", "triangle facets"), ornament.low_poly),
    Scene("geometry", "Geometry", ("geometry", "geometric shapes", "bauhaus shapes", "an abstract poster", "circles and bars", "an abstract composition", "constructivist shapes"), ornament.geometry),
    Scene("waves", "Waves", ("waves", "rolling waves", "ocean waves", "great waves with foam", "breakers", "a stormy sea", "surf"), water.waves),
    Scene("sea", "Sea", ("sea", "the open sea", "a calm ocean", "the horizon over the water", "glittering water", "a seascape", "sunlight on the sea"), water.sea),
    Scene("underwater", "Underwater", ("underwater", "under the sea", "the ocean floor", "fish and seaweed", "sunbeams under water", "a diving scene", "the deep"), water.underwater),
    Scene("ripples", "Ripples", ("ripples", "ripples on water", "rings on a pond", "drops on still water", "concentric rings", "a water drop"), water.ripples),
    Scene("rain", "Rain", ("rain", "a rainy window", "raindrops", "street lights in the rain", "rain with bokeh lights", "a rainy night", "blurred city lights"), water.rain),
    Scene("mountains", "Mountains", ("mountains", "a mountain range", "snowy peaks", "alps", "layers of mountains", "a mountain landscape", "summits"), land.mountains),
    Scene("desert", "Desert", ("desert", "sand dunes", "dunes", "the sahara", "a sandy landscape", "a sea of sand"), land.desert),
    Scene("forest", "Forest", ("forest", "woods", "tall trees in fog", "trees with sunbeams", "a woodland", "tree trunks", "a deep wood"), land.forest),
    Scene("skyline", "Skyline", ("city skyline", "skyline", "a city at night", "skyscrapers", "lit windows", "a metropolis", "buildings by the river", "downtown"), land.skyline),
    Scene("snow", "Winter", ("snow", "winter", "a snowy landscape", "falling snow", "fir trees in the snow", "a winter wonderland", "snowfall", "christmas trees"), land.snow),
    Scene("sunset", "Sunset", ("sunset", "a setting sun", "a huge sun behind hills", "sunrise", "an evening sky", "the sun going down", "dawn"), sky.sunset),
    Scene("clouds", "Clouds", ("clouds", "a cloudy sky", "heaped clouds", "fluffy clouds", "cumulus", "above the clouds", "a sea of clouds"), sky.clouds),
    Scene("aurora", "Aurora", ("aurora", "northern lights", "polar lights", "curtains of light in the sky", "aurora borealis over a lake", "the glowing arctic sky"), sky.aurora),
    Scene("flower", "Flower", ("flower", "a blossom", "a blooming flower", "petals", "a bloom", "a daisy", "a flower in a meadow"), life.flower),
    Scene("tree", "Tree", ("tree", "a lonely tree", "a single tree on a hill", "an old oak", "a tree before the moon", "the tree of life"), life.tree),
    Scene("jellyfish", "Jellyfish", ("jellyfish", "a medusa", "a glowing jellyfish", "a floating jellyfish", "tentacles in the deep", "a sea jelly"), life.jellyfish),
    Scene("eye", "Eye", ("eye", "a human eye", "an iris", "a staring eye", "an open eye", "a pupil", "a gaze"), life.eye),
    Scene("butterfly", "Butterfly", ("butterfly", "a butterfly with open wings", "patterned wings", "a moth", "a fluttering butterfly", "butterfly wings"), life.butterfly),
    Scene("mushroom", "Mushrooms", ("mushroom", "mushrooms", "glowing mushrooms", "toadstools", "spotted mushrooms", "a fly agaric", "magic mushrooms"), life.mushroom),
    Scene("crystal", "Crystal", ("crystal", "a crystal cluster", "gemstones", "a quartz", "pointed crystals", "shards of crystal", "a gem"), matter.crystal),
)  # fmt: skip

SCENES: dict[str, Scene] = {scene.name: scene for scene in _ALL}

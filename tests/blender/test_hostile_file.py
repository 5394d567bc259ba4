"""A .blend from somebody else: whatever stands in a strip's properties, it is planned, or refused clearly."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import math
import os
import random
import re
import struct
import zlib
from base64 import b64encode, b85encode

import bpy
import numpy as np
import pytest
from drawing import Layout
from hostile_strips import corrupt, write_raw
from processes import resident_bytes
from timeline import MODULE, trim

ALL = os.environ.get("BEND_TEST_ALL") == "1"
STRIPS = 2_000 if ALL else 200


def test_hostile_properties_are_planned_or_refused(scene, addon, core, tmp_path):
    chance, refused = random.Random(7), 0
    (tmp_path / "secret.png").write_bytes(b"not for the store")
    for number in range(STRIPS):
        assert bpy.ops.bend.add_strip() == {"FINISHED"}
        strip = scene.sequence_editor.active_strip
        trim(strip, 1, 5)
        corrupt(strip, chance)
        try:
            plan = addon.slices.at_once(addon.generate.plan(scene, strip))
            core.job.Job.from_json(plan.job.to_json())
        except core.errors.BendError as error:
            refused += 1
            assert 10 < len(error.message) <= core.errors.LONGEST_MESSAGE
        addon.sound_print.stale(scene, strip)
        draw_panels()
        scene.sequence_editor.strips.remove(strip)
        if number == STRIPS // 4:
            before = resident_bytes()
    assert 0 < refused < STRIPS
    assert resident_bytes() - before < 64 * 2**20
    assert {path.name for path in tmp_path.iterdir()} <= {"secret.png", "frames"}


PANELS = "bends.bends bends.region route.route beats.beats condition.condition "
PANELS += "film.film main.main main.source main.prompt main.loras"


def draw_panels():
    """Draw what a person would see of the active strip."""
    for path in PANELS.split():
        module, _, name = path.rpartition(".")
        panel = getattr(importlib.import_module(f"{MODULE}.blender_bend.addon.panels.{module}"), f"BEND_PT_{name}")
        if panel.poll(bpy.context):
            own = {key: value for key, value in vars(panel).items() if callable(value)}
            panel.draw(type(name, (), {**own, "layout": Layout()})(), bpy.context)


def choices(settings):
    """Every choice of a strip's settings that counts now, as the path of its owner and its name."""
    bend = settings.bends[0]
    of_bend = {"operator", "region", "restore", *(name for _, name in bend.open_choices())}
    for path in ("", "condition", "baking", "beats", "bends[0]", 'bends[0].parameters["angle"]'):
        owner = settings.path_resolve(path) if path else settings
        for described in owner.bl_rna.properties:
            if described.type == "ENUM" and (owner != bend or described.identifier in of_bend):
                yield path, described.identifier


def test_a_choice_of_another_version_is_shown_and_refused_by_its_name(scene, bend_strip, addon, core):
    """Of every choice there is; nothing is guessed in its place when it comes to a picture or a curve."""
    bend_strip.bend_settings.condition.enabled = True
    bend_strip.bend_settings.bends[0].parameters["angle"].layers.add()
    paths = list(choices(bend_strip.bend_settings))
    assert len(paths) > 15
    for path, name in paths:
        settings = bend_strip.bend_settings
        owner = settings.path_resolve(path) if path else settings
        before, label = getattr(owner, name), owner.bl_rna.properties[name].name
        write_raw(owner, name, -1)
        assert getattr(owner, name) == "", (path, name)
        draw_panels()
        for look in (addon.sound_print.stale, addon.bake.stale_parameters):
            look(scene, bend_strip)
        addon.measured.grid(bend_strip, addon.timing.Placement.of(bend_strip))
        addon.measured.needed(bend_strip)
        of_sound = path in {"baking", "beats"} or "parameters" in path
        with pytest.raises((core.errors.BendError, RuntimeError), match=f"'{label}' has a value that"):
            bpy.ops.bend.bake() if of_sound else addon.snapshot.take(scene, bend_strip)
        setattr(owner, name, before)


BEYOND = (math.nan, math.inf, -math.inf, 3e38, -3e38, 2**31 - 1, -(2**31))


def test_numbers_of_a_route_beyond_its_limits_are_shown_at_once_and_refused_by_name(scene, bend_strip, addon, core):
    """Every number of a parameter and of a further feature, as only a file that was made by hand can hold it."""
    angle = bend_strip.bend_settings.bends[0].parameters["angle"]
    angle.feature, tried = "rms", 0
    angle.layers.add().feature = "band"
    for owner in (angle, angle.layers[0]):
        numbers = [
            p for p in owner.bl_rna.properties if p.type in ("INT", "FLOAT") and not p.identifier.endswith("_angle")
        ]
        assert len(numbers) >= 20
        for described, value, chain in itertools.product(numbers, BEYOND, ("bend", "papers")):
            name, before = described.identifier, getattr(owner, described.identifier)
            owner.chain = chain
            if described.type == "INT" and not abs(value) <= 2**31:
                continue
            with contextlib.suppress(OverflowError):
                write_raw(owner, name, int(value) if described.type == "INT" else value)
            now = getattr(owner, name)
            route, rate = angle.route(), addon.timing.frame_rate(scene)
            heard = {feature: np.linspace(0.0, 1.0, 30) for feature in route.asked()}
            shaped = route.shape(heard, rate)
            assert np.isfinite(shaped).all() and len(angle.route_text()) < 10_000
            if not described.hard_min <= now <= described.hard_max:
                tried += 1
                with pytest.raises(core.errors.BendError, match=re.escape(f"'{described.name}' can't be")) as refused:
                    addon.bake.Bake(scene, bend_strip)
                assert refused.value.code == core.errors.Code.PARAMETER_INVALID
                assert refused.value.hint.startswith(("Give a number from", "Give a whole number from"))
            setattr(owner, name, before)
    draw_panels()
    assert tried > 150


@pytest.mark.parametrize("change", [{"shape": "star"}, {"attack": "x"}, {"first": 1e308}, {"mode": 3}, {"decay": 1e30}])
def test_options_of_a_bake_that_nobody_chose_are_the_usual_ones(change, addon):
    options = addon.bake_settings.Options
    assert options.from_text(json.dumps({"mode": "EVENTS"} | change), 0) == options()
    assert options.from_text(options(mode="EVENTS", first=3).as_text("", 0), 5) == options(
        mode="EVENTS", first=8, last=255
    )
    assert options.from_text("[" * 100_000, 0) == options()


@pytest.mark.parametrize(
    "packed",
    [
        b85encode(zlib.compress(b"\xff\xff\xff\xff")).decode(),
        b85encode(zlib.compress(bytes(1 << 28))).decode(),
        b85encode(zlib.compress((1).to_bytes(4, "little") + b"../../../../../secret")).decode(),
        "no record",
        "\ud7ff💥",
    ],
)
def test_a_record_of_captures_that_nobody_made_is_no_record(packed, addon):
    before = resident_bytes()
    assert addon.record.decode(packed, 250) == {}
    assert resident_bytes() - before < 128 * 2**20


@pytest.mark.parametrize(
    "packed",
    [bytes(1 << 28), *(struct.pack("<3f", *[count] * 3) for count in (math.inf, math.nan, 2.0**32, -1.0))],
    ids=["bomb", "infinite", "no number", "too many", "negative"],
)
def test_a_memory_of_bakes_that_nobody_made_is_no_memory(packed):
    keyframes = importlib.import_module(f"{MODULE}.blender_bend.addon.timeline.keys")
    memory = keyframes.Memory.decode(b64encode(zlib.compress(packed)).decode(), 250)
    assert len(memory.keys) == len(memory.removed) == len(memory.added) == 0

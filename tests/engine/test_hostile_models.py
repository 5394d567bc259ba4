"""A stranger's model asks nothing, runs nothing, fetches nothing and ends: in a real engine and on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hostile_models
import pytest
import torch
from engine_child import PATIENCE, ROOT, Child
from hub_server import Hub, Model

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.models.references import MINI_PATH
from blender_bend.core.process import messages
from blender_bend.engine.loading import load_pipeline

LOADED = (torch.float32, "cpu")
#: Runs commands one after the other, as ``python -m blender_bend.engine`` does each, and says how they ended.
COMMANDS = """
import json, sys
from blender_bend.engine.__main__ import main
for folder in json.loads(sys.argv[1]):
    sys.argv = ["engine", "sites", folder, "--size", "64", "64", "--device", "cpu"]
    code = main()
    print("ENDED", code, folder, file=sys.stderr, flush=True)
"""


class Watched(Hub):
    """A hub that counts who knocks."""

    knocks = 0

    def verify_request(self, request: Any, address: Any) -> bool:
        """Count one."""
        self.knocks += 1
        return True


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """The only hub that there is; the engine is not told to stay offline."""
    code = b"raise SystemExit"
    hub = Watched({"attacker/model": Model({"evil.py": code, "config.json": b"{}", "adapter_config.json": b"{}"})})
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    yield hub
    hub.shutdown()


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """What is there once code of a model has run."""
    return tmp_path / "canary"


@pytest.fixture
def models(tmp_path: Path, canary: Path) -> dict[str, Path]:
    """Every hostile folder, by what it tries."""
    return hostile_models.make(tmp_path / "models", canary)


def job_of(model: Path, folder: Path) -> dict[str, str]:
    frame = Frame(number=1, prompt=(("sea", 1.0),))
    job = Job(str(model), "0" * 64, (64, 64), steps=1, guidance=1.0, seed=1, negative="", bends=(), frames=(frame,))
    (folder / "job.json").write_text(job.to_json(), encoding="utf-8")
    return {"job": str(folder / "job.json"), "store": str(folder / "frames")}


def test_there_are_at_least_sixty_ways() -> None:
    assert len(hostile_models.REFUSED) >= 60


def test_an_engine_refuses_them_all_and_hears_on(
    models: dict[str, Path], canary: Path, hub: Watched, tmp_path: Path
) -> None:
    child = Child(tmp_path / "engine.log")
    taken = []
    for name, model in models.items():
        child.send(messages.RENDER, "1", **job_of(model, tmp_path))
        child.send(messages.HELLO, "2")
        ending = None
        while ending is None or ending.id != "2":
            message = child.next()
            if message.type in messages.ENDINGS:
                ending = message
                if message.id == "1":
                    assert message.type == messages.ERROR and str(message.data["code"]).startswith("model_"), name
                    assert message.data["message"] and message.data["hint"], name
                    if "has changed" in message.data["message"]:  # it was loaded, and has another fingerprint
                        taken.append(name)
        assert ending.type == messages.DONE
    child.close()
    assert not canary.exists() and hub.knocks == 0
    assert set(taken) <= set(hostile_models.HARMLESS)


def test_the_command_line_asks_nobody(models: dict[str, Path], canary: Path, hub: Watched, tmp_path: Path) -> None:
    (tmp_path / "yes").write_text("y\n" * 10_000)
    with open(tmp_path / "yes", "rb") as answers:
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS, json.dumps([str(model) for model in models.values()])],
            stdin=answers,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=2 * PATIENCE,
        )
        assert os.lseek(answers.fileno(), 0, os.SEEK_CUR) == 0, "somebody has read an answer"
    ended = dict(line.split()[:0:-1] for line in done.stderr.splitlines() if line.startswith("ENDED"))
    assert set(ended) == {str(model) for model in models.values()}, done.stderr[-2000:]
    assert {ended[str(models[name])] for name in hostile_models.REFUSED} == {"1"}
    assert "[y/N]" not in done.stdout + done.stderr
    assert not canary.exists() and hub.knocks == 0


@pytest.mark.parametrize("command", ["sites", "explore", "sonic"])
def test_whoever_asks_finds_no_answer(command: str, tmp_path: Path) -> None:
    asking = f"""
import sys
from blender_bend.engine import __main__ as engine
from blender_bend.engine.commands import {command}
def ask(options):
    try:
        print(input("Do you wish to run the custom code? [y/N]"))
    except EOFError:
        print("nobody")
    return 0
engine.command_line.__globals__["{command}"].add = lambda commands: commands.add_parser("ask").set_defaults(run=ask)
sys.argv = ["engine", "ask"]
sys.exit(engine.main())
"""
    done = subprocess.run(
        [sys.executable, "-c", asking],
        input="y\n" * 100,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("nobody\n")


def test_code_is_not_imported_even_if_a_library_wants_it(tmp_path: Path, canary: Path) -> None:
    from transformers import dynamic_module_utils

    load_pipeline(MINI_PATH, *LOADED)
    (tmp_path / "evil.py").write_text(f"open({str(canary)!r}, 'w')\nclass X: pass\n")
    assert dynamic_module_utils.TIME_OUT_REMOTE_CODE == 0
    with pytest.raises(BendError) as caught:
        dynamic_module_utils.get_class_from_dynamic_module("evil.X", str(tmp_path), local_files_only=True)
    assert caught.value.code == Code.MODEL_UNSAFE and not canary.exists()


def test_loading_is_cancelled_before_the_next_part(model_folders: dict[str, Path]) -> None:
    for kind in ("mini", "sdxl"):
        asked: list[int] = []
        with pytest.raises(BendError) as caught:
            load_pipeline(model_folders[kind], *LOADED, cancelled=lambda: asked.append(1) or len(asked) > 2)  # noqa: B023
        assert caught.value.code == Code.CANCELLED and len(asked) == 3


def test_what_waits_is_cancelled_at_once(fresh: Child, make_job: Callable[..., Job], tmp_path: Path) -> None:
    bend = (Bend("Turn", "rotate_channels", "latent"), [{"angle": 0.05 * (index + 1)} for index in range(60)])
    job = make_job("mini", [bend], 60, steps=8)
    (tmp_path / "job.json").write_text(job.to_json(), encoding="utf-8")
    fresh.send(messages.RENDER, "long", job=str(tmp_path / "job.json"), store=str(tmp_path / "frames"))
    fresh.send(messages.HELLO, "short")
    while fresh.next().type != messages.FRAME:
        pass
    fresh.send(messages.CANCEL, "short")
    while (message := fresh.next()).id != "short":
        assert message.type not in messages.ENDINGS, "the long one has ended first"
    assert message.type == messages.CANCELLED
    fresh.send(messages.HELLO, "short")
    fresh.send(messages.CANCEL, "long")
    endings = []
    while len(endings) < 2:
        if (message := fresh.next()).type in messages.ENDINGS:
            endings.append((message.id, message.type))
    assert endings == [("long", messages.CANCELLED), ("short", messages.DONE)]

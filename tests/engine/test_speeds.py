"""The machine is measured once, and again when what its speed depends on has changed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_child import Child

from blender_bend.core.precision import Precision
from blender_bend.core.process import messages
from blender_bend.core.resources.speeds import Speeds, file_in, kept
from blender_bend.engine.host import speeds


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that are measured in no time."""
    for name, value in {"CHANNELS": 32, "SIDE": 8, "WIDTH": 64, "TOKENS": 16}.items():
        monkeypatch.setattr(speeds, name, value)


def test_every_precision_is_measured_by_real_layers(tmp_path: Path) -> None:
    found = speeds.of_this_machine("cpu", tmp_path)
    assert set(found.seconds) == set(Precision)
    assert all(value > 0 for value in found.seconds.values())
    assert found.device == "cpu" and found.name and found.memory > 1e9
    assert kept(tmp_path, "cpu", speeds.describe("cpu")) == found


def test_it_is_measured_once_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)  # whatever this run is limited to
    said = list[str]()
    first = speeds.of_this_machine("cpu", tmp_path, said.append)
    assert speeds.of_this_machine("cpu", tmp_path, said.append) == first and len(said) == 1
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    again = speeds.of_this_machine("cpu", tmp_path, said.append)
    assert len(said) == 2 and again.machine["ONEDNN_MAX_CPU_ISA"] == "AVX2"


@pytest.mark.parametrize("change", ["torch", "name", "threads", "capability"])
def test_another_torch_or_processor_is_measured_anew(change: str, tmp_path: Path) -> None:
    first = speeds.of_this_machine("cpu", tmp_path)
    other = Speeds(**{**vars(first), "machine": {**first.machine, change: "another"}})
    file_in(tmp_path, "cpu").write_text(other.to_json())
    said = list[str]()
    assert speeds.of_this_machine("cpu", tmp_path, said.append).machine == first.machine and len(said) == 1


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert speeds.of_this_machine("cpu", tmp_path / "file").seconds["float32"] > 0


@pytest.mark.parametrize("fault", ["raises", "infinite", "wrong"])
def test_a_precision_without_right_results_is_not_chosen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch.nn.Conv2d.forward

    def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
        if x.dtype != torch.bfloat16:
            return real(layer, x)
        if fault == "raises":
            raise RuntimeError("\"conv\" not implemented for 'BFloat16'")
        return real(layer, x) * (math.inf if fault == "infinite" else 2)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", forward)
    found = speeds.measure("cpu")
    assert found.seconds["bfloat16"] == math.inf and found.precision() == "float32"
    assert "doesn't work" in found.warning("bfloat16")


def test_a_precision_that_is_hopeless_is_not_measured_at_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    real, sides = speeds.Work.once, list[tuple[torch.dtype, int]]()

    def once(work: Any) -> float:
        sides.append((work.maps.dtype, work.maps.shape[-1]))
        return real(work) * (1000 if work.maps.dtype == torch.float16 else 1)

    monkeypatch.setattr(speeds.Work, "once", once)
    found = speeds.measure("cpu")
    assert max(side for dtype, side in sides if dtype == torch.float32) == speeds.SIDE
    assert max(side for dtype, side in sides if dtype == torch.float16) < speeds.SIDE
    assert found.is_slow("float16") and found.precision() != "float16"


def test_the_engine_answers_with_its_speeds(fresh: Child) -> None:
    fresh.send(messages.SPEEDS, "1")
    answers = fresh.answers("1")
    assert answers[-1].type == messages.DONE, answers[-1].data
    found = Speeds.from_json(answers[-1].data["speeds"])
    assert found.device in ("cpu", "cuda", "mps") and found.precision() in tuple(Precision)

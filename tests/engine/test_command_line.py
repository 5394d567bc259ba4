"""The command line: render, measure and doctor, with exit codes and messages instead of tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blender_bend.core.job.job import Bend, Job
from blender_bend.core.precision import Precision
from blender_bend.core.resources.speeds import Speeds, file_in
from blender_bend.core.sound.features import PLAIN
from blender_bend.engine.__main__ import main
from blender_bend.engine.host import speeds

ROOT = Path(__file__).resolve().parents[2]
MakeJob = Callable[..., Job]
WriteSound = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def job_file(make_job: MakeJob, tmp_path: Path) -> Path:
    """Four different frames."""
    bend = (Bend("Turn", "rotate_channels", "latent"), [{"angle": 0.1 * (index + 1)} for index in range(4)])
    (tmp_path / "job.json").write_text(make_job("sd15", [bend], 4).to_json(), encoding="utf-8")
    return tmp_path / "job.json"


@pytest.fixture
def noise(write_sound: WriteSound) -> Path:
    """A second of noise."""
    return write_sound(np.random.default_rng(1).normal(0, 0.1, 48000).astype(np.float32))


@pytest.fixture(autouse=True)
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found out about this machine is kept apart from the user's."""
    monkeypatch.setattr(speeds, "default_folder", lambda: tmp_path / "studies")


def test_a_process_renders_the_frames_asked_for(job_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "blender_bend.engine", "render", job_file, "--frames", "2-3", "--store", "out"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    assert "2/2" in done.stdout and "2 pictures rendered" in done.stdout


def test_a_plan_says_how_much_there_is_to_do_and_makes_nothing(job_file: Path, tmp_path: Path, capsys: Capture) -> None:
    store = str(tmp_path / "out")
    assert main(["render", str(job_file), "--store", store, "--device", "cpu", "--plan"]) == 0
    said = capsys.readouterr().out
    assert "4 frames to render, 4 different pictures" in said
    assert "12 denoising steps; 12 if every picture were rendered by itself" in said
    assert "s a step" in said
    assert "of memory; this machine has" in said
    assert "Warning" not in said
    assert not list((tmp_path / "out").glob("*.png"))
    assert main(["render", str(job_file), "--store", store, "--device", "cpu"]) == 0
    assert main(["render", str(job_file), "--store", store, "--device", "cpu", "--plan"]) == 0
    assert "0 frames to render" in capsys.readouterr().out


def test_a_slow_precision_is_said_to_be_slow_before_the_work_starts(
    job_file: Path, tmp_path: Path, capsys: Capture
) -> None:
    machine = speeds.describe("cpu")
    slow = Speeds(
        machine, "cpu", "it", {"float32": 1.0, "float16": 66.0, "bfloat16": 38.0}, dict.fromkeys(Precision, 1.0)
    )
    (tmp_path / "studies").mkdir()
    file_in(tmp_path / "studies", "cpu").write_text(slow.to_json())
    job = replace(Job.read(job_file), precision="bfloat16")
    job_file.write_text(job.to_json(), encoding="utf-8")
    for more in (["--plan"], ["--frames", "1"]):
        assert main(["render", str(job_file), "--store", str(tmp_path / "out"), "--device", "cpu", *more]) == 0
        assert "Warning: bfloat16 is 38 × as slow as 32 bit on this CPU" in capsys.readouterr().out


def test_the_sites_of_mini_are_a_tree_with_shapes(capsys: Capture) -> None:
    assert main(["sites", "mini", "--depth", "1", "--size", "64", "64", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "unet:mid_block " in said and "192 x 2 x 2" in said
    assert "mid_block.attentions.0" not in said and "more: --depth 0" in said
    command = ["sites", "mini", "--match", "*mid_block*attn2", "--size", "64", "64"]
    assert main([*command, "--device", "cpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["unet:mid_block.attentions.0.transformer_blocks.0.attn2"]


def test_the_sites_of_a_model_that_is_not_there_are_refused(capsys: Capture) -> None:
    assert main(["sites", "nobody/nothing"]) == 1
    assert "isn't downloaded" in capsys.readouterr().err


def test_a_sheet_is_explored(job_file: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "sheet.png"
    command = ["explore", str(job_file), "--operator", "multiply", "--values", "0.5,2", "--steps", "0-0.5", "1"]
    assert main([*command, "--out", str(out), "--device", "cpu"]) == 0
    assert "4 pictures" in capsys.readouterr().out
    assert len(json.loads(out.with_suffix(".json").read_text())["cells"]) == 4


@pytest.mark.parametrize(("rows", "columns"), [("operators", "steps"), ("seeds", "values"), ("presets", "sound")])
def test_the_sheets_of_the_window_are_explored_too(
    rows: str, columns: str, job_file: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "sheet.png"
    command = ["explore", str(job_file), "--rows", rows, "--columns", columns, "--down", "3", "--across", "2"]
    assert main([*command, "--out", str(out), "--device", "cpu"]) == 0
    assert "6 pictures" in capsys.readouterr().out and out.is_file()
    told = json.loads(out.with_suffix(".json").read_text())
    assert len(told["cells"]) == 6
    assert next(cell["distance"] for cell in told["cells"] if cell["key"] == told["unchanged"]) == 0
    assert main(["explore", str(job_file), "--rows", "sites", "--bend", "none", "--out", str(out)]) == 1
    assert "no bend 'none'" in capsys.readouterr().err
    assert main(["explore", str(job_file), "--out", str(out)]) == 1


@pytest.mark.parametrize(("frames", "made"), [(None, 4), ("3", 1), ("1-100", 4), ("7-9", 0)])
def test_a_range_of_frames_is_rendered(job_file: Path, tmp_path: Path, frames: str | None, made: int) -> None:
    chosen = ["--frames", frames] if frames else []
    assert main(["render", str(job_file), *chosen, "--store", str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == made


@pytest.mark.parametrize("content", [None, "", "{}", "nonsense"])
def test_a_bad_job_is_a_message_and_exit_code_1(tmp_path: Path, capsys: Capture, content: str | None) -> None:
    if content is not None:
        (tmp_path / "bad.json").write_text(content)
    assert main(["render", str(tmp_path / "bad.json"), "--store", str(tmp_path / "out")]) == 1
    assert "job" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_store_that_cannot_be_written_is_a_message_and_exit_code_1(job_file: Path, capsys: Capture) -> None:
    assert main(["render", str(job_file), "--store", str(job_file / "frames")]) == 1
    assert "can't be written" in capsys.readouterr().err


@pytest.mark.parametrize("frames", ["abc", "1-b", "", "1,2"])
def test_frames_that_cannot_be_read_are_a_message(job_file: Path, tmp_path: Path, capsys: Capture, frames: str) -> None:
    """argparse ends with exit code 2 and says which option is wrong."""
    with pytest.raises(SystemExit) as ended:
        main(["render", str(job_file), "--frames", frames, "--store", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "--frames" in capsys.readouterr().err


@pytest.mark.parametrize(("fps", "frames"), [("24", 24), ("29.97", 30), ("30000/1001", 30), ("60", 60)])
def test_a_sound_is_measured_into_an_npz(noise: Path, tmp_path: Path, capsys: Capture, fps: str, frames: int) -> None:
    out = tmp_path / "features.npz"
    assert main(["measure", str(noise), "--fps", fps, "--out", str(out)]) == 0
    with np.load(out) as measured:
        assert set(measured) == set(PLAIN)
        assert {measured[name].shape for name in measured} == {(frames,)}
    assert str(out) in capsys.readouterr().out


@pytest.mark.parametrize("command", ["measure", "analyse"])
def test_only_the_features_asked_for_are_measured_also_by_the_old_name(
    command: str, noise: Path, tmp_path: Path
) -> None:
    out = tmp_path / "features.npz"
    assert main([command, str(noise), "--fps", "24", "--features", "rms,onset", "--out", str(out)]) == 0
    with np.load(out) as measured:
        assert set(measured) == {"rms", "onset"}


@pytest.mark.parametrize(
    ("sound", "features", "words"), [("gone.wav", "rms", "gone.wav"), ("sound.wav", "rms,smell", "smell")]
)
def test_a_failed_analysis_is_a_message_and_exit_code_1(
    noise: Path, capsys: Capture, sound: str, features: str, words: str
) -> None:
    out = noise.parent / "features.npz"
    arguments = ["measure", str(noise.parent / sound), "--fps", "24", "--features", features, "--out", str(out)]
    assert main(arguments) == 1
    assert words in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("fps", ["abc", "0", "-24", "1/0"])
def test_a_frame_rate_that_cannot_be_read_is_a_message(noise: Path, tmp_path: Path, capsys: Capture, fps: str) -> None:
    """argparse ends with exit code 2 and says which option is wrong."""
    with pytest.raises(SystemExit) as ended:
        main(["measure", str(noise), f"--fps={fps}", "--out", str(tmp_path / "features.npz")])
    assert ended.value.code == 2
    assert "--fps" in capsys.readouterr().err


def test_the_doctor_says_what_is_installed(capsys: Capture) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["audio"] is True and found["diffusion"] is True
    assert found["packages"]["torch"] and found["packages"]["librosa"]
    assert found["python"] == sys.version.split()[0]


def test_the_doctor_speaks_to_people_too(capsys: Capture) -> None:
    assert main(["doctor"]) == 0
    words = capsys.readouterr().out
    assert "torch" in words and "missing" not in words


@pytest.mark.parametrize("command", ["doctor", "measure", "asked by Blender"])
def test_the_doctor_and_measuring_do_without_torch(command: str, noise: Path, tmp_path: Path) -> None:
    """Torch takes seconds to import; and with the sound tier alone it is not there."""
    sound = ["measure", str(noise), "--fps", "24", "--out", str(tmp_path / "features.npz")]
    request = {"sound": str(noise), "fps": "24", "features": list(PLAIN), "frames": 24, "cache": str(tmp_path)}
    request |= {"out": str(tmp_path / "asked.npz")}
    script = f"""
import io, sys
from blender_bend.core.process.messages import MEASURE, HELLO, Message
from blender_bend.engine.__main__ import main
from blender_bend.engine.process.server import Server
if {command!r} == "asked by Blender":
    out = io.BytesIO()
    server = Server(io.BytesIO(), out)
    for message in (Message(HELLO, "1"), Message(MEASURE, "2", {request!r})):
        server.take(message)
        server.answer_next()
    assert out.getvalue().count(b'"done"') == 2, out.getvalue()
else:
    assert main({["doctor"] if command == "doctor" else sound!r}) == 0
sys.exit(sorted({{"torch", "diffusers", "transformers"}} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_doctor_answers_where_no_package_is_installed() -> None:
    """Not even numpy: that is what it is asked for."""
    missing = [
        "numpy",
        "scipy",
        "torch",
        "diffusers",
        "transformers",
        "librosa",
        "soundfile",
        "numba",
        "PIL",
        "sklearn",
    ]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing!r})); "
        "from blender_bend.engine.__main__ import main; sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr
    assert "Python" in done.stdout

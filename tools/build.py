"""Builds the extension zip into dist/ and validates it, both with Blender's own tool.

python3 tools/build.py
python3 tools/build.py --wheels     also one zip per platform and Python that sets the sound part up without a network
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import environments
from environments import ROOT

DIST = ROOT / "dist"
HASHES = ROOT / "wheels" / "engine-hashes.txt"
LARGEST = 40_000_000
#: The platforms that offline zips are made for, as Blender calls them, and how pip calls them.
PLATFORMS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_12_0_arm64", "macosx_11_0_arm64"),
}
PYTHONS = ((3, 11), (3, 13))


def extension_tool(interpreter: Path) -> Path:
    """Blender's command line for extensions, which comes with the bpy package."""
    pattern = "lib/python3*/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    return next(interpreter.parent.parent.glob(pattern))


def run_tool(python: Path, tool: Path, target: Path) -> None:
    """Let Blender's tool build the zip and validate it.

    Raises
    ------
    SystemExit with the tool's words if it refuses
    """
    for command in (["build", "--source-dir", ROOT, "--output-filepath", target], ["validate", target]):
        done = subprocess.run([python, tool, *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}{done.stderr}\nBlender's tool refused to {command[0]} the extension.")


def build() -> Path:
    """Build and validate the zip.

    Raises
    ------
    SystemExit with the tool's words if it refuses, or if the zip is too large
    """
    blenders = environments.available_blenders()
    if not blenders:
        sys.exit("Building needs Python 3.11 or 3.13 for Blender's own tool.")
    python = blenders[-1].interpreter
    tool = extension_tool(python)
    DIST.mkdir(exist_ok=True)
    manifest = (ROOT / "blender_manifest.toml").read_text().splitlines()
    version = next(line.split('"')[1] for line in manifest if line.startswith("version"))
    target = DIST / f"blender_bend-{version}.zip"
    run_tool(python, tool, target)
    size = target.stat().st_size
    if size > LARGEST:
        sys.exit(
            f"{target} has {size / 1e6:.1f} MB; an extension without wheels must stay below {LARGEST / 1e6:.0f} MB."
        )
    print(f"{target.relative_to(ROOT)}  {size / 1e6:.1f} MB, validated")
    return target


def build_offline(plain: Path, platform: str, python: tuple[int, int]) -> Path:
    """Put the wheels of the audio tier for one platform and Python into a copy of the zip.

    They only lie in it: named in the manifest they would go where all extensions share them.
    """
    sys.path.insert(0, str(ROOT))
    from blender_bend.core.process import environment, package_hashes

    pins = environment.pins_for(environment.read_pins(ROOT / "wheels" / "engine.txt"), environment.AUDIO, python)
    version = ".".join(map(str, python))
    target = plain.with_name(f"{plain.stem}-{platform}-py{version}.zip")
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "requirements.txt")
        listed.write_text(package_hashes.requirements(pins, package_hashes.read(HASHES)), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:", "--no-deps", "-d", folder]
        command += ["--python-version", version, "--require-hashes", "-r", str(listed)]
        for tag in PLATFORMS[platform]:
            command += ["--platform", tag]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        missing = environment.missing_wheels(Path(folder), pins, python)
        if done.returncode != 0 or missing:
            sys.exit(f"{done.stderr}\nThe wheels for {platform}, Python {version} are not complete.")
        target.write_bytes(plain.read_bytes())
        with zipfile.ZipFile(target, "a", zipfile.ZIP_STORED) as archive:
            for wheel in sorted(Path(folder).glob("*.whl")):
                archive.write(wheel, f"wheels/{wheel.name}")
    print(f"{target.name}  {target.stat().st_size / 1e6:.1f} MB, with {len(pins)} wheels")
    return target


if __name__ == "__main__":
    made = build()
    if "--wheels" in sys.argv[1:]:
        for platform in PLATFORMS:
            for python in PYTHONS:
                build_offline(made, platform, python)

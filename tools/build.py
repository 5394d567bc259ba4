"""Builds the extension zip into dist/ and validates it, both with Blender's own tool.

python3 tools/build.py
python3 tools/build.py --wheels     also one zip per platform and Python that sets the sound part up without a network
python3 tools/build.py --repository FOLDER     also a repository of extensions, for any server of plain files
"""

from __future__ import annotations

import argparse
import shutil
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
    _ask(python, tool, "build", "--source-dir", ROOT, "--output-filepath", target)
    _ask(python, tool, "validate", target)


def write_repository(python: Path, tool: Path, archive: Path, folder: Path) -> None:
    """Put a zip into a folder, with the list that Blender reads (index.json) and a page to drag the zip from.

    Raises
    ------
    SystemExit if another zip is there, of which Blender would find two, or with the tool's words
    """
    folder.mkdir(parents=True, exist_ok=True)
    others = sorted(file.name for file in folder.glob("*.zip") if file.name != archive.name)
    if others:
        sys.exit(
            f"{folder} has other zips: {', '.join(others)}. A repository offers one version; move them away first."
        )
    shutil.copyfile(archive, folder / archive.name)
    _ask(python, tool, "server-generate", "--repo-dir", folder, "--html")


def _ask(python: Path, tool: Path, *command: str | Path) -> None:
    done = subprocess.run([python, tool, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}\nBlender's tool failed: {command[0]}")


def blender() -> tuple[Path, Path]:
    """The newest Blender that is here, as a Python, and its tool for extensions.

    Raises
    ------
    SystemExit if there is none
    """
    blenders = environments.available_blenders()
    if not blenders:
        sys.exit("Building needs Python 3.11 or 3.13 for Blender's own tool.")
    python = blenders[-1].interpreter
    return python, extension_tool(python)


def build(python: Path, tool: Path) -> Path:
    """Build and validate the zip.

    Raises
    ------
    SystemExit with the tool's words if it refuses, or if the zip is too large
    """
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


def main() -> None:
    """Build what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", action="store_true")
    parser.add_argument("--repository", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    python, tool = blender()
    made = build(python, tool)
    if options.wheels:
        for platform in PLATFORMS:
            for version in PYTHONS:
                build_offline(made, platform, version)
    if options.repository:
        write_repository(python, tool, made, options.repository.resolve())
        print(f"{options.repository}  a repository: Blender asks for its index.json")


if __name__ == "__main__":
    main()

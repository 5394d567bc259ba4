"""Runs every test: core and engine in the engine's environment, Blender's side under Blender 4.5 and 5.2.

python3 tools/test.py                       all tests, in their short versions
python3 tools/test.py --all                 long versions too (hundreds of kills, hours of sound)
python3 tools/test.py tests/core -k sites   any pytest arguments
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import environments
from environments import ENGINE, ROOT, Environment

#: Which folders are tested in which kind of environment. Core is the vocabulary of both sides, so it runs in all.
ENGINE_SUITE = ("tests/core", "tests/engine")
BLENDER_SUITE = ("tests/core", "tests/blender")


def run_suite(environment: Environment, folders: tuple[str, ...], arguments: list[str]) -> bool:
    """Run pytest in one environment; True if it passed or has nothing to do with what was asked for."""
    paths = [argument for argument in arguments if argument.startswith("tests")]
    options = [argument for argument in arguments if argument not in paths]
    chosen = [path for path in paths if path.startswith(folders)] if paths else list(folders)
    if not chosen:
        return True
    print(f"\n== {environment.name}: {' '.join(chosen + options)}", flush=True)
    began = time.monotonic()
    command = [environment.interpreter, "-m", "pytest", *chosen, *options]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    passed = code in (0, 5)  # 5: no test was selected
    outcome = "passed" if passed else f"FAILED ({code})"
    print(f"== {environment.name}: {outcome} in {time.monotonic() - began:.0f} s", flush=True)
    return passed


def main() -> int:
    """Set up what is missing and run the suites one after the other."""
    arguments = sys.argv[1:]
    if "--all" in arguments:
        arguments.remove("--all")
        os.environ["BEND_TEST_ALL"] = "1"
    environments.ensure(ENGINE)
    passed = [run_suite(ENGINE, ENGINE_SUITE, arguments)]
    passed += [run_suite(blender, BLENDER_SUITE, arguments) for blender in environments.available_blenders()]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except environments.PythonMissing as missing:
        sys.exit(str(missing))

"""Runs every test: core and engine in the engine's environment, Blender's side under Blender 4.5 and 5.2.

python3 tools/test.py                       all tests, in their short versions, side by side where there are cores
python3 tools/test.py --all                 long versions too (hundreds of kills, hours of sound), core in every Python
python3 tools/test.py tests/core -k sites   any pytest arguments; one suite after the other
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO

import environments
from environments import ENGINE, ROOT, Environment

#: Which folders are tested in which kind of environment. Core is the vocabulary of both sides.
ENGINE_SUITE = ("tests/core", "tests/engine")
BLENDER_SUITE = ("tests/core", "tests/blender")
#: How many of the slowest tests each suite lists.
SLOWEST = 10
#: What pytest needs to run a suite in two processes: a file's tests stay together, and share what the file sets up.
IN_TWO = ("-n", "2", "--dist", "loadfile")


class Suite:
    """The tests of one environment.

    Parameters
    ----------
    arguments : pytest's; paths that are not of this suite are left out
    """

    def __init__(self, environment: Environment, folders: tuple[str, ...], arguments: Sequence[str]) -> None:
        self.environment = environment
        paths = [argument for argument in arguments if argument.startswith("tests")]
        self.options = [argument for argument in arguments if argument not in paths]
        self.chosen = [path for path in paths if path.startswith(folders)] if paths else list(folders)

    def run(self, output: IO[str] | None = None) -> bool:
        """Run pytest, writing to a file or to this process's own output; True if it passed or has nothing to do."""
        if not self.chosen:
            return True
        name = self.environment.name
        print(f"\n== {name}: {' '.join([*self.chosen, *self.options])}", file=output, flush=True)
        began = time.monotonic()
        command = [self.environment.interpreter, "-m", "pytest", *self.chosen, *self.options]
        code = subprocess.run(command, cwd=ROOT, check=False, stdout=output, stderr=output).returncode
        passed = code in (0, 5)  # 5: no test was selected
        outcome = "passed" if passed else f"FAILED ({code})"
        print(f"== {name}: {outcome} in {time.monotonic() - began:.0f} s", file=output, flush=True)
        return passed


def run_side_by_side(engine: Suite, blenders: Sequence[Suite]) -> bool:
    """Run the engine's suite in two processes, and Blender's suites beside it.

    What Blender's suites say is kept, and printed when the engine's suite has ended.
    """
    with ThreadPoolExecutor() as pool, ExitStack() as files:
        kept = [files.enter_context(TemporaryFile("w+", encoding="utf-8", errors="replace")) for _ in blenders]
        beside = [pool.submit(suite.run, file) for suite, file in zip(blenders, kept, strict=True)]
        passed = [engine.run()]
        for running, file in zip(beside, kept, strict=True):
            passed.append(running.result())
            file.seek(0)
            print(file.read(), flush=True)
    return all(passed)


def folders_for(blender: Environment, whole: bool) -> tuple[str, ...]:
    """What is tested in the environment of a Blender.

    Parameters
    ----------
    whole : leave out core where the Python is the engine's, whose suite has it
    """
    seen = whole and blender.python == ENGINE.python
    return tuple(folder for folder in BLENDER_SUITE if not (seen and folder in ENGINE_SUITE))


def main() -> int:
    """Set up what is missing and run the suites."""
    arguments = sys.argv[1:]
    long = "--all" in arguments
    if long:
        arguments.remove("--all")
        os.environ["BEND_TEST_ALL"] = "1"
    environments.ensure(ENGINE)
    blenders = environments.available_blenders()
    whole = not arguments
    if whole:
        arguments = [f"--durations={SLOWEST}"]
    alone = long or not whole or (os.cpu_count() or 1) < 2  # long versions take memory for two
    engine = Suite(ENGINE, ENGINE_SUITE, arguments if alone else [*arguments, *IN_TWO])
    others = [Suite(blender, folders_for(blender, whole and not long), arguments) for blender in blenders]
    if not alone:
        return 0 if run_side_by_side(engine, others) else 1
    passed = [suite.run() for suite in (engine, *others)]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except environments.PythonMissing as missing:
        sys.exit(str(missing))

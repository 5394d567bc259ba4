"""The power goes off while frames are written, on a real file system: what is there afterwards is right.

The store lies on an ext4 of its own in a file. ``FS_IOC_SHUTDOWN`` stops that file system at once and throws away all
that was not yet on its disk, as a cut of the power does; mounted again, it recovers from its journal.
"""

from __future__ import annotations

import array
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_child import Child, contents, request

from blender_bend.core.errors import Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.process import messages

CUTS = int(os.environ.get("BEND_TEST_CUTS", 50 if os.environ.get("BEND_TEST_ALL") == "1" else 5))
FRAMES = 16
#: Of Linux's uapi: _IOR('X', 125, __u32), and not even to write the journal.
FS_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
MakeJob = Callable[..., Job]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mkfs.ext4"),
    reason="mounting a file system takes Linux and its administrator",
)


class Disk:
    """A file system in a file.

    Parameters
    ----------
    folder : where the file is, and the folder on which it is mounted
    """

    def __init__(self, folder: Path) -> None:
        self.image, self.mounted = folder / "disk", folder / "mounted"
        self.mounted.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(64 * 2**20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True)

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.mounted)], check=True, capture_output=True)

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.mounted)], check=True)

    def cut(self) -> None:
        """Stop it as it is."""
        import fcntl

        folder = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, array.array("I", [NO_LOG_FLUSH]))
        finally:
            os.close(folder)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A mounted disk; skipped where the machine allows no mounts."""
    disk = Disk(tmp_path)
    try:
        disk.mount()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no file system can be mounted here: {error.stderr.decode().strip()}")
    yield disk
    if os.path.ismount(disk.mounted):
        disk.unmount()


def test_after_cuts_of_the_power_every_frame_is_whole_and_the_rest_is_made(
    disk: Disk, fresh: Child, make_job: MakeJob, tmp_path: Path
) -> None:
    chance = random.Random(9)
    bend = (Bend("Turn", "rotate_channels", "latent"), [{"angle": 0.1 * (index + 1)} for index in range(FRAMES)])
    job = make_job("mini", [bend], FRAMES, steps=2)
    fresh.send(messages.RENDER, "undisturbed", **request(job, tmp_path))
    assert fresh.answers("undisturbed")[-1].type == messages.DONE
    undisturbed = contents(tmp_path / "frames")
    assert len(undisturbed) == FRAMES

    frames = disk.mounted / "frames"
    data = {**request(job, tmp_path), "store": str(frames)}
    kept, lost, stopped = [], 0, 0
    for number in range(CUTS):
        if len(list(frames.glob("*.png"))) > FRAMES - 4:
            for path in frames.glob("*.png"):
                path.unlink()
        fresh.send(messages.RENDER, str(number), **data)
        answers = [fresh.next()]
        for _ in range(chance.randrange(12)):
            if answers[-1].type not in messages.ENDINGS:
                answers.append(fresh.next())
        time.sleep(chance.uniform(0.0, 0.1))
        disk.cut()
        while answers[-1].type not in messages.ENDINGS:
            answers.append(fresh.next())
        if answers[-1].type == messages.ERROR:
            assert answers[-1].data["code"] == Code.STORE_UNWRITABLE, answers[-1].data
            stopped += 1
        disk.unmount()
        disk.mount()
        there = {name: content for name, content in contents(frames).items() if name.endswith(".png")}
        assert there.items() <= undisturbed.items(), "a frame is damaged"
        made = {f"{answer.data['key']}.png" for answer in answers if answer.type == messages.FRAME}
        kept.append(len(there))
        lost += len(made - set(there))
    fresh.send(messages.RENDER, "last", **data)
    assert fresh.answers("last")[-1].type == messages.DONE
    assert contents(frames) == undisturbed
    print(f"{CUTS} cuts, {stopped} within a job; frames there afterwards: {kept}; {lost} made and lost")
    assert stopped > CUTS / 2
    assert len(set(kept)) > 1, "the cuts were not at different moments"

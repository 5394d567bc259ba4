"""What an artist may have, and what Bend makes of it: a case for each row of the tables in docs/models.md.

Every module here has ``CASES``: the marker of a row, and what makes and uses such a model. A case either renders a
picture or ends in a BendError, and the row says which. To add rows, add a module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
import PIL.Image
from hub_downloads import Downloads
from hub_server import Hub, Model
from published import Files, write

from blender_bend.core.errors import BendError
from blender_bend.core.job.job import Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.models import references
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.store.frame_store import FrameStore

#: What no refused model may have been asked for.
WEIGHTS = (".safetensors", ".bin", ".gguf", ".ckpt", ".pt", ".msgpack", ".onnx")


@dataclass
class Bench:
    """What a case works with."""

    folder: Path
    renderer: Renderer
    make_job: Callable[..., Job]
    hub: Hub
    downloads: Downloads
    count: int = 0

    def render(self, reference: references.ModelReference, **settings: Any) -> np.ndarray:
        """One small picture of a model that was found."""
        made = self.make_job("mini", None, 1, steps=2, guidance=3.0, size=(64, 64), **settings)
        job = replace(made, model=reference.path, fingerprint=reference.fingerprint)
        store = FrameStore(self.folder / "frames")
        self.renderer.render(job, store)
        with PIL.Image.open(store.path(frame_key(resolve(job, job.frames[0])))) as picture:
            found = np.asarray(picture)
        assert found.std() > 0
        return found

    def own(self, files: Files) -> np.ndarray:
        """A folder of the artist's own, added in the preferences."""
        folder = write(files, self.folder / f"My model {self.count}")
        return self.render(references.resolve("mine", {"mine": str(folder)}))

    def download(self, files: Files) -> references.ModelReference:
        """A model of the hub, downloaded as Blender does."""
        name = f"owner/model-{self.count}"
        self.hub.models[name] = model = Model(files)
        ending = self.downloads.run("download", name)[-1]
        if ending["end"] == "error":
            assert not [name for name, _ in model.asked if name.endswith(WEIGHTS)], "nothing large is fetched before"
            assert not list(self.downloads.cache.glob(f"models--*{self.count}")), "nothing of it stays"
            raise BendError.from_dict(ending)
        return references.resolve(name, {})

    def everywhere(self, files: Files) -> np.ndarray:
        """The same model on the hub and as a folder: the pictures are the same, and so are the refusals."""
        self.count += 1
        ends: list[Any] = []
        for use in (lambda: self.render(self.download(files)), lambda: self.own(files)):
            try:
                ends.append(use())
            except BendError as error:
                ends.append(error)
        hub, own = ends
        if isinstance(hub, BendError) or isinstance(own, BendError):
            assert isinstance(hub, BendError) and isinstance(own, BendError), (hub, own)
            assert hub.code == own.code and hub.hint == own.hint
            called = re.escape(f"he model in {self.folder / f'My model {self.count}'}")
            assert re.sub(f"^T{called}|(?<!^)t{called}", f"owner/model-{self.count}", own.message) == hub.message
            raise own
        assert np.array_equal(hub, own)
        return own


Case = Callable[[Bench], Any]


def cases() -> Iterator[tuple[str, Case]]:
    """All cases by their markers."""
    for module in iter_modules(__path__):
        yield from import_module(f"{__name__}.{module.name}").CASES.items()

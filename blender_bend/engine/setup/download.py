"""Downloading a model from the hub into the hub's own cache; only ever after the artist's click.

huggingface_hub begins a file anew when it was interrupted, and a weight file has gigabytes. So the bytes are fetched
here, by its own functions, into ``blobs/<etag>.incomplete``, and go on where they were; with the whole blob in place
its ``hf_hub_download`` only makes the links. Files of its Xet storage come over plain HTTP, which can be resumed.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from ...core.checkpoints import weight_files
from ...core.errors import BendError, Code
from ...core.files import foreign_json
from ...core.files import whole as file_tools
from ...core.models import hub_cache, known_models, model_checks, model_files
from ...core.models.model_files import Listing

#: Bytes between two looks at the progress, and the most that an interruption loses.
CHUNK = 1 << 20
#: What must stay free besides the model.
SPARE = 200e6

#: Told after every chunk: the file, and how many bytes of all are there.
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Listed:
    """A file of the hub."""

    name: str
    size: int


def download(model: str, tell: Tell = lambda *_: None) -> Path:
    """Fetch what is missing of a model's configurations and safetensors weights.

    The settings come first: a model that Bend can't bend is refused before its weights are fetched.

    Parameters
    ----------
    model : hub id, ``owner/name``

    Raises
    ------
    BendError(MODEL_MISSING) if the hub cannot be reached or does not have it; MODEL_GATED if it asks for an agreement;
    MODEL_SPACE if it does not fit; MODEL_INVALID if a file came damaged; SETUP_BUSY if another Blender fetches it; and
    what ``model_checks.check`` raises for models that Bend can't bend
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    with _explained(model):
        information = HfApi().model_info(model, files_metadata=True)
        listed = [Listed(file.rfilename, file.size or 0) for file in information.siblings or ()]
        files = _listing(model, information.sha, listed)
        with _forgotten_if_refused(model):
            layout = model_checks.check_index(model, files)
            model_checks.check_settings(model, layout, files)
            model_checks.check_files(model, files)
        wanted = choose(listed, files)
        # A model with an index but not all files is told apart by what it lacks.
        snapshot = Path(hf_hub_download(model, model_files.INDEX, revision=information.sha)).parent
        there = sum(file.size for file in wanted if (snapshot / file.name).exists())
        total = sum(file.size for file in wanted)
        lacking = [file for file in wanted if not (snapshot / file.name).exists()]
        _require_space(model, sum(file.size for file in lacking))
        for file in lacking:
            before = there

            def told(bytes_there: int, name: str = file.name, before: int = before) -> None:
                tell(name, before + bytes_there, total)

            _fetch(model, file.name, information.sha, told)
            there += file.size
            tell(file.name, there, total)
        # Only now does the cache's name for the model mean these files.
        hf_hub_download(model, model_files.INDEX)
        return snapshot


def _listing(model: str, revision: str | None, listed: list[Listed]) -> Listing:
    """The files of a model on the hub; a setting is fetched when it is read."""
    from huggingface_hub import hf_hub_download

    sizes = {file.name: file.size for file in listed}

    def read(name: str) -> str | None:
        if name not in sizes:
            return None
        if sizes[name] > foreign_json.LARGEST:
            raise ValueError(f"{name} is too large")
        return foreign_json.read_text(Path(hf_hub_download(model, name, revision=revision)))

    return Listing(frozenset(sizes), read)


@contextmanager
def _forgotten_if_refused(model: str) -> Iterator[None]:
    """Leave nothing behind of a model that is refused, unless something of it was here before."""
    new = not hub_cache.folder_of(model).exists()
    try:
        yield
    except BendError:
        if new:
            with suppress(OSError):
                hub_cache.delete(model)
        raise


def choose(listed: list[Listed], files: Listing) -> list[Listed]:
    """The files that Bend loads: of each part its settings, and its weights, in full precision if there are such."""
    chosen = {model_files.INDEX}
    for part in model_files.parts_in(files.json(model_files.INDEX) or {}):
        chosen |= {f"{part}/{name}" for name in files.within(part) if model_files.is_setting(Path(name))}
        if weight_files.stem_of(part):
            chosen |= {f"{part}/{name}" for name in files.weights(part).files}
    return [file for file in listed if file.name in chosen]


def _require_space(model: str, needed: int) -> None:
    place = hub_cache.cache()
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free
    if needed and free < needed + SPARE:
        raise BendError(
            Code.MODEL_SPACE,
            f"{model} needs {needed / 1e9:.1f} GB in {place}, but only {free / 1e9:.1f} GB are free.",
            "Free some space or delete models you don't use, then download again.",
            "bend.open_preferences",
        )


def _fetch(model: str, name: str, revision: str | None, told: Callable[[int], None]) -> None:
    """Bring one file into the cache, from where it was left."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    constants.DOWNLOAD_CHUNK_SIZE = CHUNK
    url = hf_hub_url(model, name, revision=revision)
    about = get_hf_file_metadata(url, retry_on_errors=True)
    if about.etag is None:
        raise OSError(f"the hub gives no hash for {name}")
    blob = hub_cache.folder_of(model) / "blobs" / Path(about.etag).name
    if not blob.exists():
        blob.parent.mkdir(parents=True, exist_ok=True)
        part = blob.with_name(f"{blob.name}.incomplete")
        # The token is for the hub alone, not for the storage that it may send us to.
        own = urlsplit(about.location).netloc == urlsplit(url).netloc
        headers = build_hf_headers() if own else build_hf_headers(token=False)
        with open(part, "ab") as file:
            try:
                file_tools.lock(file)
            except OSError as error:
                words = f"Another Blender is downloading {model}."
                raise BendError(Code.SETUP_BUSY, words, "Wait until it has finished.") from error
            if about.size is not None and file.tell() > about.size:
                file.truncate(0)
            told(file.tell())
            http_get(
                about.location, _Counted(file, told), resume_size=file.tell(), headers=headers, expected_size=about.size
            )
        _check(part, about.etag, name)
        part.replace(blob)
    hf_hub_download(model, name, revision=revision)


class _Counted:
    """A file that tells how far it is written."""

    def __init__(self, file: BinaryIO, told: Callable[[int], None]) -> None:
        self._file, self._told = file, told

    def write(self, data: bytes) -> int:
        """Write, and tell."""
        count = self._file.write(data)
        self._file.flush()
        self._told(self._file.tell())
        return count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _check(part: Path, etag: str, name: str) -> None:
    """See that a large file is what the hub says; the hub names those by their SHA-256."""
    if not file_tools.DIGEST.fullmatch(etag):
        return
    with open(part, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != etag:
        part.unlink()
        raise BendError(
            Code.MODEL_INVALID, f"{name} was corrupted in transfer.", "Download again.", "bend.download_model"
        )


@contextmanager
def _explained(model: str) -> Iterator[None]:
    """Turn what the hub and the disk say into words.

    Raises
    ------
    BendError
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    again = "bend.download_model"
    words = f"{model} couldn't be downloaded"
    try:
        yield
    except GatedRepoError as error:
        raise BendError(
            Code.MODEL_GATED,
            f"{words}: you must accept its license first.",
            f"Accept the terms on {known_models.page_of(model)} while logged in there, then log in here with an "
            "access token.",
            "bend.log_in",
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        hint = "Check the name. If it is private, log in with a token that has read access."
        raise BendError(Code.MODEL_MISSING, f"{words}: the hub has no such model.", hint, "bend.log_in") from error
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code == 401:
            hint = "Log in again: the token may have been revoked."
            raise BendError(Code.MODEL_GATED, f"{words}: the hub rejected the token.", hint, "bend.log_in") from error
        raise BendError(Code.MODEL_MISSING, f"{words}: {_first_line(error)}.", "Try again later.", again) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            hint = "Free some space and download again; the download resumes."
            raise BendError(Code.MODEL_SPACE, f"{words}: the disk is full.", hint, again) from error
        if error.errno in (errno.EACCES, errno.EROFS):
            hint = "Check the permissions of the folder."
            raise BendError(
                Code.MODEL_MISSING, f"{words}: {hub_cache.cache()} can't be written.", hint, "bend.open_preferences"
            ) from error
        raise _unreachable(words, error) from error
    except Exception as error:
        # The hub's client has its own connection errors, of a library whose name changes with its version.
        if "http" not in type(error).__module__:
            raise
        raise _unreachable(words, error) from error


def _unreachable(words: str, error: Exception) -> BendError:
    return BendError(
        Code.MODEL_MISSING,
        f"{words}: the hub can't be reached, or the connection was lost ({type(error).__name__}).",
        "Check the connection and download again; the download resumes.",
        "bend.download_model",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")

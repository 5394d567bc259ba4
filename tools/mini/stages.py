"""The stages by name: what each runs, in how many processes."""

from __future__ import annotations

from pathlib import Path

from .autoencoder import train_autoencoder
from .denoiser import train_denoiser
from .distributed import launch
from .loop import Budget
from .pictures import paint_all
from .recipe import FULL, TOY

PORT = 29571


def run(
    stage: str,
    folder: Path,
    *,
    minutes: float,
    steps: int,
    stop_at: int,
    ranks: int,
    toy: bool,
    start: Path | None,
    target: Path | None,
) -> None:
    """Run one stage in its folder."""
    recipe = TOY if toy else FULL
    budget = Budget(minutes, steps, stop_at)
    folder.mkdir(parents=True, exist_ok=True)
    port = PORT + hash(str(folder.resolve())) % 1000
    if stage == "pictures":
        paint_all(recipe, folder, ranks, minutes)
    elif stage == "autoencoder":
        launch(train_autoencoder, (recipe, folder, budget, start), ranks, port)
    elif stage in ("denoiser16", "denoiser32"):
        size = recipe.latent // 2 if stage == "denoiser16" else recipe.latent
        launch(train_denoiser, (recipe, folder, budget, size, start), ranks, port)
    elif stage == "classifier":
        from .classifier import train_classifier

        launch(train_classifier, (recipe, folder, budget), ranks, port)
    elif stage == "sounds":
        from .audio_tower import synthesise_all

        synthesise_all(recipe, folder, ranks)
    elif stage == "tower":
        from .audio_tower import train_tower

        launch(train_tower, (recipe, folder, budget), ranks, port)
    elif stage == "adapters":
        from .sound_adapters import train_adapters

        train_adapters(recipe, folder, target or folder / "export", budget)
    elif stage == "adapters_gate":
        from .adapters_gate import adapters_gate

        adapters_gate(recipe, folder, target or folder / "export", folder / "sound")
    elif stage == "export":
        from .export import export

        export(recipe, folder, target or folder / "export")
    elif stage == "gate":
        from .gate import gate

        gate(recipe, folder, target or folder / "export")
    elif stage == "grids":
        from .gate import write_grids

        write_grids(recipe, target or folder / "export", folder / "grids")

"""The classifier: names subject and palette of a picture, and measures how far two sets of pictures are apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy import linalg
from torch import Tensor, nn

from blender_bend.engine.scenes import PALETTES, SCENES

from . import checkpoints
from .autoencoder import as_tensor
from .loop import Budget, Training, train
from .pictures import HELDOUT, TRAINING, Pictures, numbers_of_batch
from .recipe import Recipe


class Classifier(nn.Module):
    """A small convolutional network with one head for the subject and one for the palette."""

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = (width, 2 * width, 3 * width, 4 * width)
        layers: list[nn.Module] = []
        before = 3
        for after in widths:
            layers += [nn.Conv2d(before, after, 3, 2 if before > 3 else 1, 1), nn.GroupNorm(4, after), nn.SiLU()]
            layers += [nn.Conv2d(after, after, 3, 1, 1), nn.GroupNorm(4, after), nn.SiLU()]
            before = after
        self.body = nn.Sequential(*layers)
        self.subject = nn.Linear(2 * before, len(SCENES))
        self.palette = nn.Linear(2 * before, len(PALETTES))

    def features(self, pictures: Tensor) -> Tensor:
        """What the network sees in pictures of 0 … 1: the mean and the largest of each of its last channels."""
        maps = self.body(pictures * 2 - 1)
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of every subject and of every palette."""
        features = self.features(pictures)
        return self.subject(features), self.palette(features)


def at_size(pictures: list[np.ndarray], size: int) -> Tensor:
    """Square pictures pooled to the classifier's size."""
    x = as_tensor(np.stack(pictures))
    return F.interpolate(x, (size, size), mode="area")


class ClassifierLoss:
    """Cross-entropy of subject and palette on flipped, softened and noisy pictures, as a decoder might make them."""

    def __init__(self, classifier: Classifier, pictures: Pictures, recipe: Recipe, metrics: dict[str, float]) -> None:
        self.classifier, self.pictures, self.recipe, self.metrics = classifier, pictures, recipe, metrics
        self.scenes, self.palettes = list(SCENES), list(PALETTES)
        self.small: dict[int, Tensor] = {}

    def __call__(self, step: int, rank: int, ranks: int, random: np.random.Generator) -> Tensor:
        """The loss at a step."""
        recipe, batch = self.recipe, self.recipe.classifier_batch
        numbers = numbers_of_batch(len(self.pictures), recipe.seed + 1, step, rank, ranks, batch)
        x = torch.stack([self._small(int(number)) for number in numbers]).float() / 255
        if random.random() < 0.5:
            x = x.flip(3)
        if random.random() < 0.5:
            size = int(random.integers(x.shape[-1] // 2, x.shape[-1]))
            x = F.interpolate(F.interpolate(x, (size, size), mode="area"), x.shape[-2:], mode="bilinear")
        x = (x + torch.randn_like(x) * float(random.uniform(0, 0.04))).contiguous(memory_format=torch.channels_last)
        what = [self.pictures.attributes(int(number)) for number in numbers]
        subjects = torch.tensor([self.scenes.index(each.scene) for each in what])
        palettes = torch.tensor([self.palettes.index(each.palette) for each in what])
        with torch.autocast("cpu", torch.bfloat16):
            subject, palette = self.classifier(x)
        self.metrics["subject"] = float((subject.argmax(1) == subjects).float().mean())
        self.metrics["palette"] = float((palette.argmax(1) == palettes).float().mean())
        return F.cross_entropy(subject.float(), subjects) + F.cross_entropy(palette.float(), palettes)

    def _small(self, number: int) -> Tensor:
        if number not in self.small:
            small = at_size([self.pictures[number]], self.recipe.classifier_picture)[0]
            self.small[number] = (small * 255).round().byte()
        return self.small[number]


def train_classifier(rank: int, ranks: int, recipe: Recipe, folder: Path, budget: Budget) -> None:
    """The stage."""
    torch.manual_seed(recipe.seed)
    classifier = Classifier(recipe.classifier_width).to(memory_format=torch.channels_last)
    pictures = Pictures(recipe, folder, TRAINING)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=recipe.classifier_rate, weight_decay=0.01)
    optimizer.param_groups[0]["rate"] = recipe.classifier_rate
    metrics: dict[str, float] = {}
    loss = ClassifierLoss(classifier, pictures, recipe, metrics)
    batch, warm_up = recipe.classifier_batch, recipe.warm_up
    training = Training("classifier", classifier, [optimizer], loss, batch, recipe.seed, warm_up, 0.99, metrics=metrics)
    average = train(training, budget, folder, rank, ranks)
    if rank == 0:
        heldout = Pictures(recipe, folder, HELDOUT)
        numbers = [n for n in range(len(heldout)) if heldout.attributes(n).mood == "none"]
        what = [heldout.attributes(n) for n in numbers]
        seen = judge(average, [heldout[n] for n in numbers], recipe)
        right = [(s == w.scene, p == w.palette) for (s, p), w in zip(seen.names, what, strict=True)]
        subject, palette = np.mean(right, axis=0)
        print(f"classifier: subject {subject:.3f}, palette {palette:.3f} on {len(right)} held-out pictures", flush=True)


class Judgement:
    """What a classifier saw: names of (subject, palette), and the features for the distance."""

    def __init__(self, names: list[tuple[str, str]], features: np.ndarray) -> None:
        self.names, self.features = names, features


@torch.no_grad()
def judge(classifier: nn.Module, pictures: list[np.ndarray], recipe: Recipe) -> Judgement:
    """Name pictures."""
    scenes, palettes = list(SCENES), list(PALETTES)
    names, features = [], []
    for first in range(0, len(pictures), 32):
        x = at_size(pictures[first : first + 32], recipe.classifier_picture)
        found = classifier.features(x)
        features.append(found)
        subject, palette = classifier.subject(found).argmax(1), classifier.palette(found).argmax(1)
        names += [(scenes[int(s)], palettes[int(p)]) for s, p in zip(subject, palette, strict=True)]
    return Judgement(names, torch.cat(features).double().numpy())


def load_classifier(recipe: Recipe, folder: Path) -> Classifier:
    """The trained classifier of a folder."""
    classifier = Classifier(recipe.classifier_width)
    classifier.load_state_dict(checkpoints.load(folder / "classifier.pt")["average"])
    return classifier.eval()


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """The Fréchet distance of two sets of features, as normal distributions.

    Source: Heusel et al., "GANs trained by a two time-scale update rule", arXiv:1706.08500.
    """
    means = a.mean(0) - b.mean(0)
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(first @ second)
    return float(means @ means + np.trace(first) + np.trace(second) - 2 * np.trace(np.real(root)))

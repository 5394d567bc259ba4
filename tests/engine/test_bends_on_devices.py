"""Every bend on an accelerator: the numbers of the CPU, nothing read, nothing that the device lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from ghost import Accelerator, Ghost, Records, pretended
from operator_formulas import CASES
from torch import Tensor

from blender_bend.core import catalogue
from blender_bend.core.catalogue import OPERATORS
from blender_bend.core.errors import BendError, Code
from blender_bend.engine.bending import BendStack, Place, Rows, apply, bend_tensor
from blender_bend.engine.bending.operators.matrices import exponential
from blender_bend.engine.studies.study import MOMENTS, ModelStudy, SiteStudy

SITE = "unet:mid_block"
PRECISIONS = [torch.float32, torch.float16, torch.bfloat16]
MASK = torch.rand((1, 1, 30, 20), generator=torch.Generator().manual_seed(2))
each_operator = pytest.mark.parametrize("operator", [operator.name for operator in OPERATORS])
each_precision = pytest.mark.parametrize("precision", PRECISIONS, ids=str)


@pytest.fixture(params=["cuda", "mps"])
def accelerator(request: pytest.FixtureRequest) -> Iterator[Accelerator]:
    with pretended(request.param) as accelerator:
        yield accelerator


@dataclass
class Studied:
    """A study of a site of eight channels."""

    study = ModelStudy(
        {
            SITE: SiteStudy(
                torch.rand((6, 8, 4, 4), generator=torch.Generator().manual_seed(5)).numpy(),
                torch.rand((len(MOMENTS), 10, 8, 4, 4), generator=torch.Generator().manual_seed(6)).numpy(),
            )
        }
    )


def resolved(operator: str = "multiply", row: int = 0, **settings: Any) -> dict[str, Any]:
    """A bend of a resolved frame; each row has values of its own."""
    described = catalogue.operator(operator)
    case = CASES.get(operator, [{"amount": 0.7}])[0]
    values = {parameter.name: case.get(parameter.name, parameter.default) for parameter in described.parameters}
    values = {name: value + 0.01 * row for name, value in values.items()}
    parts = {part.name: part.default for region in catalogue.REGIONS for part in region.parameters}
    return {
        "name": "My bend",
        "operator": operator,
        "site": SITE,
        "channels": "all",
        "choices": {choice.name: case.get(choice.name, choice.default) for choice in described.choices},
        "values": {"mix": 0.8, **values, **parts},
        "steps": [0, 4],
        "region": "everywhere",
        "inverted": False,
        "mask": "",
        "restore": "none",
        **settings,
    }


def drawn(shape: tuple[int, ...], precision: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(precision)


def bent(x: Tensor, bends: list[dict[str, Any]], grid: tuple[int, int] | None = None) -> Tensor:
    masks = [MASK] * len(bends) if bends[0]["region"] == "mask" else []
    return bend_tensor(x, Rows.of(bends, masks), Place(3, 1, 4, SITE, grid, Studied.study))


def check_alike(
    accelerator: Accelerator, x: Tensor, bends: list[dict[str, Any]], grid: tuple[int, int] | None = None
) -> Records:
    """The device computes what the CPU computes, there, and without a read."""
    wanted = bent(x, bends, grid)
    there = accelerator.up(x)
    with accelerator.watched() as records:
        got = bent(there, bends, grid)
    assert isinstance(got, Ghost) and got.dtype == x.dtype
    assert torch.equal(got.held, wanted) or (
        bends[0]["operator"] == "matrix_exponential"  # whose scheme is another one there
        and torch.allclose(got.held.float(), wanted.float(), rtol=1e-2, atol=1e-2)
    )
    assert not records.reads and not records.answers and not records.wide
    assert accelerator.kind == "mps" or not records.stalling
    return records


@each_precision
@each_operator
def test_every_operator_computes_on_the_device(operator: str, precision: torch.dtype, accelerator: Accelerator) -> None:
    check_alike(accelerator, drawn((1, 8, 8, 8), precision), [resolved(operator)])
    check_alike(accelerator, drawn((4, 8, 8, 8), precision), [resolved(operator, row) for row in range(2)])


@each_operator
def test_every_operator_bends_tokens_on_the_device(operator: str, accelerator: Accelerator) -> None:
    if any(choice in resolved(operator)["choices"].values() for choice in ("centre rows", "centre columns")):
        return
    check_alike(accelerator, drawn((2, 64, 8), torch.float16), [resolved(operator)], (8, 8))


@each_precision
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("region", [region.name for region in catalogue.REGIONS])
def test_every_region_lies_on_the_device(
    region: str, inverted: bool, precision: torch.dtype, accelerator: Accelerator
) -> None:
    bend = resolved(region=region, inverted=inverted)
    check_alike(accelerator, drawn((2, 8, 8, 6), precision), [bend])
    check_alike(accelerator, drawn((2, 48, 8), precision), [bend, bend], (8, 6))


@each_precision
@pytest.mark.parametrize("channels", ["all", "0, 3-5", "random 25%", "top 3", "cluster 1 of 3"])
def test_every_choice_of_channels_is_made_without_a_read(
    channels: str, precision: torch.dtype, accelerator: Accelerator
) -> None:
    check_alike(accelerator, drawn((2, 8, 8, 6), precision), [resolved(channels=channels)])
    check_alike(accelerator, drawn((2, 48, 8), precision), [resolved(channels=channels)], (8, 6))


@each_precision
@pytest.mark.parametrize("restore", [name for name, _, _ in catalogue.RESTORATIONS])
def test_every_restoration_stays_on_the_device(restore: str, precision: torch.dtype, accelerator: Accelerator) -> None:
    for shape in ((2, 8, 8, 6), (2, 48, 8), (2, 8)):
        check_alike(accelerator, drawn(shape, precision), [resolved("threshold", restore=restore)])


def test_rows_that_are_neutral_stay_as_they_are_on_the_device(accelerator: Accelerator) -> None:
    still = resolved()
    still["values"] = {**still["values"], "factor": 1.0}
    x = drawn((2, 8, 8, 6), torch.float16)
    check_alike(accelerator, x, [resolved(), still])
    assert torch.equal(bent(accelerator.up(x), [resolved(), still]).held[1], x[1])


def test_values_given_on_the_device_are_taken(accelerator: Accelerator) -> None:
    """As a script may do; those that decide how an operator computes must be read then."""
    x, radius = drawn((2, 8, 8, 6), torch.float32), torch.tensor([1.0, 2.5])
    for operator in ("blur", "dilate"):
        there = apply(operator, accelerator.up(x), radius=accelerator.up(radius))
        assert torch.equal(there.held, apply(operator, x, radius=radius))


def stacked(count: int, **settings: Any) -> BendStack:
    bends = [resolved(**settings) for _ in range(count)]
    return BendStack([bends], seed=3, step=1, steps=4, read_mask=lambda _: MASK)


def test_the_values_of_all_bends_go_to_the_device_once(accelerator: Accelerator) -> None:
    stack, x = stacked(4, site="latent"), accelerator.up(drawn((2, 8, 8, 6), torch.float16))
    with accelerator.watched() as records:
        for _ in range(5):
            stack.bend_state("latent", x)
    assert records.uploads.total() == 1


def test_a_mask_goes_to_the_device_once_for_each_size(accelerator: Accelerator) -> None:
    with accelerator.watched() as records:
        for _ in range(3):  # steps
            stack = stacked(2, site="latent", region="mask")
            for side in (4, 8):
                stack.bend_state("latent", accelerator.up(drawn((1, 8, side, side), torch.float16)))
    values, sizes = 3, 2
    assert records.uploads.total() <= values + sizes


def test_one_answer_tells_of_all_bends_of_a_step_and_names_the_one_at_fault(accelerator: Accelerator) -> None:
    bends = [{**resolved(site="latent"), "name": name} for name in ("first", "second", "third")]
    bends[1]["values"] = {**bends[1]["values"], "factor": 3e38}
    stack = BendStack([bends], seed=3, step=1, steps=4)
    with accelerator.watched() as records:
        stack.bend_state("latent", accelerator.up(drawn((2, 8, 8, 6), torch.float32)))
        verdict = stack.verdict()
    assert not records.reads
    assert records.answers.total() == (1 if accelerator.kind == "cuda" else 0)
    assert verdict is not None
    with accelerator.watched() as records, pytest.raises(BendError) as caught:
        verdict.check()
    assert caught.value.code == Code.NON_FINITE and "'second'" in caught.value.message
    assert records.reads.total() == (0 if accelerator.kind == "cuda" else 1)


@pytest.mark.parametrize("scale", [1e-3, 0.3, 3.0, 20.0])
def test_the_exponential_without_reads_is_torchs(scale: float) -> None:
    x = drawn((5, 9, 9), torch.float32) * scale
    x = torch.cat([x, x - x.transpose(1, 2), torch.zeros(1, 9, 9)])
    wanted = torch.linalg.matrix_exp(x.double())
    error = (exponential(x).double() - wanted).norm(dim=(1, 2)) / wanted.norm(dim=(1, 2))
    assert error.max() < 2e-5 * max(scale, 1.0)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), 1e30])
def test_the_exponential_of_what_is_too_large_is_not_finite(broken: float) -> None:
    x = torch.zeros(1, 3, 3)
    x[0, 0, 0] = broken
    assert not torch.isfinite(exponential(x)).all()

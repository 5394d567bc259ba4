"""The pretended accelerator refuses and counts what a real one would."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from ghost import Accelerator, MixedDevices, pretended
from torch import Tensor, nn

from blender_bend.engine.host.devices import Answer, upload


@pytest.fixture
def cuda() -> Iterator[Accelerator]:
    with pretended("cuda") as accelerator:
        yield accelerator


def test_tensors_of_two_devices_do_not_meet(cuda: Accelerator) -> None:
    here, there = torch.ones(3), cuda.up(torch.ones(3))
    for meeting in (lambda: there + here, lambda: torch.cat([here, there]), lambda: nn.Linear(3, 3)(there)):
        with pytest.raises(MixedDevices):
            meeting()
    assert torch.equal((there + torch.tensor(2.0)).held, here + 2.0), "a single number may be on the CPU"


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: float(x[0]),
        lambda x: int(x[0]),
        lambda x: x.tolist(),
        lambda x: x.cpu(),
        lambda x: x.to("cpu"),
        lambda x: x.nonzero(),
        lambda x: x[x > 1],
        lambda x: torch.equal(x, x),
        lambda x: torch.zeros(3).copy_(x),
        lambda x: torch.arange(9)[x[0].long()],
    ],
)
def test_what_the_host_waits_for_is_counted(read: Callable[[Tensor], object], cuda: Accelerator) -> None:
    x = cuda.up(torch.tensor([1.0, 2.0, 3.0]))
    with cuda.watched() as records:
        read(x)
    assert records.reads


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: (x * 2 + 1).relu().sum(dim=0, keepdim=True),
        lambda x: torch.where(x > 1, x, 0.0),
        lambda x: x.index_select(0, torch.arange(2, device=x.device)),
        lambda x: x.topk(2).indices,
        lambda x: torch.zeros_like(x).copy_(x),
        lambda x: x.half().float(),
    ],
)
def test_what_stays_on_the_device_is_not_counted(compute: Callable[[Tensor], Tensor], cuda: Accelerator) -> None:
    x = cuda.up(torch.tensor([1.0, 2.0, 3.0]))
    with cuda.watched() as records:
        assert compute(x).device == x.device
    assert not records.reads and not records.uploads


@pytest.mark.parametrize(
    ("bring", "stalls"),
    [
        (lambda x: torch.ones(3).to("cuda"), True),
        (lambda x: torch.ones(3).to(x), True),
        (lambda x: torch.tensor([1.0], device="cuda"), True),
        (lambda x: torch.where(x > 1, x, torch.tensor(0.0)), True),
        (lambda x: x.clone().copy_(torch.ones(3)), True),
        (lambda x: torch.ones(3).pin_memory().to("cuda", non_blocking=True), False),
        (lambda x: upload(torch.ones(3), x.device), False),
    ],
)
def test_what_goes_to_the_device_is_counted(bring: Callable[[Tensor], Tensor], stalls: bool, cuda: Accelerator) -> None:
    x = cuda.up(torch.tensor([1.0, 2.0, 3.0]))
    with cuda.watched() as records:
        bring(x)
    assert records.uploads.total() == 1 and records.stalling.total() == stalls


def test_a_download_in_the_background_is_there_once_its_event_has_been_waited_for(cuda: Accelerator) -> None:
    x = cuda.up(torch.tensor([1.0, 2.0]))
    host = x.to("cpu", non_blocking=True)
    assert torch.isnan(host).all()
    early = torch.cuda.Event()
    early.record(torch.cuda.current_stream())
    later = x.to("cpu", non_blocking=True)
    early.synchronize()
    assert torch.equal(host, torch.tensor([1.0, 2.0])) and torch.isnan(later).all()


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_an_answer_is_right_on_every_device(kind: str) -> None:
    assert torch.equal(Answer(torch.ones(2)).read(), torch.ones(2))
    with pretended(kind) as accelerator:
        answer = Answer(accelerator.up(torch.ones(2)))
        assert answer.stalls == (kind == "mps") and not answer.is_here
        assert torch.equal(answer.read(), torch.ones(2))


def test_random_numbers_of_the_cpu_are_not_drawn_on_the_device(cuda: Accelerator) -> None:
    with pytest.raises(RuntimeError, match="generator"):
        torch.randn(3, device="cuda", generator=torch.Generator("cpu"))


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_half_precision_has_no_spectrum_on_the_device(kind: str) -> None:
    with pretended(kind) as accelerator, pytest.raises(RuntimeError, match="Unsupported dtype"):
        torch.fft.rfft2(accelerator.up(torch.ones(4, 4, dtype=torch.float16)))


def test_mps_lacks_float64_and_some_kernels() -> None:
    with pretended("mps") as accelerator:
        x = accelerator.up(torch.eye(3))
        with pytest.raises(TypeError, match="float64"):
            torch.add(x.double(), 1)
        with pytest.raises(NotImplementedError):
            torch.linalg.matrix_exp(x)
        assert torch.aminmax(x).max.held == 1


def test_a_module_moves_to_the_device_and_back(cuda: Accelerator) -> None:
    layer = nn.Linear(3, 3)
    wanted = layer(torch.ones(3))
    layer.to("cuda")
    assert torch.equal(layer(cuda.up(torch.ones(3))).held, wanted)
    layer.to("cpu")
    assert torch.equal(layer(torch.ones(3)), wanted)
    layer.to("cuda").half()
    assert layer(cuda.up(torch.ones(3).half())).dtype == torch.float16


def test_weights_that_are_put_back_are_the_old_ones(cuda: Accelerator) -> None:
    layer = cuda.send(nn.Linear(3, 3))
    old = layer.weight.data
    layer.weight.data = old * 2
    assert torch.equal(layer.weight.held, old.held * 2)
    layer.weight.data = old
    assert torch.equal(layer.weight.held, old.held)

"""The projector and the adapters against the formulas written out again, and what stays as it was without them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import MethodType
from typing import Any

import pytest
import sonic_formulas as formulas
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.sonic.adapters import AudioAdapters, blocks_of
from blender_bend.engine.sonic.projector import AudioProjector, blend

WIDTHS = {
    "mid_block.attentions.0": 1280,
    **{f"up_blocks.1.attentions.{n}": 1280 for n in range(3)},
    **{f"up_blocks.2.attentions.{n}": 640 for n in range(3)},
    **{f"up_blocks.3.attentions.{n}": 320 for n in range(3)},
}


@pytest.fixture(scope="module")
def projector() -> AudioProjector:
    torch.manual_seed(0)
    return AudioProjector().eval()


def randomised(module: nn.Module, seed: int = 1, amount: float = 0.3) -> nn.Module:
    """Weights that hide nothing: no bias is 0, no norm is 1, every gate is another one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.add_(amount * torch.randn(tensor.shape, generator=generator))
    return module


def counted(module: nn.Module) -> tuple[int, int]:
    state = module.state_dict()
    return len(state), sum(tensor.numel() for tensor in state.values())


def test_the_projector_of_the_published_size_has_the_published_tensors() -> None:
    with torch.device("meta"):
        projector = AudioProjector()
    assert counted(projector) == (46, 6_130_050)  # the reference says 42, but its own listing has 46
    conv, norm = "audio_emb_projection", (77, 1024)
    wanted: dict[str, tuple[int, ...]] = {f"{conv}.0.weight": (77, 1, 17), f"{conv}.0.bias": (77,)}
    for number in (2, 5, 8, 12):
        wanted |= {f"{conv}.{number}.weight": (77, 77, 17), f"{conv}.{number}.bias": (77,)}
    for number, shape in ((4, norm), (7, norm), (10, (77, 3072))):
        wanted |= {f"{conv}.{number}.weight": shape, f"{conv}.{number}.bias": shape}
    for layer in range(4):
        wanted |= {f"cross_attention.{layer}.to_{part}_adapter.weight": (320, 768) for part in "qkv"}
        wanted |= {
            f"between_attention.{layer}.0.weight": (320, 320),
            f"between_attention.{layer}.0.bias": (320,),
            f"between_attention.{layer}.2.weight": (768, 320),
            f"between_attention.{layer}.2.bias": (768,),
        }
    wanted |= {"to_out_adapter.0.weight": (768, 768), "to_out_adapter.0.bias": (768,)}
    assert {name: tuple(tensor.shape) for name, tensor in projector.state_dict().items()} == wanted


def test_the_adapters_of_stable_diffusion_1_4_have_the_published_tensors() -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel(**formulas.SD14)
        adapters = AudioAdapters.for_unet(unet)
    assert counted(unet)[1] == 859_520_964
    assert counted(adapters) == (80, 28_491_210)
    wanted = {}
    for path, d in WIDTHS.items():
        block = f"{path}.transformer_blocks.0"
        wanted |= {
            f"{block}.gate_adapter": (1,),
            f"{block}.attn_adapter.to_q.weight": (d, d),
            f"{block}.attn_adapter.to_k.weight": (d, 768),
            f"{block}.attn_adapter.to_v.weight": (d, 768),
            f"{block}.attn_adapter.to_out.0.weight": (d, d),
            f"{block}.attn_adapter.to_out.0.bias": (d,),
            f"{block}.norm_adapter.weight": (d,),
            f"{block}.norm_adapter.bias": (d,),
        }
    assert {name: tuple(tensor.shape) for name, tensor in adapters.state_dict().items()} == wanted


@pytest.mark.parametrize("variant", ["official", "stacked"])
def test_the_projector_is_that_of_the_formula(projector: AudioProjector, variant: str) -> None:
    own = copy.deepcopy(projector)
    own.variant = variant
    embeddings = torch.nn.functional.normalize(torch.randn(2, 1024), dim=-1)
    with torch.no_grad():
        got = own(embeddings)
        wanted = formulas.projector(own.state_dict(), embeddings, heads=8, stacked=variant == "stacked")
    assert got.shape == (2, 77, 768)
    assert formulas.relative(got, wanted) < 1e-5


def test_the_published_quirk_and_the_residual_make_a_difference(projector: AudioProjector) -> None:
    """So the test above can tell the variants apart, and the file without the residual too."""
    weights, embeddings = randomised(copy.deepcopy(projector), amount=0.05).state_dict(), torch.randn(1, 1024)
    official = formulas.projector(weights, embeddings, heads=8)
    for other in ({"stacked": True}, {"residual": False}):
        assert formulas.relative(formulas.projector(weights, embeddings, heads=8, **other), official) > 0.1


def test_only_the_last_layer_counts_in_the_published_projector(projector: AudioProjector) -> None:
    projector(torch.randn(1, 1024)).sum().backward()
    dead = [name for name, weight in projector.named_parameters() if weight.grad is None]
    projector.zero_grad(set_to_none=True)
    assert len(dead) == 21 and all(name.split(".")[1] in "012" for name in dead)


def test_no_sound_is_what_the_projector_makes_of_zeros(projector: AudioProjector) -> None:
    null = projector.null()
    with torch.no_grad():
        assert torch.equal(null, projector(torch.zeros(1, 1024)))
    assert float(null.abs().max()) > 0


def test_blended_vectors_have_length_1() -> None:
    one, two = torch.eye(3)[:1], torch.eye(3)[1:2]
    assert torch.allclose(blend([(one, 0.3), (two, 0.7)]).norm(), torch.tensor(1.0))
    assert torch.equal(blend([(one, 1.0)]), one)


@pytest.fixture
def unet(load: Callable[..., Any]) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return randomised(load("sd15").unet, 5, 0.05).eval()


@pytest.fixture
def adapters(unet: UNet2DConditionModel) -> AudioAdapters:
    torch.manual_seed(3)
    return randomised(AudioAdapters.for_unet(unet, context=32), 2).eval()


@pytest.fixture
def call(unet: UNet2DConditionModel) -> Callable[..., Tensor]:
    generator = torch.Generator().manual_seed(0)
    x, text = torch.randn(3, 4, 8, 8, generator=generator), torch.randn(3, 77, 32, generator=generator)

    def call(network: Any = unet) -> Tensor:
        with torch.no_grad():
            return network(x, 481, encoder_hidden_states=text).sample

    return call


TOKENS = torch.randn(3, 77, 32, generator=torch.Generator().manual_seed(9))


def transcribed(unet: Any, adapters: AudioAdapters, tokens: Tensor | None, f: float = 1.0) -> Any:
    """The UNet with every transformer block with an adapter replaced by the formula."""
    other = copy.deepcopy(unet)
    for path in blocks_of(unet):
        block = other.get_submodule(path)
        own, audio = block.state_dict(), adapters.adapter(path).state_dict()

        def forward(
            self: Any,
            hidden_states: Tensor,
            encoder_hidden_states: Any = None,
            *,
            own: Any = own,
            audio: Any = audio,
            **_: Any,
        ) -> Tensor:
            return formulas.block(own, self.attn1.heads, hidden_states, encoder_hidden_states, audio, tokens, f)

        block.forward = MethodType(forward, block)
    return other


@pytest.mark.parametrize("f", [1.0, 0.5])
def test_the_unet_with_adapters_is_that_of_the_formula(unet: Any, adapters: AudioAdapters, call: Any, f: float) -> None:
    with adapters.applied(unet, TOKENS, f):
        got = call()
    assert formulas.relative(got, call(transcribed(unet, adapters, TOKENS, f))) < 1e-5
    assert formulas.relative(got, call()) > 1e-2  # and the sound counts


@pytest.mark.parametrize("width", [320, 640, 1280])
def test_a_block_of_the_published_widths_is_that_of_the_formula(width: int) -> None:
    from diffusers.models.attention import BasicTransformerBlock

    torch.manual_seed(0)
    host = nn.Module()
    host.add_module("up_blocks", nn.ModuleList([BasicTransformerBlock(width, 8, width // 8, cross_attention_dim=768)]))
    adapters = AudioAdapters.for_unet(host, gate=0.7)
    block, adapter = host.get_submodule("up_blocks.0"), adapters.adapter("up_blocks.0")
    x, text, tokens = torch.randn(1, 16, width), torch.randn(1, 77, 768), torch.randn(1, 77, 768)
    with torch.no_grad(), adapters.applied(host, tokens):
        got = block(x, encoder_hidden_states=text)
        wanted = formulas.block(block.state_dict(), 8, x, text, adapter.state_dict(), tokens, 1.0)
    assert formulas.relative(got, wanted) < 1e-5


@pytest.mark.parametrize(
    "silence",
    [{"tokens": None}, {"tokens": TOKENS, "scale": 0.0}, {"tokens": TOKENS, "scale": torch.zeros(3)}],
    ids=["no sound", "scale 0", "scale 0 in every row"],
)
def test_without_sound_the_unet_is_bit_equal_to_the_base(
    unet: Any, adapters: AudioAdapters, call: Any, silence: dict[str, Any]
) -> None:
    base = call()
    with adapters.applied(unet, **silence):
        assert torch.equal(call(), base)


def test_rows_have_their_own_scale_and_a_row_at_0_is_bit_equal_to_the_base(
    unet: Any, adapters: AudioAdapters, call: Any
) -> None:
    base = call()
    with adapters.applied(unet, TOKENS, torch.tensor([0.0, 1.0, 0.5])):
        mixed = call()
    with adapters.applied(unet, TOKENS, 0.5):
        half = call()
    assert torch.equal(mixed[0], base[0])
    assert formulas.relative(mixed[2], half[2]) < 1e-5
    assert not torch.allclose(mixed[1], base[1])


def test_a_block_can_be_made_deaf_by_itself(unet: Any, adapters: AudioAdapters, call: Any) -> None:
    called = []
    for path in adapters.widths:
        adapters.adapter(path).register_forward_hook(lambda *_, path=path: called.append(path))
    with adapters.applied(unet, TOKENS, blocks={"up_blocks": 0.0, "up_blocks.2": 1.0, "mid_block": 0.0}):
        call()
    assert sorted(called) == [f"up_blocks.2.attentions.{n}.transformer_blocks.0" for n in range(3)]


def test_nothing_of_the_adapters_stays_behind(unet: Any, adapters: AudioAdapters, call: Any) -> None:
    names, base = list(unet.state_dict()), call()

    def hooks() -> int:
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in unet.modules())

    before, processors = hooks(), len(unet.attn_processors)
    with pytest.raises(ZeroDivisionError), adapters.applied(unet, TOKENS):
        assert hooks() == before + 20 and len(unet.attn_processors) == processors
        1 / 0  # noqa: B018
    assert (hooks(), list(unet.state_dict())) == (before, names)
    assert torch.equal(call(), base)


def test_gradients_reach_every_adapter_alike_with_and_without_checkpointing(unet: Any, adapters: AudioAdapters) -> None:
    unet.requires_grad_(False).train()
    x, text, goal = torch.randn(2, 4, 8, 8), torch.randn(2, 77, 32), torch.randn(2, 4, 8, 8)
    found = []
    for checkpointing in (False, True):
        (unet.enable_gradient_checkpointing if checkpointing else unet.disable_gradient_checkpointing)()
        adapters.zero_grad(set_to_none=True)
        with adapters.applied(unet, TOKENS[:2]):
            loss = (unet(x, 200, encoder_hidden_states=text).sample - goal).square().mean()
            loss.backward()
        found.append({name: weight.grad.clone() for name, weight in adapters.named_parameters()})
    assert len(found[0]) == 80
    assert all(gradient.abs().max() > 0 for gradient in found[0].values())
    assert all(torch.equal(gradient, found[1][name]) for name, gradient in found[0].items())


def test_half_precision_unets_have_adapters_in_full_precision(unet: Any, adapters: AudioAdapters) -> None:
    unet.to(torch.bfloat16)
    x, text = torch.randn(1, 4, 8, 8).bfloat16(), torch.randn(1, 77, 32).bfloat16()
    with torch.no_grad(), adapters.applied(unet, TOKENS[:1]):
        assert unet(x, 1, encoder_hidden_states=text).sample.dtype == torch.bfloat16


def test_mini_has_blocks_for_sound_too(load: Callable[..., Any]) -> None:
    assert len(blocks_of(load("mini").unet)) > 0


def test_a_model_without_cross_attention_has_none() -> None:
    with pytest.raises(BendError) as caught:
        AudioAdapters.for_unet(nn.Linear(2, 2))
    assert caught.value.code == Code.MODEL_INVALID

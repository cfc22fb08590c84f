"""The trainer's networks give what diffusers' and transformers' give, on random weights at toy size."""

import math

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from peers import compare, normal, randomize, run, take_sinusoids, take_sinusoids_of_sizes
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])

UNET = dict(
    block_out_channels=(16, 32),
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    layers_per_block=1,
    attention_head_dim=4,
    cross_attention_dim=24,
    norm_num_groups=8,
    sample_size=8,
)
UNETS = {
    # the shape of Stable Diffusion 1.x, at the size of its latents divided by eight
    "stable diffusion": dict(
        block_out_channels=(8, 16, 24, 24),
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        layers_per_block=2,
        attention_head_dim=8,
    ),
    "odd size": dict(size=(9, 11)),
    "heads by level, linear projection": dict(
        block_out_channels=(16, 32, 48),
        down_block_types=("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3,
        attention_head_dim=(2, 4, 6),
        use_linear_projection=True,
        upcast_attention=True,
        size=(10, 13),
    ),
    "attention in the middle alone": dict(
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        layers_per_block=2,
    ),
    "one level, linear projection": dict(
        block_out_channels=(16,),
        down_block_types=("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",),
        use_linear_projection=True,
        size=(5, 3),
    ),
    "stable diffusion xl": dict(
        block_out_channels=(8, 16, 24),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        attention_head_dim=(1, 2, 3),
        transformer_layers_per_block=(1, 2, 3),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=12,
        projection_class_embeddings_input_dim=20 + 6 * 12,
    ),
    "asymmetric, deep transformers, other time embedding": dict(
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        transformer_layers_per_block=2,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_eps=1e-3,
        in_channels=9,
        out_channels=5,
        act_fn="swish",
    ),
}


ONE_LEVEL = {name: value for name, value in UNETS["one level, linear projection"].items() if name != "size"}


def save(network, folder, rename=None):
    """The model directory of `network`, its tensors under other names where `rename` gives them."""
    network.save_pretrained(folder)
    if rename is not None:
        (file,) = folder.glob("*.safetensors")
        save_file({rename(name): tensor for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    return folder


def in_precision(inputs, dtype):
    return {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}


@DTYPES
@pytest.mark.parametrize("name", UNETS)
def test_unet(name, dtype, tmp_path, record_property):
    config = {**UNET, **UNETS[name]}
    height, width = config.pop("size", (8, 8))
    network = randomize(UNet2DConditionModel(**config))
    save(network, tmp_path / "unet")
    added = {}
    if network.config.addition_embed_type:
        added = {"pooled": normal(3, 20, seed=4), "sizes": torch.tensor([[64, 48, 0, 7, 1024, 1023], [1] * 6, [4000] * 6])}
    inputs = {
        **added,
        "sample": normal(3, network.config.in_channels, height, width, seed=1),
        "timesteps": torch.tensor([0, 493, 999]),
        "context": normal(3, 7, config["cross_attention_dim"], seed=2),
    }
    ours = run("unet", tmp_path / "unet", inputs, tmp_path, dtype == torch.float64)
    take_sinusoids(network, inputs["timesteps"], ours["sinusoids"])
    if added:
        take_sinusoids_of_sizes(network, inputs["sizes"], ours["sinusoids_of_sizes"])
    with torch.no_grad():
        given = in_precision(inputs, dtype)
        with_texts = {"text_embeds": given["pooled"], "time_ids": given["sizes"]} if added else None
        expected = network.to(dtype)(
            given["sample"], given["timesteps"], given["context"], added_cond_kwargs=with_texts
        ).sample
    compare(ours, {"prediction": expected}, TOLERANCES[dtype], name, record_property)


@pytest.mark.parametrize("config", [{}, dict(flip_sin_to_cos=False, freq_shift=1)], ids=["published", "other"])
def test_sinusoids_of_every_timestep(config, tmp_path, record_property):
    """Ours and the peer's are as near to the exact ones as fp32 angles allow: an angle of 999 has a rounding error of its
    own, and so has its frequency."""
    network = randomize(UNet2DConditionModel(**{**UNET, **ONE_LEVEL, **config}))
    save(network, tmp_path / "unet")
    timesteps = torch.arange(1000)
    inputs = {"sample": normal(1000, 4, 1, 1), "timesteps": timesteps, "context": normal(1000, 1, 24)}
    ours = run("unet", tmp_path / "unet", inputs, tmp_path)["sinusoids"]
    theirs = network.time_proj(timesteps)
    half = ours.shape[1] // 2
    exponents = math.log(10000) * torch.arange(half).double() / (half - config.get("freq_shift", 0))
    angles = timesteps.double()[:, None] * torch.exp(-exponents)
    parts = [angles.sin(), angles.cos()]
    exact = torch.cat(parts if config else parts[::-1], dim=1)
    # The exponent is rounded twice, its power, the angle and the sine once each.
    allowed = angles * (1.5 + exponents) * 2**-23 + 2**-23
    allowed = torch.cat([allowed, allowed], dim=1)
    for found in [ours, theirs]:
        assert found.dtype == torch.float32
        assert ((found.double() - exact).abs() <= allowed).all()
    record_property("largest difference from the peer", (ours - theirs).abs().max().item())
    early = timesteps < 10
    assert (ours - theirs)[early].abs().max() < 2e-6


def test_unet_of_half_precision_weights(tmp_path, record_property):
    network = randomize(UNet2DConditionModel(**UNET)).half()
    network.save_pretrained(tmp_path / "unet", variant="fp16")
    inputs = {"sample": normal(1, 4, 8, 8), "timesteps": torch.tensor([7]), "context": normal(1, 7, 24, seed=2)}
    with torch.no_grad():
        expected = network.float()(inputs["sample"], inputs["timesteps"], inputs["context"]).sample
    ours = run("unet", tmp_path / "unet", inputs, tmp_path)
    compare(ours, {"prediction": expected}, 1e-5, "half", record_property)


AUTOENCODER = dict(
    block_out_channels=(8, 16, 24),
    down_block_types=("DownEncoderBlock2D",) * 3,
    up_block_types=("UpDecoderBlock2D",) * 3,
    norm_num_groups=4,
    sample_size=16,
)
AUTOENCODERS = {
    "stable diffusion": dict(layers_per_block=2),
    "odd size": dict(size=(21, 18)),
    "without attention and quantization": dict(
        mid_block_add_attention=False, use_quant_conv=False, use_post_quant_conv=False
    ),
    "without quantization after": dict(use_post_quant_conv=False, latent_channels=3),
    "one level, gray to color": dict(
        block_out_channels=(8,),
        down_block_types=("DownEncoderBlock2D",),
        up_block_types=("UpDecoderBlock2D",),
        in_channels=1,
        out_channels=3,
        latent_channels=8,
    ),
    # the variance of some pixels is so large that it is clamped
    "clamped": dict(louder=60.0),
}


@DTYPES
@pytest.mark.parametrize("name", AUTOENCODERS)
def test_autoencoder(name, dtype, tmp_path, record_property):
    config = {**AUTOENCODER, **AUTOENCODERS[name]}
    height, width = config.pop("size", (16, 16))
    louder = config.pop("louder", None)
    network = randomize(AutoencoderKL(**config))
    if louder:
        network.quant_conv.weight.data *= louder
    compare_autoencoder(network, (height, width), dtype, tmp_path, name, record_property, clamped=bool(louder))


OLDER_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def older(name):
    for new, old in OLDER_NAMES.items():
        name = name.replace(new, old)
    return name


def test_autoencoder_of_older_names(tmp_path, record_property):
    network = randomize(AutoencoderKL(**AUTOENCODER))
    compare_autoencoder(network, (16, 16), torch.float32, tmp_path, "older", record_property, rename=older)
    # They are names that the peer takes for the same.
    (file,) = (tmp_path / "vae").glob("*.safetensors")
    assert any(".proj_attn." in name for name in load_file(file))
    read_back = AutoencoderKL.from_pretrained(tmp_path / "vae").state_dict()
    assert all(torch.equal(read_back[name], tensor) for name, tensor in network.state_dict().items())


def compare_autoencoder(network, size, dtype, folder, what, record_property, rename=None, clamped=False):
    save(network, folder / "vae", rename)
    inputs = {
        "images": normal(2, network.config.in_channels, *size).tanh(),
        "latents": normal(2, network.config.latent_channels, 5, 4, seed=1),
    }
    with torch.no_grad():
        given = in_precision(inputs, dtype)
        posterior = network.to(dtype).encode(given["images"]).latent_dist
        expected = {
            "moments": posterior.parameters,
            "mean": posterior.mean,
            "standard_deviation": posterior.std,
            "images": network.decode(given["latents"]).sample,
        }
    assert clamped == bool((posterior.logvar.abs() == 20).any())
    ours = run("autoencoder", folder / "vae", inputs, folder, dtype == torch.float64)
    compare(ours, expected, TOLERANCES[dtype], what, record_property)


END = 63
TEXT = dict(
    vocab_size=64,
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=3,
    max_position_embeddings=11,
    projection_dim=10,
    bos_token_id=62,
    eos_token_id=END,
    pad_token_id=END,
)
TEXTS = {
    "quick_gelu": dict(hidden_act="quick_gelu"),
    "gelu, other norm": dict(hidden_act="gelu", layer_norm_eps=1e-3, num_attention_heads=1),
    "short prompts": dict(hidden_act="quick_gelu", length=6),
}


def text_ids(length):
    ids = torch.randint(0, 62, (3, length), generator=torch.Generator().manual_seed(3))
    ids[:, 0] = 62
    for row, end in enumerate([3, length - 2, length - 1]):
        ids[row, end:] = END
    return ids, torch.tensor([3, length - 2, length - 1])


@DTYPES
@pytest.mark.parametrize("name", TEXTS)
def test_clip_text(name, dtype, tmp_path, record_property):
    config = {**TEXT, **TEXTS[name]}
    ids, end = text_ids(config.pop("length", 11))
    double = dtype == torch.float64
    with_projection = randomize(CLIPTextModelWithProjection(CLIPTextConfig(**config)))
    save(with_projection, tmp_path / "projected")
    plain = randomize(CLIPTextModel(CLIPTextConfig(**config)))
    save(plain, tmp_path / "plain")
    # Files of either age: all had the prefix before transformers 5.
    save(plain, tmp_path / "prefixed", lambda name: "text_model." + name.removeprefix("text_model."))
    with torch.no_grad():
        projected = with_projection.to(dtype)(ids)
        states = plain.to(dtype)(ids).last_hidden_state
    ours = run("clip_text", tmp_path / "projected", {"ids": ids, "end": end}, tmp_path, double)
    expected = {"states": projected.last_hidden_state, "features": projected.text_embeds}
    compare(ours, expected, TOLERANCES[dtype], name, record_property)
    for files in ["plain", "prefixed"]:
        ours = run("clip_text", tmp_path / files, {"ids": ids}, tmp_path, double)
        compare(ours, {"states": states}, TOLERANCES[dtype], f"{name}, {files}", record_property)


VISION = dict(
    hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, projection_dim=10,
    image_size=32, patch_size=8,
)  # fmt: skip
VISIONS = {
    "quick_gelu": dict(hidden_act="quick_gelu"),
    "gelu, gray, one patch": dict(hidden_act="gelu", num_channels=1, patch_size=32, layer_norm_eps=1e-3),
}


@DTYPES
@pytest.mark.parametrize("name", VISIONS)
def test_clip_vision(name, dtype, tmp_path, record_property):
    network = randomize(CLIPVisionModelWithProjection(CLIPVisionConfig(**{**VISION, **VISIONS[name]})))
    save(network, tmp_path / "vision")
    pixels = normal(3, network.config.num_channels, 32, 32)
    with torch.no_grad():
        expected = network.to(dtype)(pixels.to(dtype)).image_embeds
    ours = run("clip_vision", tmp_path / "vision", {"pixels": pixels}, tmp_path, dtype == torch.float64)
    compare(ours, {"features": expected}, TOLERANCES[dtype], name, record_property)


CLIPS = {
    "quick_gelu": dict(hidden_act="quick_gelu"),
    "gelu, other norm": dict(hidden_act="gelu", layer_norm_eps=1e-3),
}


@DTYPES
@pytest.mark.parametrize("name", CLIPS)
def test_clip_model(name, dtype, tmp_path, record_property):
    ids, end = text_ids(11)
    network = randomize(
        CLIPModel(
            CLIPConfig(
                # Another width of projection than the towers' own configurations say: that of the whole counts.
                text_config={**TEXT, **CLIPS[name]},
                vision_config={**VISION, **CLIPS[name], "hidden_size": 18},
                projection_dim=14,
            )
        )
    )
    save(network, tmp_path / "clip")
    pixels = normal(3, 3, 32, 32)
    with torch.no_grad():
        found = network.to(dtype)(input_ids=ids, pixel_values=pixels.to(dtype))
        text = network.text_projection(network.text_model(ids).pooler_output)
        image = network.visual_projection(network.vision_model(pixels.to(dtype)).pooler_output)
    # What the peer scores with are these, normalized.
    assert torch.allclose(found.text_embeds, text / text.norm(dim=-1, keepdim=True))
    assert torch.allclose(found.image_embeds, image / image.norm(dim=-1, keepdim=True))
    given = {"ids": ids, "end": end, "pixels": pixels}
    ours = run("clip_model", tmp_path / "clip", given, tmp_path, dtype == torch.float64)
    expected = {"text_features": text, "image_features": image}
    compare(ours, expected, TOLERANCES[dtype], name, record_property)


def test_the_measure_sees_a_wrong_network(tmp_path):
    """Weights under each other's names are found: the comparison can fail."""
    network = randomize(UNet2DConditionModel(**UNET))
    save(network, tmp_path / "right")
    swapped = {"to_q.": "to_k.", "to_k.": "to_q."}
    save(
        network,
        tmp_path / "wrong",
        lambda name: next((name.replace(a, b) for a, b in swapped.items() if f"attn1.{a}" in name), name),
    )
    inputs = {"sample": normal(1, 4, 8, 8), "timesteps": torch.tensor([7]), "context": normal(1, 7, 24, seed=2)}
    right = run("unet", tmp_path / "right", inputs, tmp_path)["prediction"]
    wrong = run("unet", tmp_path / "wrong", inputs, tmp_path)["prediction"]
    assert (right - wrong).abs().max() > 1e-3 * right.abs().max()

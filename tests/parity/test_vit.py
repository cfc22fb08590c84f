"""The second image encoder gives what transformers' ViTModel gives, on random weights at toy size, for pictures of any
size; and its pictures are prepared as transformers' image processor prepares them."""

import json

import numpy
import pytest
import torch
from peers import compare, normal, randomize, run
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import ViTConfig, ViTForImageClassification, ViTForMaskedImageModeling, ViTImageProcessorPil, ViTModel

TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])

VIT = dict(
    hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, image_size=32, patch_size=8,
)  # fmt: skip
VITS = {
    "its own size": dict(),
    "larger pictures": dict(size=(48, 48)),
    "smaller pictures": dict(size=(16, 16)),
    "wide pictures": dict(size=(24, 64)),
    "as many patches in another shape": dict(size=(16, 64)),
    "rest behind the last patch": dict(size=(37, 45)),
    "one patch": dict(image_size=8, num_attention_heads=1),
    "no bias, other norm and activation": dict(qkv_bias=False, layer_norm_eps=1e-3, hidden_act="silu"),
    "gray, deep, rest of its own size": dict(num_channels=1, num_hidden_layers=4, image_size=30, size=(24, 24)),
    # facebook/dino-vits8 with fewer blocks
    "dino": dict(hidden_size=384, num_attention_heads=6, intermediate_size=1536, image_size=224, num_hidden_layers=1,
                 size=(64, 64)),  # fmt: skip
}


def features_of(network, pixels):
    with torch.no_grad():
        states = network(pixels, interpolate_pos_encoding=True).last_hidden_state
    return {"states": states, "features": states[:, 0]}


@DTYPES
@pytest.mark.parametrize("name", VITS)
def test_vit(name, dtype, tmp_path, record_property):
    config = {**VIT, **VITS[name]}
    size = config.pop("size", (config["image_size"],) * 2)
    network = randomize(ViTModel(ViTConfig(**config)))
    network.save_pretrained(tmp_path / "vit")
    pixels = normal(3, network.config.num_channels, *size)
    ours = run("vit", tmp_path / "vit", {"pixels": pixels}, tmp_path, dtype == torch.float64)
    expected = features_of(network.to(dtype), pixels.to(dtype))
    compare(ours, expected, TOLERANCES[dtype], name, record_property)


@pytest.mark.parametrize("kind", [ViTForImageClassification, ViTForMaskedImageModeling])
def test_vit_below_a_head(kind, tmp_path, record_property):
    network = randomize(kind(ViTConfig(**VIT, encoder_stride=8)))
    network.save_pretrained(tmp_path / "vit")
    pixels = normal(2, 3, 32, 32)
    ours = run("vit", tmp_path / "vit", {"pixels": pixels}, tmp_path)
    compare(ours, features_of(network.vit, pixels), 1e-5, kind.__name__, record_property)


def test_the_measure_sees_a_wrong_network(tmp_path):
    network = randomize(ViTModel(ViTConfig(**VIT)))
    network.save_pretrained(tmp_path / "vit")
    file = tmp_path / "vit" / "model.safetensors"
    tensors = load_file(file)
    key, query = (f"encoder.layer.0.attention.attention.{name}.weight" for name in ("key", "query"))
    tensors[key], tensors[query] = tensors[query], tensors[key]
    save_file(tensors, file, {"format": "pt"})
    pixels = normal(2, 3, 48, 48)
    ours = run("vit", tmp_path / "vit", {"pixels": pixels}, tmp_path)["features"]
    expected = features_of(network, pixels)["features"]
    assert (ours - expected).abs().max() > 1e-3 * expected.abs().max()


PROCESSORS = {
    "dino": dict(resample=3, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]),
    # A prime: linear weights of 64 to 224 are multiples of 1/14, with which one value in some tens is an exact half, and
    # those Pillow rounds by the last bit of its fixed-point numbers.
    "bilinear": dict(size={"height": 223, "width": 223}),
    "larger": dict(size={"height": 301, "width": 301}, resample=3),
}


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("shape", [(64, 64), (200, 451)])
def test_pictures(name, shape, tmp_path):
    processor = ViTImageProcessorPil(**PROCESSORS[name])
    processor.save_pretrained(tmp_path)
    levels = numpy.random.default_rng(1).integers(0, 256, (*shape, 3), numpy.uint8)
    levels[shape[0] // 3 :, :, 0] = numpy.linspace(0, 255, shape[1], dtype=numpy.uint8)
    theirs = processor(Image.fromarray(levels), return_tensors="pt")["pixel_values"]
    pictures = torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 127.5 - 1
    ours = run("prepare", tmp_path, {"pictures": pictures}, tmp_path)["pixels"]
    assert ours.shape == theirs.shape
    # In levels, of which a rounding to the other side of a half costs one.
    apart = (ours - theirs).abs() * 255 * torch.tensor(processor.image_std)[:, None, None]
    assert apart.max() < 1.01
    assert (apart > 0.01).float().mean() < 0.001


def test_sizes_of_older_files(tmp_path):
    """facebook/dino-vits16 says `"size": 224`."""
    config = {"do_normalize": True, "do_resize": True, "image_mean": [0.485, 0.456, 0.406],
              "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": 24}  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    picture = Image.fromarray(numpy.random.default_rng(2).integers(0, 256, (24, 24, 3), numpy.uint8))
    theirs = ViTImageProcessorPil.from_pretrained(tmp_path)(picture, return_tensors="pt")["pixel_values"]
    pictures = torch.from_numpy(numpy.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
    ours = run("prepare", tmp_path, {"pictures": pictures}, tmp_path)["pixels"]
    assert (ours - theirs).abs().max() < 1e-5

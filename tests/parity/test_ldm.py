"""LDM's text encoder gives what diffusers' LDMBertModel gives, and the program inspects, trains and samples a whole LDM that
diffusers has saved."""

import json
import shutil
import subprocess

import pytest
import torch
import toy_models
from diffusers import LDMTextToImagePipeline
from paths import DVAR
from peers import compare, normal, run
from safetensors.torch import load_file, save_file

TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])

TEXTS = {
    # heads times their width is less than the width, as in the published model (8 x 64 of 1280)
    "published proportions": {},
    "heads wider than the states": dict(encoder_attention_heads=3, head_dim=16, encoder_layers=3),
    "one head, quick_gelu": dict(encoder_attention_heads=1, head_dim=24, activation_function="quick_gelu"),
    "short prompts": dict(length=6),
}


@DTYPES
@pytest.mark.parametrize("name", TEXTS)
def test_ldm_bert(name, dtype, tmp_path, record_property):
    config = dict(TEXTS[name])
    length = config.pop("length", 11)
    network = toy_models.ldm_bert(64, 11, **config)
    assert network.config.dropout == 0.1, "the trap: an encoder that is left in training mode"
    network.save_pretrained(tmp_path / "bert")
    ids = torch.randint(0, 64, (3, length), generator=torch.Generator().manual_seed(3))
    ids[1, 4:] = 0  # padding, which is seen like any other token
    with torch.no_grad():
        states = network.to(dtype)(ids)[0]
    ours = run("ldm_bert", tmp_path / "bert", {"ids": ids}, tmp_path, dtype == torch.float64)
    compare(ours, {"states": states}, TOLERANCES[dtype], name, record_property)


def test_dropout_would_show(tmp_path):
    network = toy_models.ldm_bert(64, 11)
    network.save_pretrained(tmp_path / "bert")
    ids = torch.arange(11)[None]
    ours = run("ldm_bert", tmp_path / "bert", {"ids": ids}, tmp_path)["states"]
    with torch.no_grad():
        assert (network.train()(ids)[0] - ours).abs().max() > 1e-2


def test_pictures_of_the_whole_model(tmp_path, record_property):
    """As LDMTextToImagePipeline makes them: every part of the directory, from the prompt to the picture."""
    parts = toy_models.ldm(tmp_path / "model")
    pipeline = LDMTextToImagePipeline(
        vqvae=parts["vae"], bert=parts["text"], tokenizer=parts["tokenizer"], unet=parts["unet"], scheduler=parts["scheduler"]
    )
    pipeline.set_progress_bar_config(disable=True)
    prompts = ["a photo of a small cat", "a big dog in an unheard-of picture, nice! and very much longer than sixteen"]
    (tmp_path / "model" / "prompts.txt").write_text("\n".join(prompts) + "\n")
    latents = normal(2, 4, 8, 8)
    # The pipeline asks for 77 ids whatever the model's length: the toy has 16.
    tokenize = parts["tokenizer"]
    pipeline.tokenizer = lambda texts, **options: tokenize(texts, **{**options, "max_length": toy_models.LENGTH})
    # It divides by eight, the published autoencoder's factor.
    expected = pipeline(
        prompts, height=64, width=64, num_inference_steps=5, guidance_scale=5.0, latents=latents, output_type="pt"
    ).images
    ours = run("text_to_image", tmp_path / "model", {"latents": latents, "steps": 5, "scale": 5.0}, tmp_path)["images"]
    assert ours.std() > 0.1 and (ours[0] - ours[1]).abs().max() > 0.1
    compare({"images": (ours / 2 + 0.5).clamp(0, 1)}, {"images": expected}, 1e-4, "pictures", record_property)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ldm")
    toy_models.ldm(folder / "model")
    toy_models.pictures(folder / "pictures", 3)
    return folder / "model"


def dvar(*arguments):
    return subprocess.run([DVAR, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def train(model, output, *more, token="<thing>", initial="token:cat"):
    return dvar("train", "--model", model, "--images", model.parent / "pictures", "--token", token, "--output", output,
                "--init", initial, "--max-steps", 4, "--samples", 1, "--sample-steps", 2, "--threads", 1, *more)  # fmt: skip


def test_inspect(model):
    result = dvar("inspect", model)
    assert result.returncode == 0, result.stderr
    for words in ["bert  ", "vqvae  ", "unet  ", "prompts of 16 tokens", "16 x 16 pixels", "24 numbers a vector", "Complete"]:
        assert words in result.stdout, (words, result.stdout)


def test_train_and_sample(model, tmp_path):
    result = train(model, tmp_path / "out", "--vectors", 2)
    assert result.returncode == 0, result.stderr
    (name, learned), *others = load_file(tmp_path / "out" / "learned_embeds.safetensors").items()
    assert name == "<thing>" and learned.shape == (2, toy_models.WIDTH) and not others
    start = load_file(model / "bert" / "model.safetensors")["model.embed_tokens.weight"]
    cat = (model / "tokenizer" / "vocab.txt").read_text().splitlines().index("cat")
    assert all((vector - start[cat]).abs().max() > 1e-4 for vector in learned)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "out" / "trace.jsonl").read_text().splitlines()]
    assert len(losses) == 4
    result = dvar("sample", "--model", model, "--embedding", tmp_path / "out" / "learned_embeds.safetensors", "--prompt",
                  "a photo of a <thing>", "--count", 2, "--steps", 3, "--output", tmp_path / "samples")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert sorted(file.name for file in (tmp_path / "samples").iterdir()) == ["000.png", "001.png", "dvar.json", "grid.png"]


def test_bert_learns_no_factors(model, tmp_path):
    result = train(model, tmp_path / "out", "--method", "dreambooth-lora", "--lora-text-encoder")
    assert result.returncode == 1 and not (tmp_path / "out").exists()
    assert "--lora-text-encoder" in result.stderr and "BERT" in result.stderr and str(model) in result.stderr


def test_tokenizer_as_transformers_saves_it(tmp_path):
    toy_models.ldm(tmp_path / "model", published_tokenizer=False)
    assert (tmp_path / "model" / "tokenizer" / "tokenizer.json").exists()
    result = dvar("inspect", tmp_path / "model")
    assert result.returncode == 0, result.stderr


def test_a_word_of_the_model_is_no_new_token(model, tmp_path):
    for word in ["cat", "Cat"]:
        result = train(model, tmp_path / "out", token=word)
        assert result.returncode == 1 and f"the token '{word}'" in result.stderr and f"'<{word}>' is free" in result.stderr


def test_an_unknown_word_is_no_beginning(model, tmp_path):
    for words in ["猫", "dog+猫"]:
        result = train(model, tmp_path / "out", initial=f"token:{words}")
        assert result.returncode == 1 and "'猫', which is [UNK]" in result.stderr, result.stderr


def remove(*parts):
    def change(model):
        path = model.joinpath(*parts)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def set_key(key, value, *parts):
    def change(model):
        path = model.joinpath(*parts)
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))

    return change


def without_tensor(model):
    file = model / "bert" / "model.safetensors"
    tensors = load_file(file)
    del tensors["model.layers.1.fc1.weight"]
    save_file(tensors, file)


def other_unet(model):
    shutil.rmtree(model / "unet")
    toy_models.unet(width=20).save_pretrained(model / "unet")


BROKEN = {
    "no bert": (remove("bert"), ["bert: expected a directory of a model, found nothing"]),
    "no vqvae": (remove("vqvae"), ["vqvae: expected a directory of a model, found nothing"]),
    "no vocabulary": (remove("tokenizer", "vocab.txt"), ["tokenizer"]),
    "no bert configuration": (remove("bert", "config.json"), ["bert/config.json", "cannot be opened"]),
    "no bert weights": (remove("bert", "model.safetensors"), ["bert: expected", "model.safetensors or pytorch_model.bin, found none"]),
    "another autoencoder": (set_key("_class_name", "VQModel", "vqvae", "config.json"), ["_class_name", "AutoencoderKL", "VQModel"]),
    "a key is missing": (set_key("d_model", None, "bert", "config.json"), ["bert/config.json", "d_model"]),
    "another width": (set_key("d_model", 20, "bert", "config.json"), ["model.embed_tokens.weight", "20]", "24]"]),
    "a tensor is missing": (without_tensor, ["model.safetensors", "model.layers.1.fc1.weight", "found none"]),
    "another activation": (set_key("activation_function", "tanh", "bert", "config.json"), ["activation_function", "gelu", "tanh"]),
    "no heads": (set_key("encoder_attention_heads", 0, "bert", "config.json"), ["encoder_attention_heads", "at least 1"]),
    "a UNet of another width": (set_key("cross_attention_dim", 20, "unet", "config.json"), ["attn2.to_k.weight", "20]", "24]"]),
    "a whole UNet for another text encoder": (
        other_unet, ["the UNet's cross_attention_dim, which is the text encoder's width: expected 24, found 20"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_directories(name, model, tmp_path):
    change, words = BROKEN[name]
    copy = tmp_path / "model"
    shutil.copytree(model, copy)
    change(copy)
    result = dvar("inspect", copy)
    assert result.returncode == 1, result.stdout
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("dvar:")]
    assert "internal" not in line
    for word in words:
        assert word in line, line

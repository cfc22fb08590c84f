"""What a run leaves is accepted by diffusers, which draws from it the pictures that we draw."""

import shutil
import subprocess

import numpy
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete
from paths import DEMO, DVAR
from peers import run
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors import safe_open
from safetensors.torch import load_file, save_file

TOKEN = "<frog-thing>"
STEPS = 8


def dvar(*words):
    result = subprocess.run([DVAR, *map(str, words)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module", params=[1, 3], ids=["one vector", "three vectors"])
def learned(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "out"
    dvar(
        "train", "--images", DEMO / "concepts" / "frog", "--token", TOKEN, "--vectors", request.param, "--output", folder,
        "--learning-rate", 0.05, "--max-steps", 3, "--samples", 0, "--threads", 1, "--author", "A. Nobody", "--license", "CC0-1.0",
    )  # fmt: skip
    return folder / "learned_embeds.safetensors"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The bundled model."""
    folder = tmp_path_factory.mktemp("model") / "demo"
    shutil.copytree(DEMO / "model", folder)
    return folder


def pipeline_of(model):
    pipeline = StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_the_other_form_has_the_keys_of_a1111_and_comfyui(learned):
    """Both read a .safetensors file as a dictionary of tensors and take the first; ours is `emb_params`, as they write."""
    ours = load_file(learned)
    other = load_file(learned.with_name("learned_embeds_a1111.safetensors"))
    assert list(ours) == [TOKEN] and list(other) == ["emb_params"]
    assert other["emb_params"].dtype == torch.float32 and other["emb_params"].dim() == 2
    assert torch.equal(other["emb_params"], ours[TOKEN].reshape(other["emb_params"].shape))


def test_both_forms_say_how_they_were_made(learned):
    """By the keys of ModelSpec and of kohya's scripts, which webui, ComfyUI and civitai read; the same on every day."""
    said = []
    for name in ["learned_embeds", "learned_embeds_a1111", "learned_embeds_best", "learned_embeds_best_a1111"]:
        with safe_open(learned.with_name(f"{name}.safetensors"), "pt") as file:
            said.append(file.metadata())
    last, best = said[0], said[2]
    assert said[1] == last and said[3] == best
    expected = {
        "modelspec.sai_model_spec": "1.0.0", "modelspec.architecture": "latent-diffusion/textual-inversion",
        "modelspec.trigger_phrase": TOKEN, "modelspec.resolution": "64x64", "modelspec.prediction_type": "epsilon",
        "ss_sd_model_name": "demo", "ss_steps": "3", "ss_seed": "0", "ss_learning_rate": "0.05", "ss_num_train_images": "4",
        "modelspec.author": "A. Nobody", "modelspec.license": "CC0-1.0", "dvar.stopped": "step 3: the limit of 3 steps is reached",
    }  # fmt: skip
    assert expected.items() <= last.items()
    assert best["dvar.chosen"].startswith(f"that of step {best['ss_steps']}: probe loss")


def test_diffusers_loads_it(learned, model):
    pipeline = pipeline_of(model)
    before = len(pipeline.tokenizer)
    pipeline.load_textual_inversion(str(learned))
    vectors = load_file(learned)[TOKEN].reshape(-1, 160)
    added = [TOKEN] + [f"{TOKEN}_{i}" for i in range(1, len(vectors))]
    ids = pipeline.tokenizer.convert_tokens_to_ids(added)
    assert ids == list(range(before, before + len(vectors)))
    table = pipeline.text_encoder.get_input_embeddings().weight
    assert torch.equal(table[ids], vectors)
    # The other form too, under a name of the caller's.
    other = pipeline_of(model)
    other.load_textual_inversion(str(learned.with_name("learned_embeds_a1111.safetensors")), token="<other>")
    first = other.tokenizer.convert_tokens_to_ids("<other>")
    assert torch.equal(other.text_encoder.get_input_embeddings().weight[first], vectors[0])


SAMPLERS = {
    "ddim": (DDIMScheduler, {}),
    "pndm": (PNDMScheduler, {"skip_prk_steps": True}),
    "dpm++": (DPMSolverMultistepScheduler, {}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler-a": (EulerAncestralDiscreteScheduler, {}),
}
DRAWN = [(sampler, "") for sampler in SAMPLERS] + [("ddim", "a red photo")]


@pytest.mark.parametrize(("sampler", "negative"), DRAWN)
def test_the_same_picture(learned, model, sampler, negative, tmp_path, monkeypatch, record_property):
    pipeline = pipeline_of(model)
    pipeline.load_textual_inversion(str(learned))
    kind, options = SAMPLERS[sampler]
    pipeline.scheduler = kind.from_config(pipeline.scheduler.config, **options)
    # Ours reads the same configuration from the model's directory.
    changed = tmp_path / "model"
    shutil.copytree(model, changed)
    pipeline.scheduler.save_pretrained(changed / "scheduler")

    prompt, latents = f"a flat drawing of a {TOKEN}, green", tmp_path / "latents.safetensors"
    unlike = ["--negative-prompt", negative] if negative else []
    dvar(
        "sample", "--model", changed, "--embedding", learned, "--prompt", prompt, "--count", 2, "--steps", STEPS, "--guidance", 6,
        "--latents", latents, "--output", tmp_path / "drawn", "--threads", 1, *unlike,
    )  # fmt: skip
    # The draws of picture i, of which the first is its latents: the ancestral scheduler takes the others one after the other.
    inputs = {"seed": 0, "pictures": 2, "draws": STEPS + 1, "shape": torch.tensor(load_file(latents)["latents"].shape[1:])}
    initial, *noises = run("noise_of_pictures", model, inputs, tmp_path)["noise"]
    assert torch.equal(initial, load_file(latents)["latents"])
    remaining = iter(noises)
    monkeypatch.setattr(scheduling_euler_ancestral_discrete, "randn_tensor", lambda *_, **__: next(remaining))
    theirs = pipeline(
        prompt=[prompt] * 2, negative_prompt=[negative] * 2, latents=load_file(latents)["latents"], num_inference_steps=STEPS,
        guidance_scale=6.0,
    ).images  # fmt: skip
    for i, picture in enumerate(theirs):
        ours = numpy.asarray(Image.open(tmp_path / "drawn" / f"{i:03}.png").convert("RGB"), dtype=float)
        error = ((ours - numpy.asarray(picture, dtype=float)) ** 2).mean()
        decibels = 10 * numpy.log10(255**2 / max(error, 1e-12))
        record_property(f"{sampler}, {negative or 'no negative prompt'}, picture {i}, PSNR in dB", decibels)
        assert ours.std() > 10, "a picture, not a plain square"
        assert decibels >= 50

    # The latents are read again: the same picture, whatever the seed, of which the ancestral one draws more.
    if sampler == "euler-a":
        return
    again = tmp_path / "again"
    dvar(
        "sample", "--model", changed, "--embedding", learned, "--prompt", prompt, "--steps", STEPS, "--guidance", 6,
        "--latents", latents, "--seed", 7, "--output", again, "--threads", 1, *unlike,
    )  # fmt: skip
    assert numpy.array_equal(Image.open(again / "000.png"), Image.open(tmp_path / "drawn" / "000.png"))


def psnr(ours, theirs):
    error = ((numpy.asarray(ours, dtype=float) - numpy.asarray(theirs, dtype=float)) ** 2).mean()
    return 10 * numpy.log10(255**2 / max(error, 1e-12))


def test_the_same_picture_with_two_embeddings(learned, model, tmp_path, record_property):
    other = tmp_path / "other.safetensors"
    save_file({"<other>": 0.05 * torch.randn(2, 160, generator=torch.Generator().manual_seed(4))}, other)
    pipeline = pipeline_of(model)
    pipeline.load_textual_inversion(str(learned))
    pipeline.load_textual_inversion(str(other))
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    changed = tmp_path / "model"
    shutil.copytree(model, changed)
    pipeline.scheduler.save_pretrained(changed / "scheduler")

    prompt, latents = f"a <other> and a {TOKEN}, green", tmp_path / "latents.safetensors"
    dvar(
        "sample", "--model", changed, "--embedding", learned, "--embedding", other, "--prompt", prompt, "--negative-prompt",
        "a <other>", "--count", 2, "--steps", STEPS, "--latents", latents, "--output", tmp_path / "drawn", "--threads", 1,
    )  # fmt: skip
    theirs = pipeline(
        prompt=[prompt] * 2, negative_prompt=["a <other>"] * 2, latents=load_file(latents)["latents"],
        num_inference_steps=STEPS, guidance_scale=7.5,
    ).images  # fmt: skip
    for i, picture in enumerate(theirs):
        ours = Image.open(tmp_path / "drawn" / f"{i:03}.png").convert("RGB")
        assert numpy.asarray(ours).std() > 10, "a picture, not a plain square"
        record_property(f"two embeddings, picture {i}, PSNR in dB", psnr(ours, picture))
        assert psnr(ours, picture) >= 50


@pytest.mark.parametrize("prompt", ["a red apple", "Äpfel", "苹果, 🍎"])
def test_pillow_reads_how_a_picture_was_drawn(prompt, tmp_path):
    dvar("sample", "--prompt", prompt, "--negative-prompt", "blau", "--count", 1, "--steps", 2, "--output", tmp_path, "--threads", 1)
    for file, number in [("000.png", "Picture: 0, "), ("grid.png", "")]:
        with Image.open(tmp_path / file) as picture:
            picture.load()
            (text,) = picture.text.values()
            assert picture.info["parameters"] == text
        shown, unlike, settings = text.split("\n")
        assert (shown, unlike) == (prompt, "Negative prompt: blau")
        assert settings.startswith(f"Steps: 2, Sampler: DDIM, CFG scale: 7.5, Seed: 0, {number}Size: 64x64, Model: demo, Version: ")


def test_ours_reads_what_pillow_writes(tmp_path):
    texts = PngInfo()
    texts.add_text("parameters", "a cat\nSteps: 1")
    texts.add_text("Other", "猫")
    texts.add_text("Packed", "x" * 100, zip=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=texts)
    shown = ["parameters", "  a cat", "  Steps: 1", "Other", "  猫", "Packed", "  (compressed)"]
    assert dvar("inspect", tmp_path / "a.png").splitlines() == shown

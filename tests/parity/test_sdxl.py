"""Stable Diffusion XL gives what diffusers' modules give: both text encoders together, pictures, and two hundred steps of textual
inversion on both, from the same weights, pictures and draws.

The peer's side of the training is the loop of diffusers' examples/textual_inversion/textual_inversion_sdxl.py: rows that are added
to both token embeddings, AdamW over both, the other rows restored."""

import json
import shutil
import subprocess

import numpy
import pytest
import torch
import toy_models
from diffusers import StableDiffusionXLPipeline
from paths import DVAR
from peers import compare, error, normal, run, take_alphas
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

STEPS, BATCH = 200, 2
LEARNING_RATE, WEIGHT_DECAY = 5e-3, 1e-2
CAPTIONS = ["a photo of a {}", "the small {} on a photo", "{}", "a {} and a dog, a {}", "picture of the {}!", "x{}y nice red cat " * 9]
SIZES = [(16, 16), (24, 20), (18, 40)]  # of the pictures: height and width
FIRST, SECOND = toy_models.XL_WIDTHS


def both_ids(pipeline, texts):
    """The ids of both tokenizers side by side, as the trainer has them."""
    of_each = [
        tokenizer(texts, padding="max_length", truncation=True, max_length=toy_models.LENGTH, return_tensors="pt").input_ids
        for tokenizer in [pipeline.tokenizer, pipeline.tokenizer_2]
    ]
    return torch.cat(of_each, dim=1)


def encode(pipeline, ids):
    first, second = (
        encoder(part, output_hidden_states=True)
        for encoder, part in zip([pipeline.text_encoder, pipeline.text_encoder_2], ids.chunk(2, dim=1))
    )
    return torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1), second.text_embeds


def add_vectors(pipeline, tokens, vectors):
    """Adds the tokens to both tokenizers, their vectors to both embeddings; returns the embeddings' weights, which require
    gradients."""
    weights = []
    for tokenizer, encoder, rows in [
        (pipeline.tokenizer, pipeline.text_encoder, vectors[:, :FIRST]),
        (pipeline.tokenizer_2, pipeline.text_encoder_2, vectors[:, FIRST:]),
    ]:
        assert tokenizer.add_tokens(tokens) == len(tokens)
        encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        weight = encoder.get_input_embeddings().weight
        with torch.no_grad():
            weight[-len(tokens) :] = rows
        weights.append(weight.requires_grad_(True))
    return weights


def in_precision(pipeline, dtype):
    for part in [pipeline.text_encoder, pipeline.text_encoder_2, pipeline.unet, pipeline.vae]:
        part.to(dtype).requires_grad_(False)
    return pipeline


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_both_encoders_together(dtype, tmp_path, record_property):
    """States, pooled texts, and the gradient with respect to a token's vectors through both."""
    pipeline = in_precision(toy_models.stable_diffusion_xl(tmp_path / "model"), dtype)
    vectors = 0.5 * normal(2, FIRST + SECOND, seed=10)
    tokens = ["<thing>", "<thing>_1"]
    weights = add_vectors(pipeline, tokens, vectors.to(dtype))
    texts = ["a photo of a <thing> <thing>_1", "", "nice <thing> <thing>_1 cat dog red " * 5, "dog!"]
    ids = both_ids(pipeline, texts)
    # The last text is as long as can be, and the fourth has the second tokenizer's filling in it.
    assert (ids[2] == pipeline.tokenizer.eos_token_id).sum() == 2
    states, pooled = encode(pipeline, ids)
    (states.square().sum() + pooled.square().sum()).backward()
    gradient = torch.cat([weight.grad[-len(tokens) :] for weight in weights], dim=1)
    inputs = {"ids": ids, "vectors": vectors, "end": pipeline.tokenizer_2.eos_token_id}
    ours = run("clip_pair", tmp_path / "model", inputs, tmp_path, dtype == torch.float64)
    expected = {"states": states, "pooled": pooled, "gradient": gradient}
    compare(ours, expected, 1e-10 if dtype == torch.float64 else 1e-5, "clip pair", record_property)


@pytest.mark.parametrize("zeros", [True, False], ids=["zeros", "the empty prompt"])
def test_pictures(zeros, tmp_path, record_property):
    """Text to image in float64, guided away from zeros or from the empty prompt, as the model's index says."""
    pipeline = in_precision(toy_models.stable_diffusion_xl(tmp_path / "model"), torch.float64)
    pipeline.register_to_config(force_zeros_for_empty_prompt=zeros)
    index = tmp_path / "model" / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "force_zeros_for_empty_prompt": zeros}))
    prompts = ["a photo of a red cat", "the small dog!"]
    (tmp_path / "model" / "prompts.txt").write_text("\n".join(prompts) + "\n")
    latents = normal(2, 4, 8, 8)
    ours = run("text_to_image", tmp_path / "model", {"latents": latents, "steps": 5, "scale": 6}, tmp_path, double=True)
    theirs = pipeline(
        prompts, latents=latents.double(), num_inference_steps=5, guidance_scale=6.0, output_type="latent"
    ).images
    with torch.no_grad():
        images = pipeline.vae.decode(theirs / pipeline.vae.config.scaling_factor).sample
    # The sinusoids are fp32 on both sides, and differ in the last digit.
    compare(ours, {"images": images}, 1e-5, f"pictures, {zeros}", record_property)


def make_pictures(folder):
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(8)
    for i, (height, width) in enumerate(SIZES):
        drawn = torch.randint(0, 256, (height, width, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(drawn.numpy()).save(folder / f"{i}.png")


def record_draws():
    generator = torch.Generator().manual_seed(9)
    latents = (STEPS, BATCH, 4, 8, 8)
    pictures = torch.randint(0, 2 * len(SIZES), (STEPS, BATCH), generator=generator)
    # What the peer's data set says of a picture that was squeezed into the square, mirrored or not.
    sizes = torch.tensor([(height, width, 0, 0, 16, 16) for height, width in SIZES])
    return {
        "pictures": pictures,
        "sizes": sizes[pictures % len(SIZES)],
        "captions": torch.randint(0, len(CAPTIONS), (STEPS, BATCH), generator=generator),
        "timesteps": torch.randint(0, 1000, (STEPS, BATCH), generator=generator),
        "latent_noise": torch.randn(latents, generator=generator),
        "noise": torch.randn(latents, generator=generator),
    }


def train_with_peer(pipeline, tokens, initial, draws, dtype, ours):
    """The vectors after each step [steps, vectors, both widths], the losses, and the gradients with respect to the vectors."""
    pipeline = in_precision(pipeline, dtype)
    scheduler, unet, vae = pipeline.scheduler, pipeline.unet, pipeline.vae
    weights = add_vectors(pipeline, tokens, initial.to(dtype))
    ids = both_ids(pipeline, [caption.replace("{}", " ".join(tokens)) for caption in CAPTIONS])
    assert torch.equal(ours["ids"], ids)
    before = [weight.detach().clone() for weight in weights]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, betas=(0.9, 0.999), weight_decay=WEIGHT_DECAY, eps=1e-8)
    pixels = ours["images"].to(dtype)
    pixels = torch.cat([pixels, pixels.flip(3)])

    def rows(of):
        return torch.cat([tensor[-len(tokens) :] for tensor in of], dim=1).detach().clone()

    vectors, losses, gradients = [], [], []
    for step in range(STEPS):
        chosen = {name: drawn[step] for name, drawn in draws.items()}
        timesteps, noise = chosen["timesteps"], chosen["noise"].to(dtype)
        with torch.no_grad():
            posterior = vae.encode(pixels[chosen["pictures"]]).latent_dist
            latents = (posterior.mean + posterior.std * chosen["latent_noise"].to(dtype)) * vae.config.scaling_factor
        noisy = scheduler.add_noise(latents, noise, timesteps)
        if dtype == torch.float64:
            # fp32 inside the peer, whose last digit depends on LibTorch: see peers.py.
            unet.time_proj.forward = lambda _, step=step: ours["sinusoids"][step]
            unet.add_time_proj.forward = lambda _, step=step: ours["sinusoids_of_sizes"][step]
        states, pooled = encode(pipeline, ids[chosen["captions"]])
        added = {"text_embeds": pooled, "time_ids": chosen["sizes"].to(dtype)}
        predicted = unet(noisy, timesteps, states, added_cond_kwargs=added).sample
        loss = torch.nn.functional.mse_loss(predicted, noise)
        loss.backward()
        gradients.append(rows([weight.grad for weight in weights]))
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            for weight, old in zip(weights, before):
                weight[: -len(tokens)] = old[: -len(tokens)]
        vectors.append(rows(weights))
        losses.append(loss.detach())
    return torch.stack(vectors), torch.stack(losses), torch.stack(gradients)


def both(vectors, dtype, folder):
    pipeline = toy_models.stable_diffusion_xl(folder / "model")
    make_pictures(folder / "model" / "pictures")
    (folder / "model" / "captions.txt").write_text("\n".join(c.replace("{}", "<thing>") for c in CAPTIONS) + "\n")
    initial = 0.5 * normal(vectors, FIRST + SECOND, seed=10)
    draws = record_draws()
    numbers = {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY}
    ours = run("textual_inversion", folder / "model", {"initial": initial, **draws, **numbers}, folder, dtype == torch.float64)
    if dtype == torch.float64:
        take_alphas(pipeline.scheduler, ours["alphas"])
    tokens = ["<thing>"] + [f"<thing>_{i}" for i in range(1, vectors)]
    return initial, ours, *train_with_peer(pipeline, tokens, initial, draws, dtype, ours)


@pytest.mark.parametrize("vectors", [1, 3])
def test_two_hundred_steps(vectors, tmp_path, record_property):
    initial, ours, expected, losses, gradients = both(vectors, torch.float64, tmp_path)
    # The vectors of both encoders are learned.
    for part in [slice(0, FIRST), slice(FIRST, None)]:
        moved = (ours["vectors"][-1] - initial.double())[:, part].norm(dim=1) / initial.double()[:, part].norm(dim=1)
        assert (moved > 0.05).all(), moved
    record_property(f"sdxl, {vectors}: vectors after {STEPS} steps", error(ours["vectors"][-1], expected[-1]))
    assert error(ours["losses"], losses) < 1e-10
    for step in [0, 9, 99, STEPS - 1]:
        assert error(ours["gradients"][step], gradients[step]) < 1e-8, step
        assert error(ours["vectors"][step], expected[step]) < 1e-8, step


def test_drift_in_single_precision(tmp_path, record_property):
    """Rounding is all that parts the two sides: it is measured, and bounded far below what the steps move."""
    initial, ours, expected, losses, _ = both(2, torch.float32, tmp_path)
    drift = error(ours["vectors"][-1], expected[-1])
    record_property(f"sdxl: drift after {STEPS} steps in fp32", drift)
    print(f"sdxl: drift after {STEPS} steps in fp32: {drift:.1e}")
    assert error(ours["vectors"][-1], initial) > 0.1
    # As for the other families.
    assert drift < 5e-6, drift
    assert error(ours["losses"][:10], losses[:10].double()) < 1e-5


def dvar(*words, fails=False):
    result = subprocess.run([DVAR, *map(str, words)], capture_output=True, text=True)
    assert (result.returncode == 1) == fails and "internal" not in result.stderr, result.stderr
    return result.stderr if fails else result.stdout


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A model's directory, and what a run on it has left: a token of two vectors."""
    folder = tmp_path_factory.mktemp("xl")
    toy_models.stable_diffusion_xl(folder / "model")
    make_pictures(folder / "pictures")
    dvar(
        "train", "--model", folder / "model", "--images", folder / "pictures", "--token", "<thing>", "--init", "token:cat", "--vectors", 2,
        "--learning-rate", 0.05, "--max-steps", 4, "--samples", 1, "--sample-steps", 2, "--output", folder / "out", "--threads", 1,
    )  # fmt: skip
    return folder


def test_the_model_is_named(learned):
    said = dvar("inspect", learned / "model")
    assert said.startswith("Stable Diffusion XL\n") and "text_encoder_2" in said and "Complete" in said
    assert "embedding      24 + 40 numbers a vector" in said and "not used" not in said


def test_the_embedding_is_loaded_and_drawn_with_by_diffusers(learned, tmp_path, record_property):
    """In the file that webui and ComfyUI read: a matrix for each encoder, under the names that both look for."""
    file = learned / "out" / "learned_embeds.safetensors"
    vectors = load_file(file)
    assert {name: tuple(tensor.shape) for name, tensor in vectors.items()} == {"clip_l": (2, 24), "clip_g": (2, 40)}
    with safe_open(file, "pt") as stored:
        said = stored.metadata()
    assert said["name"] == "<thing>" and said["modelspec.architecture"] == "stable-diffusion-xl-v1-base/textual-inversion"
    assert not (learned / "out" / "learned_embeds_a1111.safetensors").exists()
    # Both began as the word, and moved.
    pipeline = pipeline_of(learned)
    cat = pipeline.tokenizer("cat").input_ids[1]
    for name, encoder in [("clip_l", pipeline.text_encoder), ("clip_g", pipeline.text_encoder_2)]:
        began = encoder.get_input_embeddings().weight[cat]
        moved = (vectors[name] - began).abs().max().item()
        assert 0.01 < moved < 0.5, (name, moved)

    load_vectors(pipeline, vectors)
    record_property("sdxl, PSNR in dB", same_pictures(learned, pipeline, tmp_path, "--embedding", file))


def pipeline_of(folder):
    pipeline = StableDiffusionXLPipeline.from_pretrained(folder / "model", add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def load_vectors(pipeline, vectors, token="<thing>"):
    pipeline.load_textual_inversion(
        vectors["clip_l"], token=token, text_encoder=pipeline.text_encoder, tokenizer=pipeline.tokenizer
    )
    pipeline.load_textual_inversion(
        vectors["clip_g"], token=token, text_encoder=pipeline.text_encoder_2, tokenizer=pipeline.tokenizer_2
    )


def test_pictures_of_any_shape_are_learned(learned, tmp_path):
    vectors = {}
    for how in ["--random-crop", "--center-crop", "--buckets"]:
        dvar(
            "train", "--model", learned / "model", "--images", learned / "pictures", "--token", "<thing>", "--init", "token:cat", how,
            "--learning-rate", 0.05, "--max-steps", 3, "--samples", 0, "--output", tmp_path / how, "--threads", 1,
        )  # fmt: skip
        vectors[how] = load_file(tmp_path / how / "learned_embeds.safetensors")
    for how in ["--random-crop", "--buckets"]:
        for name, ours in vectors[how].items():
            assert ours.isfinite().all() and not torch.equal(ours, vectors["--center-crop"][name])


def test_pictures_by_the_published_scheduler(learned, tmp_path, record_property):
    """`scheduler_config.json` as stabilityai/stable-diffusion-xl-base-1.0 has it, keys of other schedulers among it."""
    folder = tmp_path / "with euler"
    shutil.copytree(learned / "model", folder / "model")
    published = {
        "_class_name": "EulerDiscreteScheduler", "_diffusers_version": "0.19.0.dev0", "beta_end": 0.012,
        "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": False, "interpolation_type": "linear",
        "num_train_timesteps": 1000, "prediction_type": "epsilon", "sample_max_value": 1.0, "set_alpha_to_one": False,
        "skip_prk_steps": True, "steps_offset": 1, "timestep_spacing": "leading", "trained_betas": None,
        "use_karras_sigmas": False,
    }  # fmt: skip
    (folder / "model" / "scheduler" / "scheduler_config.json").write_text(json.dumps(published))
    index = json.loads((folder / "model" / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", "EulerDiscreteScheduler"]
    (folder / "model" / "model_index.json").write_text(json.dumps(index))
    pipeline = pipeline_of(folder)
    assert type(pipeline.scheduler).__name__ == "EulerDiscreteScheduler"
    file = learned / "out" / "learned_embeds.safetensors"
    load_vectors(pipeline, load_file(file))
    record_property("sdxl, euler, PSNR in dB", same_pictures(folder, pipeline, tmp_path, "--embedding", file))


def test_pictures_with_two_embeddings(learned, tmp_path, record_property):
    pipeline = pipeline_of(learned)
    first, second = learned / "out" / "learned_embeds.safetensors", tmp_path / "other.safetensors"
    widths = {name: vectors.shape[-1] for name, vectors in load_file(first).items()}
    other = {name: 0.05 * normal(2, width, seed=4) for name, width in widths.items()}
    save_file(other, second, {"name": "<other>"})
    load_vectors(pipeline, load_file(first))
    load_vectors(pipeline, other, "<other>")
    words = ["--embedding", second, "--embedding", first]
    record_property("sdxl, two, PSNR in dB", same_pictures(learned, pipeline, tmp_path, *words, prompt="a <other>, a <thing>"))


def same_pictures(folder, pipeline, tmp_path, *words, prompt="a photo of a <thing>, red"):
    """Draws pictures with the token and a negative prompt, ours by `words`, from the same latents; returns the least PSNR in dB, which
    is high."""
    latents = tmp_path / "latents.safetensors"
    save_file({"latents": normal(2, 4, 8, 8)}, latents)
    dvar(
        "sample", "--model", folder / "model", *words, "--prompt", prompt, "--steps", 8, "--guidance", 6,
        "--negative-prompt", "blue", "--latents", latents, "--output", tmp_path / "drawn", "--threads", 1, "--overwrite",
    )  # fmt: skip
    theirs = pipeline(
        prompt=[prompt] * 2, negative_prompt=["blue"] * 2, latents=load_file(latents)["latents"],
        num_inference_steps=8, guidance_scale=6.0,
    ).images  # fmt: skip
    least = float("inf")
    for i, picture in enumerate(theirs):
        ours = numpy.asarray(Image.open(tmp_path / "drawn" / f"{i:03}.png").convert("RGB"), dtype=float)
        assert ours.std() > 10, "a picture, not a plain square"
        error_ = ((ours - numpy.asarray(picture, dtype=float)) ** 2).mean()
        least = min(least, 10 * numpy.log10(255**2 / max(error_, 1e-12)))
    assert least >= 50
    return least


@pytest.mark.parametrize("more", [[], ["--lora-layers", "full", "--lora-text-encoder"]], ids=["unet", "all networks"])
def test_a_lora_is_learned_and_drawn_with_by_diffusers(more, learned, tmp_path, record_property):
    """In both layouts, with the token's vectors of both encoders beside it."""
    dvar(
        "train", "--method", "dreambooth-lora", "--model", learned / "model", "--images", learned / "pictures", "--token", "<thing>",
        "--init", "token:cat", "--learning-rate", 0.05, "--lora-learning-rate", 0.05, "--max-steps", 4, "--samples", 0, *more,
        "--output", tmp_path / "out", "--threads", 1,
    )  # fmt: skip
    vectors = tmp_path / "out" / "learned_embeds.safetensors"
    for name in ["pytorch_lora_weights", "pytorch_lora_weights_kohya"]:
        file = tmp_path / "out" / f"{name}.safetensors"
        with safe_open(file, "pt") as stored:
            said = stored.metadata()
        assert said["modelspec.architecture"] == "stable-diffusion-xl-v1-base/lora"
        assert said["ss_base_model_version"] == "sdxl_base_v1-0"
        pipeline = pipeline_of(learned)
        load_vectors(pipeline, load_file(vectors))
        pipeline.load_lora_weights(tmp_path / "out", weight_name=file.name)
        with_factors = [hasattr(network, "peft_config") for network in [pipeline.unet, pipeline.text_encoder, pipeline.text_encoder_2]]
        assert with_factors == [True, bool(more), bool(more)]
        found = same_pictures(learned, pipeline, tmp_path, "--embedding", vectors, "--lora", file)
        record_property(f"sdxl, {name}, PSNR in dB", found)
    # The factors draw another picture than the token alone.
    with_lora = Image.open(tmp_path / "drawn" / "000.png").tobytes()
    pipeline = pipeline_of(learned)
    load_vectors(pipeline, load_file(vectors))
    same_pictures(learned, pipeline, tmp_path, "--embedding", vectors)
    assert Image.open(tmp_path / "drawn" / "000.png").tobytes() != with_lora


def test_a_run_stops_by_its_rule_and_is_resumed(learned, tmp_path):
    """As runs on other models do: the probe has no noise, and a run that was cut is what it would have been."""
    words = (
        "train", "--model", learned / "model", "--images", learned / "pictures", "--token", "<other>", "--init", "token:cat",
        "--samples", 0, "--threads", 1, "--learning-rate", 0.05, "--probe-every", 1,
    )  # fmt: skip
    dvar(*words, "--output", tmp_path / "stopped", "--stop", "dvar:window=3,threshold=0.99", "--max-steps", 12)
    outcome = json.loads((tmp_path / "stopped" / "config.json").read_text())["outcome"]
    probe = [json.loads(line)["probe_loss"] for line in (tmp_path / "stopped" / "trace.jsonl").read_text().splitlines()]
    assert outcome["stop_rule"] == "variance_ratio" and outcome["step"] == len(probe) < 12
    assert probe == sorted(probe, reverse=True) and probe[-1] < probe[0]
    dvar(*words, "--output", tmp_path / "cut", "--max-steps", 2)
    dvar(*words, "--output", tmp_path / "cut", "--max-steps", 5, "--resume")
    dvar(*words, "--output", tmp_path / "whole", "--max-steps", 5)
    for file in ["learned_embeds.safetensors", "trace.jsonl"]:
        assert (tmp_path / "cut" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_a_text_ends_at_its_end_by_the_published_configuration_too(learned, tmp_path):
    """Its `eos_token_id` is 2, for which transformers takes the highest id: the token, where there is one."""
    shutil.copytree(learned / "model", tmp_path / "model")
    config = tmp_path / "model" / "text_encoder_2" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "eos_token_id": 2}))
    file = learned / "out" / "learned_embeds.safetensors"
    pipeline = pipeline_of(tmp_path)
    load_vectors(pipeline, load_file(file))
    ids = both_ids(pipeline, ["a photo of a red cat", "a photo of a <thing>, red"])
    with torch.no_grad():
        _, as_published = encode(pipeline, ids)
        pipeline.text_encoder_2.text_model.eos_token_id = pipeline.tokenizer_2.eos_token_id
        _, mended = encode(pipeline, ids)
    assert torch.equal(as_published[0], mended[0]) and not torch.allclose(as_published[1], mended[1])
    same_pictures(tmp_path, pipeline, tmp_path, "--embedding", file)


def test_the_autoencoder_does_not_overflow_in_half_precision(learned, tmp_path):
    """One that gives numbers beyond 65504, which a norm behind them makes small again."""
    shutil.copytree(learned / "model", tmp_path / "model")
    (file,) = (tmp_path / "model" / "vae").glob("*.safetensors")
    tensors = load_file(file)
    for half in ["encoder", "decoder"]:
        for kind in ["weight", "bias"]:
            tensors[f"{half}.conv_in.{kind}"] *= 1e6
    save_file(tensors, file)
    save_file({"latents": normal(1, 4, 8, 8)}, tmp_path / "latents.safetensors")

    def drawn(*words):
        dvar(
            "sample", "--model", tmp_path / "model", "--prompt", "a red cat", "--steps", 2, "--latents", tmp_path / "latents.safetensors",
            "--output", tmp_path / "drawn", "--overwrite", "--threads", 1, *words,
        )  # fmt: skip
        return numpy.asarray(Image.open(tmp_path / "drawn" / "000.png").convert("RGB"), dtype=float)

    whole = drawn()
    assert whole.std() > 10 and ((whole - drawn("--precision", "fp16")) ** 2).mean() < 10
    words = ("train", "--model", tmp_path / "model", "--images", learned / "pictures", "--token", "<thing>", "--init", "token:cat", "--samples", 0)
    dvar(*words, "--precision", "fp16", "--max-steps", 2, "--output", tmp_path / "out", "--threads", 1)
    config = tmp_path / "model" / "vae" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "force_upcast": False}))
    assert ((whole - drawn("--precision", "fp16")) ** 2).mean() > 1000, "the numbers are too large indeed"


def test_an_embedding_begins_another_run(learned, tmp_path):
    file = learned / "out" / "learned_embeds.safetensors"
    words = ("train", "--model", learned / "model", "--images", learned / "pictures", "--token", "<other>", "--samples", 0, "--threads", 1)
    dvar(*words, "--init", f"file:{file}", "--max-steps", 1, "--learning-rate", 1e-9, "--output", tmp_path / "again")
    again, first = load_file(tmp_path / "again" / "learned_embeds.safetensors"), load_file(file)
    for name, vectors in first.items():
        assert (again[name] - vectors).abs().max() < 1e-6


def test_what_does_not_fit_is_refused(learned, tmp_path):
    def sample(file):
        return dvar("sample", "--model", learned / "model", "--embedding", file, "--output", tmp_path / "s", fails=True)

    whole = load_file(learned / "out" / "learned_embeds.safetensors")
    for name, tensors, words in [
        ("one encoder", {"<thing>": torch.zeros(64)}, ["24 and 40 numbers", "found 64"]),
        ("swapped", {"clip_l": whole["clip_g"], "clip_g": whole["clip_l"]}, ["24 and 40", "found 40 and 24"]),
        ("half", {"clip_g": whole["clip_g"]}, ["clip_l and clip_g", "found clip_g"]),
        ("others", {**whole, "clip_h": torch.zeros(1)}, ["clip_l and clip_g", "clip_h"]),
        ("uneven", {**whole, "clip_l": torch.zeros(3, 24)}, ["as many vectors", "3 and 2"]),
        ("not finite", {**whole, "clip_l": torch.full((2, 24), torch.nan)}, ["clip_l"]),
    ]:
        save_file(tensors, tmp_path / "wrong.safetensors")
        refused = sample(tmp_path / "wrong.safetensors")
        assert refused.count("\n") == 1 and "wrong.safetensors" in refused, refused
        assert all(word in refused for word in words), (name, refused)
    assert not (tmp_path / "s").exists()

    # A method that is not there for two encoders.
    words = ["--model", learned / "model", "--images", learned / "pictures", "--token", "<thing>", "--output", tmp_path / "c"]
    refused = dvar("train", *words, "--method", "custom-diffusion", "--init", "token:cat", fails=True)
    assert refused.count("\n") == 1 and "--method custom-diffusion" in refused and "Stable Diffusion XL" in refused, refused
    assert not (tmp_path / "c" / "config.json").exists()

    # A model that does not fit together.
    for part, key, value, words in [
        ("text_encoder_2", "projection_dim", 24, ["text_projection.weight"]),
        ("unet", "addition_embed_type", "image", ["addition_embed_type", "text_time"]),
        ("unet", "addition_time_embed_dim", 7, ["addition_time_embed_dim", "even"]),
        ("unet", "projection_class_embeddings_input_dim", 40, ["projection_class_embeddings_input_dim", "six times"]),
        ("unet", "transformer_layers_per_block", [1, 2], ["transformer_layers_per_block", "3 numbers"]),
    ]:
        broken = tmp_path / "broken"
        shutil.copytree(learned / "model", broken)
        file = broken / part / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
        refused = dvar("inspect", broken, fails=True)
        assert refused.count("\n") == 1 and all(word in refused for word in words), refused
        shutil.rmtree(broken)

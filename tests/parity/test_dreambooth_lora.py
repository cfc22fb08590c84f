"""A hundred steps of DreamBooth-LoRA end where diffusers' computation ends: the same weights, pictures, draws and first factors.

The peer's side is the loop of diffusers' examples/dreambooth/train_dreambooth_lora.py on diffusers, peft, transformers and torch,
with the token's vectors learned beside the factors; files of either side give the same predictions on the other."""

import subprocess

import numpy
import pytest
import torch
import toy_models
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_diffusers
from paths import DEMO, DVAR, FROG
from peers import error, normal, run, take_alphas
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from PIL import Image
from safetensors.torch import load_file, save_file
from test_textual_inversion import CAPTIONS, record_draws

STEPS, PICTURES, CLASS_PICTURES = 100, 3, 5
RATE, LORA_RATE, WEIGHT_DECAY = 5e-3, 1e-3, 1e-2
ATTENTION = ["to_k", "to_q", "to_v", "to_out.0"]
TRANSFORMER = [*ATTENTION, "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]


def class_draws():
    """As `record_draws`, of class pictures: they stand behind the pictures and their mirror images."""
    generator = torch.Generator().manual_seed(12)
    draws = record_draws(STEPS)
    shape = draws["pictures"].shape
    return {
        **{name: drawn.flip(0) for name, drawn in draws.items()},
        "pictures": 2 * PICTURES + torch.randint(0, CLASS_PICTURES, shape, generator=generator),
        "captions": torch.full(shape, len(CAPTIONS)),
    }


def add_factors(unet, rank, alpha, targets, factors):
    """Adds peft's layers to diffusers' UNet, with our first factors; returns them by their names."""
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=targets))
    added = {name: value for name, value in unet.named_parameters() if "lora_" in name}
    with torch.no_grad():
        for name, value in added.items():
            layer, factor = name.replace(".default.weight", "").rsplit(".", 1)
            ours = factors[f"before/{layer}/{'down' if factor == 'lora_A' else 'up'}"]
            if factor == "lora_A":
                # The same distribution as the peer's own: normal, with the deviation 1 / rank.
                assert 0.5 / rank < ours.std() < 2 / rank
            else:
                assert (ours == 0).all() and (value == 0).all()
            value.copy_(ours.view(value.shape))
    assert 2 * len({name.rsplit("/", 1)[0] for name in factors if name.startswith("before/")}) == len(added)
    return added


def train_with_peer(parts, initial, draws, pixels, ours, options):
    tokenizer, scheduler = parts["tokenizer"], parts["scheduler"]
    text, unet, vae = (parts[name].to(torch.float64).requires_grad_(False) for name in ["text", "unet", "vae"])
    tokenizer.add_tokens(["<thing>"])
    captions = [caption.replace("{}", "<thing>") for caption in [*CAPTIONS, "a photo of a dog"]]
    ids = tokenizer(
        captions, padding="max_length", truncation=True, max_length=toy_models.LENGTH, return_tensors="pt"
    ).input_ids
    assert torch.equal(ours["ids"], ids)
    text.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    embedding = text.get_input_embeddings()
    embedding.requires_grad_(not options["freeze_token"])
    with torch.no_grad():
        embedding.weight[-1:] = initial.to(torch.float64)
    before = embedding.weight.detach().clone()
    targets = TRANSFORMER if options["all_layers"] else ATTENTION
    added = add_factors(unet, int(options["rank"]), options["alpha"], targets, ours)
    groups = [{"params": list(added.values()), "lr": LORA_RATE}]
    if not options["freeze_token"]:
        groups.append({"params": [embedding.weight], "lr": RATE})
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), weight_decay=WEIGHT_DECAY, eps=1e-8)
    losses, vectors = [], []
    for step in range(STEPS):
        chosen = {name: drawn[step] for name, drawn in draws.items()}
        noise = chosen["noise"].to(torch.float64)
        with torch.no_grad():
            posterior = vae.encode(pixels[chosen["pictures"]]).latent_dist
            latents = (posterior.mean + posterior.std * chosen["latent_noise"]) * vae.config.scaling_factor
        noisy = scheduler.add_noise(latents, noise, chosen["timesteps"])
        # fp32 inside the peer, whose last digit depends on LibTorch: see peers.py.
        unet.time_proj.forward = lambda _, step=step: ours["sinusoids"][step]
        predicted = unet(noisy, chosen["timesteps"], text(ids[chosen["captions"]])[0]).sample
        if "prior_weight" in options:
            # As the example has it: the batch is the pictures and, behind them, those of the class.
            predicted, of_class = predicted.chunk(2)
            noise, noise_of_class = noise.chunk(2)
            loss = torch.nn.functional.mse_loss(predicted, noise)
            loss = loss + options["prior_weight"] * torch.nn.functional.mse_loss(of_class, noise_of_class)
        else:
            loss = torch.nn.functional.mse_loss(predicted, noise)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            embedding.weight[:-1] = before[:-1]
        losses.append(loss.detach())
        vectors.append(embedding.weight[-1:].detach().clone())
    return torch.stack(losses), torch.stack(vectors), added


@pytest.mark.parametrize(
    "changes",
    [{}, {"freeze_token": 1.0, "alpha": 7.0}, {"all_layers": 1.0, "rank": 2.0, "alpha": 1.0}, {"prior_weight": 0.5}],
    ids=["attention", "factors alone", "all layers", "prior preservation"],
)
def test_a_hundred_steps(changes, tmp_path, record_property):
    parts = toy_models.stable_diffusion(tmp_path / "model")
    made = toy_models.pictures(tmp_path / "model" / "pictures", PICTURES)
    captions = [caption.replace("{}", "<thing>") for caption in [*CAPTIONS, "a photo of a dog"]]
    (tmp_path / "model" / "captions.txt").write_text("\n".join(captions) + "\n")
    initial = 0.5 * normal(1, toy_models.WIDTH, seed=10)
    options = {"rank": 4.0, "alpha": 4.0, "all_layers": 0.0, "freeze_token": 0.0, **changes}
    numbers = {"learning_rate": RATE, "lora_learning_rate": LORA_RATE, "weight_decay": WEIGHT_DECAY}
    draws = record_draws(STEPS)
    pixels = made.permute(0, 3, 1, 2) / 127.5 - 1.0
    pixels = torch.cat([pixels, pixels.flip(3)])
    inputs = {"initial": initial, **draws, **numbers, **options}
    if "prior_weight" in options:
        class_images = normal(CLASS_PICTURES, 3, 16, 16, seed=13).clamp(-1, 1)
        pixels = torch.cat([pixels, class_images])
        of_class = class_draws()
        inputs |= {f"class_{name}": drawn for name, drawn in of_class.items()} | {"class_images": class_images}
        draws = {name: torch.cat([draws[name], of_class[name]], dim=1) for name in draws}
    ours = run("dreambooth_lora", tmp_path / "model", inputs, tmp_path, double=True)
    take_alphas(parts["scheduler"], ours["alphas"])
    losses, vectors, added = train_with_peer(parts, initial, draws, pixels.to(torch.float64), ours, options)

    assert error(ours["losses"], losses) < 1e-10
    errors = [error(ours["vectors"][-1], vectors[-1])]
    moved = []
    for name, theirs in added.items():
        layer, factor = name.replace(".default.weight", "").rsplit(".", 1)
        key = f"{layer}/{'down' if factor == 'lora_A' else 'up'}"
        errors.append(error(ours[f"after/{key}"], theirs.view(ours[f"after/{key}"].shape)))
        moved.append((ours[f"after/{key}"] - ours[f"before/{key}"]).abs().max().item())
    record_property("the worst of vectors and factors after 100 steps", max(errors))
    assert max(errors) < 1e-8, max(errors)
    assert min(moved) > LORA_RATE, "every factor is learned"
    assert torch.equal(ours["vectors"][0], ours["vectors"][-1]) == bool(options["freeze_token"])


def with_random_factors(folder, alpha):
    unet = toy_models.unet()
    unet.save_pretrained(folder)
    unet.add_adapter(LoraConfig(r=4, lora_alpha=alpha, target_modules=TRANSFORMER))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in unet.named_parameters():
            if "lora_" in name:
                value.copy_(0.3 * torch.randn(value.shape, generator=generator))
    return unet


FORMS = {
    "peft": lambda state: state,
    "diffusers' older": convert_state_dict_to_diffusers,
}


@pytest.mark.parametrize("form", FORMS)
def test_files_of_either_side(form, tmp_path, record_property):
    """A file of diffusers is read here, and both files that are written here are read by diffusers: the same prediction."""
    theirs = with_random_factors(tmp_path / "unet", alpha=6)
    state = FORMS[form](get_peft_model_state_dict(theirs))
    metadata = {"unet_lora_adapter_metadata": theirs.peft_config["default"].to_dict()}
    StableDiffusionPipeline.save_lora_weights(
        tmp_path / "unet", unet_lora_layers=state, weight_name="lora.safetensors", **metadata
    )
    inputs = {"sample": normal(2, 4, 8, 8), "timesteps": torch.tensor([3, 700]), "context": normal(2, 16, toy_models.WIDTH)}
    ours = run("unet_with_lora", tmp_path / "unet", inputs, tmp_path)
    plain = toy_models.unet()(*inputs.values()).sample
    expected = theirs(*inputs.values()).sample
    assert error(plain, expected) > 0.05, "the factors do something"
    assert error(ours["output"], expected) < 1e-5
    for file in ["written", "written_kohya"]:
        loaded = UNet2DConditionModel.from_pretrained(tmp_path / "unet")
        state, alphas, *_ = StableDiffusionPipeline.lora_state_dict(
            tmp_path / "unet" / f"{file}.safetensors", unet_config=loaded.config
        )
        StableDiffusionPipeline.load_lora_into_unet(state, network_alphas=alphas, unet=loaded)
        found = error(loaded(*inputs.values()).sample, expected)
        record_property(f"{form}, {file}: prediction", found)
        assert found < 1e-5, file


def test_names_in_both_layouts(tmp_path):
    """The keys that peers look for, down to kohya's alpha."""
    theirs = with_random_factors(tmp_path / "unet", alpha=4)
    state = {f"unet.{name}": value.contiguous() for name, value in get_peft_model_state_dict(theirs).items()}
    save_file(state, tmp_path / "unet" / "lora.safetensors")
    inputs = {"sample": normal(1, 4, 8, 8), "timesteps": torch.tensor([3]), "context": normal(1, 16, toy_models.WIDTH)}
    run("unet_with_lora", tmp_path / "unet", inputs, tmp_path)
    written = load_file(tmp_path / "unet" / "written.safetensors")
    assert {name: value.shape for name, value in written.items()} == {name: value.shape for name, value in state.items()}
    kohya = load_file(tmp_path / "unet" / "written_kohya.safetensors")
    layer = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0"
    assert kohya[f"{layer}.lora_down.weight"].shape == (4, 16)
    assert kohya[f"{layer}.lora_up.weight"].shape == (16, 4)
    assert kohya[f"{layer}.alpha"].shape == () and kohya[f"{layer}.alpha"] == 4
    assert 2 * len(kohya) == 3 * len(written)


def decibels(ours, theirs):
    error = ((numpy.asarray(ours, dtype=float) - numpy.asarray(theirs, dtype=float)) ** 2).mean()
    return 10 * numpy.log10(255**2 / max(error, 1e-12))


@pytest.mark.parametrize("layers", ["attention", "transformer"])
def test_the_same_picture(layers, tmp_path, record_property):
    """What a run on the bundled model leaves, loaded by `load_lora_weights` in both layouts: the pictures that we draw."""

    def dvar(*words):
        result = subprocess.run([DVAR, *map(str, words)], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr

    out, prompt = tmp_path / "out", "a flat drawing of a <thing>, green"
    dvar(
        "train", "--method", "dreambooth-lora", "--lora-layers", layers, "--alpha", 6, "--lora-learning-rate", 0.01, "--images", FROG,
        "--token", "<thing>", "--init", "token:green", "--output", out, "--max-steps", 3, "--samples", 0, "--threads", 1,
    )  # fmt: skip
    for file in ["pytorch_lora_weights.safetensors", "pytorch_lora_weights_kohya.safetensors"]:
        drawn = tmp_path / file
        # The first draws the latents, and the second reads them.
        count = [] if (tmp_path / "latents.safetensors").exists() else ["--count", 2]
        dvar(
            "sample", "--embedding", out / "learned_embeds.safetensors", "--lora", f"{out / file}:0.8", "--prompt", prompt, *count,
            "--steps", 8, "--sampler", "ddim", "--latents", tmp_path / "latents.safetensors", "--output", drawn, "--threads", 1,
        )  # fmt: skip
        pipeline = StableDiffusionPipeline.from_pretrained(DEMO / "model", torch_dtype=torch.float32, safety_checker=None)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
        pipeline.load_textual_inversion(str(out / "learned_embeds.safetensors"))
        latents = load_file(tmp_path / "latents.safetensors")["latents"]

        def draw(pipeline=pipeline, latents=latents, **more):
            return pipeline(prompt=[prompt] * 2, latents=latents, num_inference_steps=8, guidance_scale=7.5, **more).images

        plain = draw()
        pipeline.load_lora_weights(str(out), weight_name=file)
        for i, theirs in enumerate(draw(cross_attention_kwargs={"scale": 0.8})):
            ours = Image.open(drawn / f"{i:03}.png").convert("RGB")
            found = decibels(ours, theirs)
            record_property(f"{layers}, {file}, picture {i}, PSNR in dB", found)
            assert decibels(ours, plain[i]) < 40, "the factors do something"
            assert found >= 50, found

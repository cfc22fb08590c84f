"""A hundred steps of Custom Diffusion end where diffusers' computation ends: the same weights, pictures and draws.

The peer's side is the loop of diffusers' examples/custom_diffusion/train_custom_diffusion.py on diffusers' processors, transformers
and torch; files of either side give the same predictions on the other."""

import itertools
import subprocess
import types

import numpy
import pytest
import torch
import toy_models
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders import AttnProcsLayers
from diffusers.models.attention_processor import CustomDiffusionAttnProcessor2_0
from paths import DEMO, DVAR, FROG
from peers import error, normal, run, take_alphas
from PIL import Image
from safetensors.torch import load_file
from test_dreambooth_lora import CLASS_PICTURES, PICTURES, STEPS, class_draws, decibels
from test_textual_inversion import CAPTIONS, record_draws

RATE, KV_RATE, WEIGHT_DECAY = 5e-3, 1e-3, 1e-2
SIZE, FACTOR = 16, 2


def add_processors(unet):
    """Those of the example: all attentions have one, and those of the text learn keys and values, beginning with the UNet's."""
    state, processors = unet.state_dict(), {}
    for name in unet.attn_processors:
        of_text = name.endswith("attn2.processor")
        layer = name.removesuffix(".processor")
        hidden = state[f"{layer}.to_k.weight"].shape[0]
        processors[name] = CustomDiffusionAttnProcessor2_0(
            train_kv=of_text, train_q_out=False, hidden_size=hidden,
            cross_attention_dim=unet.config.cross_attention_dim if of_text else None,
        ).to(unet.dtype)  # fmt: skip
        if of_text:
            processors[name].load_state_dict({
                f"{part}_custom_diffusion.weight": state[f"{layer}.{part}.weight"] for part in ["to_k", "to_v"]
            })  # fmt: skip
    unet.set_attn_processor(processors)
    return AttnProcsLayers(unet.attn_processors)


def layer_of(name):
    """Our name of what diffusers calls `LAYER.processor.to_k_custom_diffusion.weight`."""
    return name.replace(".processor.", ".").removesuffix("_custom_diffusion.weight")


def draw_rescalings(draws):
    """Small ones, whole ones and large ones, at all places."""
    generator = numpy.random.default_rng(14)
    drawn = []
    for picture in draws["pictures"].flatten().tolist():
        edge = int(generator.choice([*range(3 * FACTOR, SIZE + 1), *range(SIZE + 3, SIZE + 6)]))
        drawn.append([picture, edge, *generator.integers(0, abs(edge - SIZE) + 1, 2).tolist()])
    return torch.tensor(drawn).view(*draws["pictures"].shape, 4)


def frame_and_mask(levels, edge, top, left):
    """What the example's `preprocess` makes of a picture: by Pillow, with NumPy's indices."""
    picture = Image.fromarray(levels.permute(1, 2, 0).numpy()).resize((edge, edge), resample=Image.BILINEAR)
    picture = torch.tensor(numpy.asarray(picture)).permute(2, 0, 1) / 127.5 - 1.0
    if edge > SIZE:
        return picture[:, top : top + SIZE, left : left + SIZE], torch.ones(1, SIZE // FACTOR, SIZE // FACTOR)
    frame, mask = torch.zeros(3, SIZE, SIZE), torch.zeros(1, SIZE // FACTOR, SIZE // FACTOR)
    frame[:, top : top + edge, left : left + edge] = picture
    rows, columns = (slice(first // FACTOR + 1, (first + edge) // FACTOR - 1) for first in [top, left])
    mask[:, rows, columns] = 1.0
    assert mask.sum() > 0
    return frame, mask


def check_frames(levels, rescalings, ours, record_property):
    apart = []
    for step in range(len(rescalings)):
        for i, (picture, *how) in enumerate(rescalings[step].tolist()):
            frame, mask = frame_and_mask(levels[picture], *how)
            assert torch.equal(ours["masks"][step, i], mask)
            apart.append(127.5 * (ours["frames"][step, i] - frame).abs())
    apart = torch.stack(apart)
    record_property("numbers of a frame that are a level apart", (apart > 0.5).float().mean().item())
    # Linear weights of so small pictures give exact halves, which Pillow's integers round to the other side.
    assert apart.max() < 1.01 and apart.mean() < 0.05, (apart.max(), apart.mean())


def train_with_peer(parts, initial, draws, pixels, masks, ours, options):
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
    layers = add_processors(unet)
    groups = [{"params": list(layers.parameters()), "lr": KV_RATE}]
    if not options["freeze_token"]:
        groups.append({"params": [embedding.weight], "lr": RATE})
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), weight_decay=WEIGHT_DECAY, eps=1e-8)
    losses, vectors, norms = [], [], []
    for step in range(STEPS):
        chosen = {name: drawn[step] for name, drawn in draws.items()}
        noise, mask = chosen["noise"].to(torch.float64), masks[step]
        with torch.no_grad():
            posterior = vae.encode(pixels(step)).latent_dist
            latents = (posterior.mean + posterior.std * chosen["latent_noise"]) * vae.config.scaling_factor
        noisy = scheduler.add_noise(latents, noise, chosen["timesteps"])
        # fp32 inside the peer, whose last digit depends on LibTorch: see peers.py.
        unet.time_proj.forward = lambda _, step=step: ours["sinusoids"][step]
        predicted = unet(noisy, chosen["timesteps"], text(ids[chosen["captions"]])[0]).sample
        prior = 0.0
        if "prior_weight" in options:
            # As the example has it: the batch is the pictures and, behind them, those of the class.
            (predicted, of_class), (noise, noise_of_class) = predicted.chunk(2), noise.chunk(2)
            prior = options["prior_weight"] * torch.nn.functional.mse_loss(of_class, noise_of_class)
        # The mask has one channel, and the errors have all: they are summed up over these.
        errors = torch.nn.functional.mse_loss(predicted, noise, reduction="none")
        loss = ((errors * mask).sum([1, 2, 3]) / mask.sum([1, 2, 3])).mean() + prior
        loss.backward()
        if not options["freeze_token"]:
            embedding.weight.grad[:-1] = 0
        everything = itertools.chain(text.parameters(), layers.parameters())
        norms.append(torch.nn.utils.clip_grad_norm_(everything, options["max_gradient_norm"]))
        optimizer.step()
        optimizer.zero_grad()
        # The example forgets that weight decay moves the other words too.
        with torch.no_grad():
            embedding.weight[:-1] = before[:-1]
        losses.append(loss.detach())
        vectors.append(embedding.weight[-1:].detach().clone())
    return torch.stack(losses), torch.stack(vectors), torch.stack(norms), layers.state_dict()


@pytest.mark.parametrize(
    "changes",
    [{}, {"freeze_token": 1.0}, {"prior_weight": 0.5}, {"rescale": False}, {"rescale": False, "prior_weight": 2.0}],
    ids=["rescaled", "weights alone", "prior preservation", "as they are", "as they are, prior preservation"],
)
def test_a_hundred_steps(changes, tmp_path, record_property):
    parts = toy_models.stable_diffusion(tmp_path / "model")
    made = toy_models.pictures(tmp_path / "model" / "pictures", PICTURES)
    captions = [caption.replace("{}", "<thing>") for caption in [*CAPTIONS, "a photo of a dog"]]
    (tmp_path / "model" / "captions.txt").write_text("\n".join(captions) + "\n")
    initial = 0.5 * normal(1, toy_models.WIDTH, seed=10)
    options = {"freeze_token": 0.0, "max_gradient_norm": 1.0, "rescale": True, **changes}
    rescale = options.pop("rescale")
    numbers = {"learning_rate": RATE, "kv_learning_rate": KV_RATE, "weight_decay": WEIGHT_DECAY}
    draws = record_draws(STEPS)
    levels = made.permute(0, 3, 1, 2)
    levels = torch.cat([levels, levels.flip(3)])
    pictures = levels / 127.5 - 1.0
    inputs = {"initial": initial, **draws, **numbers, **options}
    if rescale:
        rescalings = draw_rescalings(draws)
        inputs |= {"rescalings": rescalings, "levels": levels}
    if "prior_weight" in options:
        class_images = normal(CLASS_PICTURES, 3, SIZE, SIZE, seed=13).clamp(-1, 1)
        pictures = torch.cat([pictures, class_images])
        of_class = class_draws()
        inputs |= {f"class_{name}": drawn for name, drawn in of_class.items()} | {"class_images": class_images}
        draws = {name: torch.cat([draws[name], of_class[name]], dim=1) for name in draws}
    ours = run("custom_diffusion", tmp_path / "model", inputs, tmp_path, double=True)
    take_alphas(parts["scheduler"], ours["alphas"])
    batch = inputs["pictures"].shape[1]
    if rescale:
        check_frames(levels, rescalings, ours, record_property)
        masks = ours["masks"].to(torch.float64)
    else:
        masks = torch.ones(STEPS, batch, 1, SIZE // FACTOR, SIZE // FACTOR, dtype=torch.float64)

    def pixels(step):
        shown = pictures[draws["pictures"][step]]
        return (torch.cat([ours["frames"][step], shown[batch:]]) if rescale else shown).to(torch.float64)

    losses, vectors, norms, learned = train_with_peer(parts, initial, draws, pixels, masks, ours, options)

    assert error(ours["losses"], losses) < 1e-10
    assert error(ours["norms"], norms) < 1e-9
    assert norms.max() > options["max_gradient_norm"], "the limit is reached"
    errors = [error(ours["vectors"][-1], vectors[-1])]
    moved = []
    for name, theirs in learned.items():
        layer = layer_of(name)
        errors.append(error(ours[f"after/{layer}"], theirs))
        moved.append((ours[f"after/{layer}"] - ours[f"before/{layer}"]).abs().max().item())
    assert len(learned) == len([name for name in ours if name.startswith("after/")])
    record_property("the worst of vectors and weights after 100 steps", max(errors))
    record_property("steps at the limit of the gradient", int((norms > options["max_gradient_norm"]).sum()))
    assert max(errors) < 1e-8, max(errors)
    assert min(moved) > KV_RATE, "every weight is learned"
    assert torch.equal(ours["vectors"][0], ours["vectors"][-1]) == bool(options["freeze_token"])


def with_random_weights(folder):
    unet = toy_models.unet()
    unet.save_pretrained(folder)
    add_processors(unet)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in unet.named_parameters():
            if "custom_diffusion" in name:
                value.add_(0.3 * torch.randn(value.shape, generator=generator))
    return unet


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "torch.save"])
def test_files_of_either_side(safe, tmp_path, record_property):
    """A file of diffusers is read here, and what is written here is read by diffusers: the same prediction."""
    theirs = with_random_weights(tmp_path / "unet")
    name = "custom.safetensors" if safe else "custom.bin"
    theirs.save_attn_procs(tmp_path / "unet", weight_name=name, safe_serialization=safe)
    inputs = {"sample": normal(2, 4, 8, 8), "timesteps": torch.tensor([3, 700]), "context": normal(2, 16, toy_models.WIDTH)}
    ours = run("unet_with_custom_diffusion", tmp_path / "unet", inputs, tmp_path)
    plain = toy_models.unet()(*inputs.values()).sample
    expected = theirs(*inputs.values()).sample
    assert error(plain, expected) > 0.05, "the weights do something"
    assert error(ours["output"], expected) < 1e-5
    loaded = UNet2DConditionModel.from_pretrained(tmp_path / "unet")
    # Without a pipeline diffusers 0.42.1 reads the file and does nothing with it.
    pipeline = types.SimpleNamespace(hf_device_map=None, components={})
    loaded.load_attn_procs(tmp_path / "unet", weight_name="written.safetensors", _pipeline=pipeline)
    found = error(loaded(*inputs.values()).sample, expected)
    record_property("prediction of the file that is written here", found)
    assert found < 1e-5
    written, saved = (load_file(tmp_path / "unet" / file) for file in ["written.safetensors", name]) if safe else ({}, {})
    for layer, weight in saved.items():
        assert torch.equal(written[layer], weight)
    assert all(len(weight) == 0 for layer, weight in written.items() if layer not in saved)


def test_the_same_picture(tmp_path, record_property):
    """What a run on the bundled model leaves, loaded by `load_attn_procs`: the pictures that we draw."""

    def dvar(*words):
        result = subprocess.run([DVAR, *map(str, words)], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr

    out, prompt = tmp_path / "out", "a flat drawing of a <thing>, green"
    file = "pytorch_custom_diffusion_weights.safetensors"
    dvar(
        "train", "--method", "custom-diffusion", "--kv-learning-rate", 0.01, "--images", FROG,
        "--token", "<thing>", "--init", "token:green", "--output", out, "--max-steps", 3, "--samples", 0, "--threads", 1,
    )  # fmt: skip
    dvar(
        "sample", "--embedding", out / "learned_embeds.safetensors", "--custom-diffusion", out / file, "--prompt", prompt,
        "--count", 2, "--steps", 8, "--sampler", "ddim", "--latents", tmp_path / "latents.safetensors",
        "--output", tmp_path / "drawn", "--threads", 1,
    )  # fmt: skip
    pipeline = StableDiffusionPipeline.from_pretrained(DEMO / "model", torch_dtype=torch.float32, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.load_textual_inversion(str(out / "learned_embeds.safetensors"))
    latents = load_file(tmp_path / "latents.safetensors")["latents"]

    def draw():
        return pipeline(prompt=[prompt] * 2, latents=latents, num_inference_steps=8, guidance_scale=7.5).images

    plain = draw()
    pipeline.unet.load_attn_procs(str(out), weight_name=file, _pipeline=pipeline)
    for i, theirs in enumerate(draw()):
        ours = Image.open(tmp_path / "drawn" / f"{i:03}.png").convert("RGB")
        found = decibels(ours, theirs)
        record_property(f"picture {i}, PSNR in dB", found)
        assert decibels(ours, plain[i]) < 40, "the weights do something"
        assert found >= 50, found

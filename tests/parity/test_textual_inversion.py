"""Two hundred steps of textual inversion end where diffusers' computation ends, for both families: the same weights,
pictures and draws, which the peer's side records and ours replays.

The peer's side is the loop of diffusers' examples/textual_inversion/textual_inversion.py, on diffusers, transformers and
torch: rows that are added to the token embedding, AdamW over the whole embedding, the other rows restored."""

import pytest
import torch
import toy_models
from diffusers import DDIMScheduler
from diffusers.training_utils import EMAModel, compute_snr
from peers import error, run, take_alphas
from PIL import Image

STEPS, BATCH, PICTURES = 200, 2, 3
LEARNING_RATE, WEIGHT_DECAY = 5e-3, 1e-2
CAPTIONS = ["a photo of a {}", "the small {} on a photo", "{}", "a {} and a dog, a {}", "picture of the {}!", "x{}y nice red cat " * 9]


def record_draws(steps=STEPS):
    generator = torch.Generator().manual_seed(9)
    latents = (steps, BATCH, 4, 8, 8)
    return {
        "pictures": torch.randint(0, 2 * PICTURES, (steps, BATCH), generator=generator),
        "captions": torch.randint(0, len(CAPTIONS), (steps, BATCH), generator=generator),
        "timesteps": torch.randint(0, 1000, (steps, BATCH), generator=generator),
        "latent_noise": torch.randn(latents, generator=generator),
        "noise": torch.randn(latents, generator=generator),
    }


def train_with_peer(parts, tokens, initial, draws, made, dtype, ours, masks=None, snr_gamma=None, moved=None):
    """Vectors after each step [steps, vectors, width], the losses, and the gradients with respect to the vectors. `masks`
    [pictures, 1, h, w] weigh the squares of the errors, `snr_gamma` the losses, as in diffusers' train_text_to_image.py.
    `moved(before, gradient, after)` says where the vectors are after a step of the optimizer from `before` to `after`."""
    tokenizer, scheduler = parts["tokenizer"], parts["scheduler"]
    text, unet, vae = (parts[name].to(dtype).requires_grad_(False) for name in ["text", "unet", "vae"])
    assert tokenizer.add_tokens(tokens) == len(tokens)
    captions = [caption.replace("{}", " ".join(tokens)) for caption in CAPTIONS]
    ids = tokenizer(
        captions, padding="max_length", truncation=True, max_length=toy_models.LENGTH, return_tensors="pt"
    ).input_ids
    assert torch.equal(ours["ids"], ids)
    first = len(tokenizer) - len(tokens)

    text.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    embedding = text.get_input_embeddings()
    embedding.requires_grad_(True)
    with torch.no_grad():
        embedding.weight[first:] = initial.to(dtype)
    before = embedding.weight.detach().clone()
    optimizer = torch.optim.AdamW(
        embedding.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.999), weight_decay=WEIGHT_DECAY, eps=1e-8
    )

    pixels = (made.permute(0, 3, 1, 2) / 127.5 - 1.0).to(torch.float32)
    assert torch.equal(ours["images"].to(torch.float32), pixels)
    pixels = torch.cat([pixels, pixels.flip(3)]).to(dtype)
    vectors, losses, gradients = [], [], []
    if masks is not None:
        masks = torch.cat([masks, masks.flip(3)]).to(dtype)
        masks = torch.nn.functional.interpolate(masks, size=draws["noise"].shape[-2:], mode="area")
    for step in range(len(draws["noise"])):
        chosen = {name: drawn[step] for name, drawn in draws.items()}
        timesteps, noise = chosen["timesteps"], chosen["noise"].to(dtype)
        with torch.no_grad():
            posterior = vae.encode(pixels[chosen["pictures"]]).latent_dist
            latents = (posterior.mean + posterior.std * chosen["latent_noise"].to(dtype)) * vae.config.scaling_factor
        noisy = scheduler.add_noise(latents, noise, timesteps)
        if dtype == torch.float64:
            # fp32 inside the peer, whose last digit depends on LibTorch: see peers.py.
            unet.time_proj.forward = lambda _, step=step: ours["sinusoids"][step]
        states = text(ids[chosen["captions"]])[0]
        predicted = unet(noisy, timesteps, states).sample
        velocity = scheduler.config.prediction_type == "v_prediction"
        target = scheduler.get_velocity(latents, noise, timesteps) if velocity else noise
        if snr_gamma is not None:
            # The peer's ratio is fp32 whatever it is asked for: compared by itself, and then in float64.
            abar = scheduler.alphas_cumprod.to(torch.float64)[timesteps]
            ratio = abar / (1 - abar)
            assert error(compute_snr(scheduler, timesteps).to(torch.float64), ratio) < 1e-5
            weights = ratio.clamp(max=snr_gamma) / (ratio + 1 if velocity else ratio)
            loss = (((predicted - target) ** 2).mean((1, 2, 3)) * weights).mean()
        elif masks is None:
            loss = torch.nn.functional.mse_loss(predicted, target)
        else:
            weights = masks[chosen["pictures"]].expand_as(noise)
            of_pictures = (weights * (noise - predicted) ** 2).sum((1, 2, 3)) / weights.sum((1, 2, 3))
            loss = of_pictures.mean()
        loss.backward()
        gradients.append(embedding.weight.grad[first:].detach().clone())
        last = embedding.weight[first:].detach().clone()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            embedding.weight[:first] = before[:first]
            if moved is not None:
                embedding.weight[first:] = moved(last, gradients[-1], embedding.weight[first:])
        vectors.append(embedding.weight[first:].detach().clone())
        losses.append(loss.detach())
    return torch.stack(vectors), torch.stack(losses), torch.stack(gradients)


def both(family, vectors, dtype, folder):
    parts = toy_models.FAMILIES[family](folder / "model")
    made = toy_models.pictures(folder / "model" / "pictures", PICTURES)
    (folder / "model" / "captions.txt").write_text("\n".join(c.replace("{}", "<thing>") for c in CAPTIONS) + "\n")
    initial = 0.5 * torch.randn((vectors, toy_models.WIDTH), generator=torch.Generator().manual_seed(10))
    draws = record_draws()
    numbers = {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY}
    ours = run("textual_inversion", folder / "model", {"initial": initial, **draws, **numbers}, folder, dtype == torch.float64)
    if dtype == torch.float64:
        take_alphas(parts["scheduler"], ours["alphas"])
    tokens = ["<thing>"] + [f"<thing>_{i}" for i in range(1, vectors)]
    expected, losses, _ = train_with_peer(parts, tokens, initial, draws, made, dtype, ours)
    return initial, ours, expected, losses


@pytest.mark.parametrize("vectors", [1, 3])
@pytest.mark.parametrize("family", toy_models.FAMILIES)
def test_two_hundred_steps(family, vectors, tmp_path, record_property):
    initial, ours, expected, losses = both(family, vectors, torch.float64, tmp_path)
    assert ours["vectors"].shape == (STEPS, vectors, toy_models.WIDTH)
    # Every vector is learned, not the first alone, and each in its own way.
    moved = (ours["vectors"][-1] - initial.double()).norm(dim=1) / initial.double().norm(dim=1)
    assert (moved > 0.05).all(), moved
    assert moved.unique().numel() == vectors
    record_property(f"{family}, {vectors}: vectors after {STEPS} steps", error(ours["vectors"][-1], expected[-1]))
    assert error(ours["losses"], losses) < 1e-10
    for step in [0, 9, 99, STEPS - 1]:
        assert error(ours["vectors"][step], expected[step]) < 1e-8, step


@pytest.mark.parametrize("family", toy_models.FAMILIES)
def test_drift_in_single_precision(family, tmp_path, record_property):
    """Rounding is all that parts the two sides: it is measured, and bounded far below what the steps move."""
    initial, ours, expected, losses = both(family, 2, torch.float32, tmp_path)
    drift = error(ours["vectors"][-1], expected[-1])
    record_property(f"{family}: drift after {STEPS} steps in fp32", drift)
    print(f"{family}: drift after {STEPS} steps in fp32: {drift:.1e}")
    assert error(ours["vectors"][-1], initial) > 0.1
    # More than ten times what was measured (docs/parity.md), as LibTorch's versions add up in different orders.
    assert drift < 5e-6, drift
    assert error(ours["losses"][:10], losses[:10].double()) < 1e-5


@pytest.mark.parametrize("background", [0.0, 0.25])
@pytest.mark.parametrize("family", toy_models.FAMILIES)
def test_masks(family, background, tmp_path, record_property):
    """Loss and gradient of a few steps whose errors are weighed by masks, of grays and with black halves."""
    steps = 4
    parts = toy_models.FAMILIES[family](tmp_path / "model")
    made = toy_models.pictures(tmp_path / "model" / "pictures", PICTURES)
    levels = torch.randint(0, 256, (PICTURES, 16, 16), generator=torch.Generator().manual_seed(11), dtype=torch.uint8)
    levels[0, :, :8] = 0
    levels[1, 4:] = 255
    (tmp_path / "model" / "masks").mkdir()
    for i, mask in enumerate(levels):
        Image.fromarray(mask.numpy()).save(tmp_path / "model" / "masks" / f"{i}.png")
    (tmp_path / "model" / "captions.txt").write_text("\n".join(c.replace("{}", "<thing>") for c in CAPTIONS) + "\n")
    initial = 0.5 * torch.randn((1, toy_models.WIDTH), generator=torch.Generator().manual_seed(10))
    draws = record_draws(steps)
    numbers = {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, "background": background}
    ours = run("textual_inversion", tmp_path / "model", {"initial": initial, **draws, **numbers}, tmp_path, True)
    take_alphas(parts["scheduler"], ours["alphas"])
    masks = levels[:, None] / 255.0 * (1 - background) + background
    expected, losses, gradients = train_with_peer(parts, ["<thing>"], initial, draws, made, torch.float64, ours, masks)
    for what, found, theirs in [
        ("losses", ours["losses"], losses),
        ("gradients", ours["gradients"], gradients),
        ("vectors", ours["vectors"], expected),
    ]:
        record_property(f"{family}, {background}: {what}", error(found, theirs))
    for step in range(steps):
        assert error(ours["losses"][step], losses[step]) < 1e-10
        assert error(ours["gradients"][step], gradients[step]) < 1e-10


@pytest.mark.parametrize("predicted", ["epsilon", "v_prediction"])
def test_min_snr(predicted, tmp_path, record_property):
    """Losses weighed by min-SNR: fifty steps, of networks that predict the noise or the velocity."""
    steps = 50
    parts = toy_models.stable_diffusion(tmp_path / "model")
    parts["scheduler"] = DDIMScheduler.from_config(parts["scheduler"].config, prediction_type=predicted)
    parts["scheduler"].save_pretrained(tmp_path / "model" / "scheduler")
    made = toy_models.pictures(tmp_path / "model" / "pictures", PICTURES)
    (tmp_path / "model" / "captions.txt").write_text("\n".join(c.replace("{}", "<thing>") for c in CAPTIONS) + "\n")
    initial = 0.5 * torch.randn((1, toy_models.WIDTH), generator=torch.Generator().manual_seed(10))
    draws = record_draws(steps)
    numbers = {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, "min_snr": 5.0}
    ours = run("textual_inversion", tmp_path / "model", {"initial": initial, **draws, **numbers}, tmp_path, True)
    take_alphas(parts["scheduler"], ours["alphas"])
    ratio = compute_snr(parts["scheduler"], draws["timesteps"])
    assert (ratio > 5).any() and (ratio < 5).any()
    expected, losses, _ = train_with_peer(
        parts, ["<thing>"], initial, draws, made, torch.float64, ours, snr_gamma=5.0
    )
    record_property(f"{predicted}: vectors after {steps} steps", error(ours["vectors"][-1], expected[-1]))
    assert error(ours["losses"], losses) < 1e-10
    assert error(ours["vectors"][-1], expected[-1]) < 1e-8


@pytest.mark.parametrize("power", [None, 2 / 3], ids=["usual", "warm-up"])
def test_average(power, tmp_path, record_property):
    """The moving average of what a hundred steps make of three vectors, as diffusers' `EMAModel` keeps it; the limit is reached on the way."""
    steps, decay = 100, 0.9
    parts = toy_models.stable_diffusion(tmp_path / "model")
    made = toy_models.pictures(tmp_path / "model" / "pictures", PICTURES)
    (tmp_path / "model" / "captions.txt").write_text("\n".join(c.replace("{}", "<thing>") for c in CAPTIONS) + "\n")
    initial = 0.5 * torch.randn((3, toy_models.WIDTH), generator=torch.Generator().manual_seed(10))
    draws = record_draws(steps)
    numbers = {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, "ema": decay}
    warmup = {} if power is None else {"ema_power": power}
    ours = run("textual_inversion", tmp_path / "model", {"initial": initial, **draws, **numbers, **warmup}, tmp_path, True)
    take_alphas(parts["scheduler"], ours["alphas"])
    tokens = ["<thing>", "<thing>_1", "<thing>_2"]
    expected, _, _ = train_with_peer(parts, tokens, initial, draws, made, torch.float64, ours)
    parameter = torch.nn.Parameter(initial.double().clone())
    warm = {} if power is None else {"use_ema_warmup": True, "power": power}
    average = EMAModel([parameter], decay=decay, **warm)
    averages = []
    for vectors in expected:
        parameter.data.copy_(vectors)
        average.step([parameter])
        averages.append(average.shadow_params[0].clone())
    assert average.cur_decay_value == decay
    assert error(averages[-1], expected[-1]) > 1e-3, "it is not the last"
    record_property(f"{power}: average after {steps} steps", error(ours["averages"][-1], averages[-1]))
    assert error(ours["averages"], torch.stack(averages)) < 1e-8


def on_sphere(vectors, norm):
    return norm * vectors / vectors.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("norm", [None, 0.4], ids=["norm of the vocabulary", "norm given"])
@pytest.mark.parametrize("kind", ["norm-preserving", "directional"])
def test_updates_that_keep_the_norm(kind, norm, tmp_path, record_property):
    """A hundred steps of three vectors: AdamW, after whose steps the norm is put back as by OneTrainer, or the directions alone, by the
    formulas of arXiv 2512.13672 with the normalized gradient of its program."""
    steps, rate, prior = 100, 0.01, 1e-2
    parts = toy_models.stable_diffusion(tmp_path / "model")
    made = toy_models.pictures(tmp_path / "model" / "pictures", PICTURES)
    (tmp_path / "model" / "captions.txt").write_text("\n".join(c.replace("{}", "<thing>") for c in CAPTIONS) + "\n")
    table = parts["text"].get_input_embeddings().weight.detach().double()
    lengths = table.norm(dim=1)
    usual = lengths.median() if kind == "norm-preserving" else lengths[lengths > 0].mean()
    length = usual.item() if norm is None else norm
    initial = 0.5 * torch.randn((3, toy_models.WIDTH), generator=torch.Generator().manual_seed(10))
    begun = on_sphere(initial.double(), length)
    mean = begun / length

    def put_back(before, gradient, after):
        return on_sphere(after, length)

    def turned(before, gradient, after):
        direction = before / length
        gradient = length * gradient - prior * mean
        along = gradient - (gradient * direction).sum(-1, keepdim=True) * direction
        return on_sphere(direction - rate * along / (along.norm(dim=-1, keepdim=True) + 1e-8), length)

    draws = record_draws(steps)
    directional = kind == "directional"
    numbers = {"learning_rate": rate if directional else LEARNING_RATE, "weight_decay": WEIGHT_DECAY}
    numbers |= {"token_update": 2 if directional else 1, "direction_prior": prior}
    numbers |= {} if norm is None else {"token_norm": norm}
    ours = run("textual_inversion", tmp_path / "model", {"initial": initial, **draws, **numbers}, tmp_path, True)
    take_alphas(parts["scheduler"], ours["alphas"])
    tokens = ["<thing>", "<thing>_1", "<thing>_2"]
    moved = turned if directional else put_back
    expected, losses, _ = train_with_peer(parts, tokens, begun, draws, made, torch.float64, ours, moved=moved)
    assert error(expected[-1], begun) > 0.1
    assert error(ours["vectors"].norm(dim=-1), torch.full((steps, 3), length, dtype=torch.float64)) < 1e-12
    record_property(f"{kind}, {norm}: vectors after {steps} steps", error(ours["vectors"][-1], expected[-1]))
    assert error(ours["losses"], losses) < 1e-10
    assert error(ours["vectors"][-1], expected[-1]) < 1e-8

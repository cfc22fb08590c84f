"""bf16 and fp16: the trainer's networks and gradients are as near to the exact ones as the peers' in the same type.

Two sums in different order differ in half precision as much as each differs from the exact value, so the measure is the
exact value: the peer's result in float64 on the same rounded weights."""

import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from peers import normal, randomize, run
from test_networks import AUTOENCODER, TEXT, UNET, UNETS, text_ids
from transformers import CLIPTextConfig, CLIPTextModel

DTYPES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])
# Roundings to nearest add up like a random walk. Of two such walks through the same operations the farther one is rarely
# twice as far; a network that rounds where the peer does not, or computes in another type, is not nearly so close.
NO_FARTHER = 2.0


def distance(found, exact):
    return ((found.double() - exact).norm() / exact.norm()).item()


def compare(ours, theirs, exact, dtype, record_property, as_wide=False):
    """`as_wide`: what is fp32 on both sides, computed from what is not."""
    for name, value in exact.items():
        found, peers = distance(ours[name], value), distance(theirs[name], value)
        record_property(f"{name}.ours", found)
        record_property(f"{name}.peer", peers)
        assert ours[name].dtype == (torch.float32 if as_wide else dtype)
        assert found <= NO_FARTHER * peers, (name, found, peers)
        # It is not another precision under that name.
        assert found > torch.finfo(dtype).eps / 20, (name, found)


def inputs_of(dtype, **tensors):
    """Rounded to the type before, so that both sides and the exact computation start from the same numbers."""
    rounded = {k: v.to(dtype).float() if torch.is_tensor(v) and v.is_floating_point() else v for k, v in tensors.items()}
    return rounded | ({"bfloat16": 1.0} if dtype == torch.bfloat16 else {})


@DTYPES
def test_unet(dtype, tmp_path, record_property):
    network = randomize(UNet2DConditionModel(**{**UNET, **UNETS["stable diffusion"]})).to(dtype)
    network.save_pretrained(tmp_path / "unet")
    inputs = inputs_of(
        dtype,
        sample=normal(3, 4, 8, 8, seed=1),
        timesteps=torch.tensor([0, 493, 999]),
        context=normal(3, 7, 24, seed=2),
    )

    def peer(compute):
        given = inputs["sample"].to(compute), inputs["timesteps"], inputs["context"].to(compute)
        return {"prediction": network.to(compute)(*given).sample}

    with torch.no_grad():
        theirs, exact = peer(dtype), peer(torch.float64)
    ours = run("unet_in_half", tmp_path / "unet", inputs, tmp_path)
    compare(ours, theirs, exact, dtype, record_property)


@DTYPES
def test_text_encoder(dtype, tmp_path, record_property):
    network = randomize(CLIPTextModel(CLIPTextConfig(**TEXT, hidden_act="quick_gelu"))).to(dtype)
    network.save_pretrained(tmp_path / "text")
    ids, _ = text_ids(11)
    with torch.no_grad():
        theirs = {"states": network(ids).last_hidden_state}
        exact = {"states": network.double()(ids).last_hidden_state}
    ours = run("clip_text_in_half", tmp_path / "text", inputs_of(dtype, ids=ids), tmp_path)
    compare(ours, theirs, exact, dtype, record_property)


@DTYPES
def test_autoencoder(dtype, tmp_path, record_property):
    network = randomize(AutoencoderKL(**AUTOENCODER)).to(dtype)
    network.save_pretrained(tmp_path / "vae")
    inputs = inputs_of(dtype, images=normal(2, 3, 16, 16).tanh(), latents=normal(2, 4, 5, 4, seed=1))

    def peer(compute):
        network.to(compute)
        return {
            "moments": network.encode(inputs["images"].to(compute)).latent_dist.parameters,
            "images": network.decode(inputs["latents"].to(compute)).sample,
        }

    with torch.no_grad():
        theirs, exact = peer(dtype), peer(torch.float64)
    ours = run("autoencoder_in_half", tmp_path / "vae", inputs, tmp_path)
    compare(ours, theirs, exact, dtype, record_property)


@DTYPES
def test_gradient_of_a_training_loss(dtype, tmp_path, record_property):
    text = randomize(CLIPTextModel(CLIPTextConfig(**TEXT, hidden_act="quick_gelu"))).to(dtype)
    unet = randomize(UNet2DConditionModel(**{**UNET, **UNETS["stable diffusion"]})).to(dtype)
    scheduler = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    text.save_pretrained(tmp_path / "model" / "text_encoder")
    unet.save_pretrained(tmp_path / "model" / "unet")
    scheduler.save_pretrained(tmp_path / "model" / "scheduler")
    ids, _ = text_ids(11)
    ids[:, 2] = TEXT["vocab_size"]
    inputs = inputs_of(
        dtype,
        vectors=normal(1, 24, seed=5),
        ids=ids,
        latents=normal(3, 4, 8, 8, seed=6),
        noise=normal(3, 4, 8, 8, seed=7),
        timesteps=torch.tensor([20, 510, 950]),
        scale=1024.0 if dtype == torch.float16 else 1.0,
    )
    table = text.get_input_embeddings().weight.detach()

    def peer(compute):
        rows = torch.cat([table, inputs["vectors"].to(dtype)]).to(compute)
        text.to(compute).set_input_embeddings(torch.nn.Embedding.from_pretrained(rows, freeze=False))
        noisy = scheduler.add_noise(inputs["latents"], inputs["noise"], inputs["timesteps"]).to(compute)
        predicted = unet.to(compute)(noisy, inputs["timesteps"], text(ids).last_hidden_state).sample
        wide = torch.float64 if compute == torch.float64 else torch.float32
        loss = torch.nn.functional.mse_loss(predicted.to(wide), inputs["noise"].to(wide))
        (loss * inputs["scale"]).backward()
        gradient = text.get_input_embeddings().weight.grad[len(table) :] / inputs["scale"]
        return {"loss": loss.detach(), "gradient": gradient.clone()}

    theirs, exact = peer(dtype), peer(torch.float64)
    ours = run("gradient_in_half", tmp_path / "model", inputs, tmp_path)
    record_property("loss", exact["loss"].item())
    # The loss averages over so many numbers that its own error is a matter of luck.
    assert distance(ours.pop("loss"), exact.pop("loss")) < 10 * torch.finfo(dtype).eps
    compare(ours, theirs, exact, dtype, record_property, as_wide=True)

"""AdamW steps as torch.optim.AdamW does, Prodigy as its authors' package, and the concept's vectors get the gradient that autograd gives the peers."""

import pytest
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from peers import compare, normal, randomize, run, take_alphas, take_sinusoids
from prodigyopt import Prodigy
from toy_models import clip_text, ldm_bert

OPTIONS = {
    "default": dict(learning_rate=5e-3, beta_first=0.9, beta_second=0.999, epsilon=1e-8, weight_decay=1e-2),
    "other betas": dict(learning_rate=0.1, beta_first=0.5, beta_second=0.9, epsilon=1e-3, weight_decay=0.3),
    "no decay, no momentum": dict(
        learning_rate=1e-2, beta_first=0.0, beta_second=0.99, epsilon=1e-8, weight_decay=0.0
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_adamw(name, tmp_path, record_property):
    options = OPTIONS[name]
    start = normal(2, 24).double()
    # Sizes from 1e-6 to 1e3, and a gradient that is zero at times.
    gradients = normal(50, 2, 24, seed=1).double() * torch.logspace(-6, 3, 24, dtype=torch.float64)
    gradients[::7, 0] = 0.0
    parameter = start.clone().requires_grad_()
    optimizer = torch.optim.AdamW(
        [parameter],
        lr=options["learning_rate"],
        betas=(options["beta_first"], options["beta_second"]),
        eps=options["epsilon"],
        weight_decay=options["weight_decay"],
    )
    expected = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        expected.append(parameter.detach().clone())
    ours = run("adamw", tmp_path, {"start": start, "gradients": gradients, **options}, tmp_path, double=True)
    compare(ours, {"parameters": torch.stack(expected)}, 1e-12, name, record_property)


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_prodigy(weight_decay, tmp_path, record_property):
    """With the settings that its authors advise for diffusion models, a warm-up from a rate of 0, and gradients that vanish at first."""
    steps = 100
    starts = [normal(2, 24).double(), normal(5, seed=2).double()]
    targets = [normal(2, 24, seed=3).double(), normal(5, seed=4).double()]
    noise = [0.1 * normal(steps, *start.shape, seed=5 + i).double() for i, start in enumerate(starts)]
    rates = torch.cat([torch.linspace(0, 1, 10), torch.ones(steps - 10)]).double()
    parameters = [start.clone().requires_grad_() for start in starts]
    optimizer = Prodigy(parameters, lr=1.0, weight_decay=weight_decay, use_bias_correction=True, safeguard_warmup=True)
    gradients, expected, distances = [[], []], [[], []], []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rates[step].item()
        for i, parameter in enumerate(parameters):
            gradient = parameter.detach() - targets[i] + noise[i][step] if step > 1 else torch.zeros_like(parameter)
            parameter.grad = gradient.clone()
            gradients[i].append(gradient)
        optimizer.step()
        for i, parameter in enumerate(parameters):
            expected[i].append(parameter.detach().clone())
        distances.append(optimizer.param_groups[0]["d"])
    assert distances[-1] > 1000 * distances[0], "the estimate has grown"
    inputs = {"rates": rates, "weight_decay": weight_decay}
    inputs |= {f"start_{i}": start for i, start in enumerate(starts)} | {f"gradients_{i}": torch.stack(gradients[i]) for i in range(2)}
    ours = run("prodigy", tmp_path, inputs, tmp_path, double=True)
    theirs = {str(i): torch.stack(expected[i]) for i in range(2)} | {"distances": torch.tensor(distances, dtype=torch.float64)}
    compare(ours, theirs, 1e-10, f"weight decay {weight_decay}", record_property)


TEXT_ENCODERS = {"text_encoder": clip_text, "bert": ldm_bert}


@pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("encoder", TEXT_ENCODERS)
def test_gradient_of_the_concept(encoder, prediction, double, tmp_path, record_property):
    vocabulary, width = 50, 24
    text = TEXT_ENCODERS[encoder](vocabulary, 9)
    unet = randomize(
        UNet2DConditionModel(
            block_out_channels=(16, 32),
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            attention_head_dim=4,
            cross_attention_dim=width,
            norm_num_groups=8,
        )
    )
    scheduler = DDPMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, prediction_type=prediction
    )
    for network, name in [(text, encoder), (unet, "unet"), (scheduler, "scheduler")]:
        network.save_pretrained(tmp_path / "model" / name)

    # Two vectors of a concept: the first stands twice in one prompt, and in another not at all.
    ids = torch.randint(2, vocabulary, (3, 9), generator=torch.Generator().manual_seed(4))
    ids[0, 2], ids[0, 5], ids[1, 3], ids[1, 4] = vocabulary, vocabulary, vocabulary, vocabulary + 1
    ids[2, 1] = vocabulary + 1
    dtype = torch.float64 if double else torch.float32
    inputs = {
        "vectors": normal(2, width, seed=5),
        "ids": ids,
        "latents": normal(3, 4, 8, 8, seed=6),
        "noise": normal(3, 4, 8, 8, seed=7),
        "timesteps": torch.tensor([20, 510, 950]),
    }
    ours = run("concept_gradient", tmp_path / "model", inputs, tmp_path, double)
    take_sinusoids(unet, inputs["timesteps"], ours["sinusoids"])
    take_alphas(scheduler, ours["alphas"])

    # As the peers' training scripts do it: rows that are added to the token embedding.
    table = text.to(dtype).get_input_embeddings()
    rows = torch.cat([table.weight.detach(), inputs["vectors"].to(dtype)])
    text.set_input_embeddings(torch.nn.Embedding.from_pretrained(rows, freeze=False))
    latents, noise = inputs["latents"].to(dtype), inputs["noise"].to(dtype)
    noisy = scheduler.add_noise(latents, noise, inputs["timesteps"])
    predicted = unet.to(dtype)(noisy, inputs["timesteps"], text(ids)[0]).sample
    velocity = scheduler.get_velocity(latents, noise, inputs["timesteps"])
    loss = torch.nn.functional.mse_loss(predicted, noise if prediction == "epsilon" else velocity)
    loss.backward()
    expected = {"loss": loss, "gradient": text.get_input_embeddings().weight.grad[vocabulary:]}
    # diffusers casts its fp32 schedule to the latents' precision before it takes roots, as we do.
    compare(ours, expected, 1e-10 if double else 1e-5, f"{encoder}, {prediction}", record_property)

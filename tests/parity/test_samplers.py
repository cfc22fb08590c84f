"""Noising and DDIM sampling give what diffusers' schedulers give."""

import itertools

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from peers import compare, normal, randomise, run

SHAPE = (3, 4, 5, 6)


def put(schedulers, folder):
    """A directory with one scheduler a subdirectory."""
    for name, scheduler in schedulers.items():
        scheduler.save_pretrained(folder / name)
    return folder


BETAS = {
    "linear": dict(beta_schedule="linear", beta_start=1e-4, beta_end=0.02),
    "stable diffusion": dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012),
    "latent diffusion": dict(beta_schedule="scaled_linear", beta_start=0.0015, beta_end=0.0195),
    "squared cosine": dict(beta_schedule="squaredcos_cap_v2"),
    "given": dict(trained_betas=[0.1, 0.2, 0.3, 0.4]),
    "few steps": dict(beta_schedule="scaled_linear", num_train_timesteps=50),
}


def test_forward_process(tmp_path, record_property):
    latents, noise = normal(*SHAPE), normal(*SHAPE, seed=1)
    schedulers = {
        f"{name}, {prediction}": DDPMScheduler(prediction_type=prediction, **config)
        for name, config in BETAS.items()
        for prediction in ["epsilon", "v_prediction", "sample"]
    }
    for steps in [torch.tensor([0, 2, 3]), torch.tensor([10, 30, 49]), torch.tensor([500, 998, 999])]:
        chosen = {name: scheduler for name, scheduler in schedulers.items() if len(scheduler.betas) > steps.max()}
        folder = put(chosen, tmp_path / f"to {steps.max()}")
        inputs = {"latents": latents, "noise": noise, "timesteps": steps}
        ours = run("forward_process", folder, inputs, tmp_path)
        targets = {}
        for name, scheduler in chosen.items():
            targets[f"{name}.noisy"] = scheduler.add_noise(latents, noise, steps)
            targets[f"{name}.target"] = {
                "epsilon": noise,
                "v_prediction": scheduler.get_velocity(latents, noise, steps),
                "sample": latents,
            }[scheduler.config.prediction_type]
        assert ours.keys() == targets.keys()
        compare(ours, targets, 1e-6, f"to {steps.max()}", record_property)


@pytest.mark.parametrize("trained", [1000, 77])
def test_timesteps_for_every_number_of_steps(trained, tmp_path):
    schedulers = {
        f"{spacing} {offset}": DDIMScheduler(
            num_train_timesteps=trained, timestep_spacing=spacing, steps_offset=offset
        )
        for spacing, offset in [("leading", 0), ("leading", 1), ("linspace", 0), ("trailing", 0)]
    }
    put(schedulers, tmp_path / "schedulers")
    # With an offset, as many steps as were trained would begin beyond the last.
    counts = torch.arange(1, trained)
    ours = run("ddim_timesteps", tmp_path / "schedulers", {"counts": counts}, tmp_path)
    for name, scheduler in schedulers.items():
        end = 0
        for count in counts.tolist():
            scheduler.set_timesteps(count)
            begin, end = end, end + count
            # numpy.arange counts a step more where the stride is rounded down; it would lie before the first.
            theirs = scheduler.timesteps.tolist()
            assert theirs[count:] in ([], [-1]), (name, count)
            assert ours[name][begin:end].tolist() == theirs[:count], (name, count)
        assert end == len(ours[name])


DDIM = {
    "prediction_type": ["epsilon", "v_prediction", "sample"],
    "timestep_spacing": ["leading", "trailing", "linspace"],
    "steps_offset": [0, 1],
    "set_alpha_to_one": [True, False],
    "clip_sample": [True, False],
}


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_ddim_of_every_configuration(eta, tmp_path, record_property):
    """The whole trajectory for given predictions and noises."""
    schedulers = {}
    for values in itertools.product(*DDIM.values()):
        config = dict(zip(DDIM, values))
        schedulers[",".join(map(str, values))] = DDIMScheduler(
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample_range=1.5, **config
        )
    put(schedulers, tmp_path / "schedulers")
    steps = 12  # does not divide 1000
    inputs = {
        "sample": normal(*SHAPE),
        "predictions": normal(steps, *SHAPE, seed=1),
        "noises": normal(steps, *SHAPE, seed=2),
        "eta": eta,
    }
    ours = run("ddim_steps", tmp_path / "schedulers", inputs, tmp_path)
    expected = {}
    for name, scheduler in schedulers.items():
        scheduler.set_timesteps(steps)
        sample, samples = inputs["sample"], []
        for i, t in enumerate(scheduler.timesteps):
            noise = inputs["noises"][i] if eta else None
            sample = scheduler.step(inputs["predictions"][i], t, sample, eta=eta, variance_noise=noise).prev_sample
            samples.append(sample)
        expected[name] = torch.stack(samples)
    assert len(expected) == 72 and ours.keys() == expected.keys()
    compare(ours, expected, 1e-5, f"eta {eta}", record_property)


TRAJECTORIES = {
    "deterministic": dict(scale=7.5, eta=0.0, steps_offset=1, set_alpha_to_one=False),
    "noisy": dict(scale=7.5, eta=1.0, steps_offset=1, set_alpha_to_one=False),
    "velocity, trailing": dict(scale=3.0, eta=0.0, prediction_type="v_prediction", timestep_spacing="trailing"),
    "unguided": dict(scale=1.0, eta=0.0, timestep_spacing="linspace"),
    "against the text": dict(scale=-0.5, eta=0.5),
}


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_guided_trajectory(name, tmp_path, record_property):
    config = dict(TRAJECTORIES[name])
    scale, eta, steps = config.pop("scale"), config.pop("eta"), 10
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        attention_head_dim=2,
        cross_attention_dim=12,
        norm_num_groups=4,
    )
    unet = randomise(unet)
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False, **config
    )
    unet.save_pretrained(tmp_path / "model" / "unet")
    scheduler.save_pretrained(tmp_path / "model" / "scheduler")
    inputs = {
        "latents": normal(2, 4, 8, 8),
        "context": normal(2, 5, 12, seed=1),
        "empty_context": normal(2, 5, 12, seed=2),
        "noises": normal(steps, 2, 4, 8, 8, seed=3),
        "scale": scale,
        "eta": eta,
    }
    scheduler.set_timesteps(steps)
    latents = inputs["latents"]
    with torch.no_grad():
        for i, t in enumerate(scheduler.timesteps):
            without = unet(latents, t, inputs["empty_context"]).sample
            predicted = without + scale * (unet(latents, t, inputs["context"]).sample - without)
            noise = inputs["noises"][i] if eta else None
            latents = scheduler.step(predicted, t, latents, eta=eta, variance_noise=noise).prev_sample
    ours = run("ddim", tmp_path / "model", inputs, tmp_path)
    compare(ours, {"latents": latents}, 1e-5, name, record_property)

"""Noising and sampling (DDIM, PNDM, DPM-Solver++ 2M, Euler, Euler ancestral) give what diffusers' schedulers give."""

import contextlib
import itertools
import json
import random

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    UNet2DConditionModel,
)
from diffusers.schedulers import (
    scheduling_dpmsolver_multistep,
    scheduling_euler_ancestral_discrete,
    scheduling_euler_discrete,
)
from peers import compare, error, normal, randomize, run, take_alphas

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


STABLE_DIFFUSION = BETAS["stable diffusion"]


def test_forward_process(tmp_path, record_property):
    latents, noise = normal(*SHAPE), normal(*SHAPE, seed=1)
    schedulers = {
        f"{name}, {prediction}": DDPMScheduler(prediction_type=prediction, **config)
        for name, config in BETAS.items()
        for prediction in ["epsilon", "v_prediction", "sample"]
    }
    for prediction in ["v_prediction", "sample"]:
        schedulers[f"no signal at the end, {prediction}"] = DDPMScheduler(
            prediction_type=prediction, rescale_betas_zero_snr=True, **STABLE_DIFFUSION
        )
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


SPACINGS = [("leading", 0), ("leading", 1), ("linspace", 0), ("trailing", 0)]


def counts_of_steps(kind, trained):
    """The least and the greatest number of steps that work with every spacing and an offset of 1."""
    if kind == "Runge-Kutta":
        return torch.arange(4, trained)
    return torch.arange(1, trained if kind != "dpm++" else trained - 1)


KINDS = {
    "ddim": (DDIMScheduler, {}),
    "pndm": (PNDMScheduler, {"skip_prk_steps": True}),
    "Runge-Kutta": (PNDMScheduler, {"skip_prk_steps": False}),
    "dpm++": (DPMSolverMultistepScheduler, {}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler-a": (EulerAncestralDiscreteScheduler, {}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trained", [1000, 77])
def test_timesteps_for_every_number_of_steps(trained, kind, tmp_path):
    scheduler_class, config = KINDS[kind]
    schedulers = {
        f"{spacing} {offset}": scheduler_class(
            num_train_timesteps=trained, timestep_spacing=spacing, steps_offset=offset, **config
        )
        for spacing, offset in SPACINGS
    }
    put(schedulers, tmp_path / "schedulers")
    counts = counts_of_steps(kind, trained)
    ours = run("sampler_timesteps", tmp_path / "schedulers", {"counts": counts}, tmp_path)
    evaluations_more = {"pndm": 1, "Runge-Kutta": 9}.get(kind, 0)
    for name, scheduler in schedulers.items():
        end = 0
        for count in counts.tolist():
            scheduler.set_timesteps(count)
            visited = count + (0 if count == 1 else evaluations_more)
            begin, end = end, end + visited
            # numpy.arange counts a step more where the stride is rounded down; it would lie before the first.
            theirs = scheduler.timesteps.tolist()
            assert theirs[visited:] in ([], [-1]), (name, count)
            assert ours[name][begin:end].tolist() == theirs[:visited], (name, count)
        assert end == len(ours[name])


def test_timesteps_of_karras_levels(tmp_path):
    scheduler = DPMSolverMultistepScheduler(use_karras_sigmas=True, **STABLE_DIFFUSION)
    put({"karras": scheduler}, tmp_path / "schedulers")
    # Beyond 800 steps a few of the rounded timesteps lie so near half-way that the last digit of a logarithm decides.
    counts = torch.arange(1, 801)
    ours = run("sampler_timesteps", tmp_path / "schedulers", {"counts": counts}, tmp_path)["karras"]
    end = 0
    for count in counts.tolist():
        scheduler.set_timesteps(count)
        begin, end = end, end + count
        assert ours[begin:end].tolist() == scheduler.timesteps.tolist(), count


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_timesteps_of_karras_levels_of_euler(spacing, tmp_path):
    """They have fractions: a digit of a logarithm moves a timestep by less than 1e-3."""
    scheduler = EulerDiscreteScheduler(use_karras_sigmas=True, timestep_spacing=spacing, **STABLE_DIFFUSION)
    put({"karras": scheduler}, tmp_path / "schedulers")
    counts = torch.tensor([1, 2, 3, 7, 20, 50, 250, 999])
    ours = run("sampler_timesteps", tmp_path / "schedulers", {"counts": counts}, tmp_path)["karras"]
    end = 0
    for count in counts.tolist():
        scheduler.set_timesteps(count)
        begin, end = end, end + count
        assert (ours[begin:end] - scheduler.timesteps).abs().max() < 1e-3, count


def configurations(choices, **fixed):
    for values in itertools.product(*choices.values()):
        yield ",".join(map(str, values)), {**dict(zip(choices, values)), **fixed}


class TorchInDouble:
    """Some schedulers of diffusers round every sample to float32 by name: this name means float64."""

    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


@contextlib.contextmanager
def schedulers_in(dtype, noises):
    """The schedulers compute in a precision, and the ancestral one, which takes no noise, draws `noises` one after the other."""
    modules = [scheduling_dpmsolver_multistep, scheduling_euler_discrete, scheduling_euler_ancestral_discrete]
    with pytest.MonkeyPatch.context() as patch:
        if dtype == torch.float64:
            for module in modules:
                patch.setattr(module, "torch", TorchInDouble())
        drawn = iter(noises)
        patch.setattr(scheduling_euler_ancestral_discrete, "randn_tensor", lambda *_, **__: next(drawn))
        yield


def in_double(scheduler, name, ours):
    """After `set_timesteps`: the numbers of the schedule, which are fp32 on both sides (Karras' sigmas on the peer's),
    as ours in float64, so that they do not hide everything else."""
    take_alphas(scheduler, ours[f"{name}.alphas"].float())
    scheduler.alphas_cumprod = ours[f"{name}.alphas"]
    if hasattr(scheduler, "final_alpha_cumprod"):
        one = torch.tensor(1.0, dtype=torch.float64)
        scheduler.final_alpha_cumprod = one if scheduler.config.set_alpha_to_one else scheduler.alphas_cumprod[0]
    if f"{name}.sigmas" in ours:
        assert error(ours[f"{name}.sigmas"].float(), scheduler.sigmas) < 1e-6
        scheduler.sigmas = ours[f"{name}.sigmas"]


def check_steps(schedulers, steps, folder, record_property, eta=None):
    """The whole trajectory for given predictions, and noises where there is an eta. Every step counts by itself: the
    samples become large where nothing keeps them near the predictions."""
    put(schedulers, folder / "schedulers")
    rows = steps + 9
    inputs = {
        "sample": normal(*SHAPE),
        "predictions": normal(rows, *SHAPE, seed=1),
        "noises": normal(rows, *SHAPE, seed=2),
        "steps": steps,
    }
    if eta is not None:
        inputs["eta"] = eta
    for dtype, tolerance in [(torch.float32, 1e-5), (torch.float64, 1e-12)]:
        ours = run("sampler_steps", folder / "schedulers", inputs, folder, double=dtype == torch.float64)
        expected = {}
        for name, scheduler in schedulers.items():
            for i, sample in enumerate(peer_steps(scheduler, name, steps, inputs, eta, dtype, ours)):
                expected[f"{name}, step {i}"] = sample
            ours |= {f"{name}, step {i}": sample for i, sample in enumerate(ours.pop(name))}
        assert {name for name in ours if not name.endswith((".alphas", ".sigmas"))} == expected.keys()
        compare(ours, expected, tolerance, f"{steps} steps, {dtype}", record_property)


def peer_steps(scheduler, name, steps, inputs, eta, dtype, ours):
    scheduler.set_timesteps(steps)
    given = {part: inputs[part].to(dtype) for part in ["sample", "predictions", "noises"]}
    sample, options = given["sample"], {} if eta is None else {"eta": eta}
    if dtype == torch.float64:
        in_double(scheduler, name, ours)
    with schedulers_in(dtype, given["noises"]):
        for i, t in enumerate(scheduler.timesteps):
            if eta:
                options["variance_noise"] = given["noises"][i]
            sample = scheduler.step(given["predictions"][i], t, sample, **options).prev_sample
            yield sample


DDIM = {
    "prediction_type": ["epsilon", "v_prediction", "sample"],
    "timestep_spacing": ["leading", "trailing", "linspace"],
    "steps_offset": [0, 1],
    "set_alpha_to_one": [True, False],
    "clip_sample": [True, False],
}


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_ddim_of_every_configuration(eta, tmp_path, record_property):
    schedulers = {
        name: DDIMScheduler(clip_sample_range=1.5, **STABLE_DIFFUSION, **config)
        for name, config in configurations(DDIM)
    }
    assert len(schedulers) == 72
    # 12 does not divide 1000
    check_steps(schedulers, 12, tmp_path, record_property, eta=eta)


PNDM = {
    "skip_prk_steps": [True, False],
    "prediction_type": ["epsilon", "v_prediction"],
    "timestep_spacing": ["leading", "trailing", "linspace"],
    "steps_offset": [0, 1],
    "set_alpha_to_one": [True, False],
}


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 12])
def test_pndm_of_every_configuration(steps, tmp_path, record_property):
    schedulers = {
        name: PNDMScheduler(**STABLE_DIFFUSION, **config)
        for name, config in configurations(PNDM)
        if config["skip_prk_steps"] or steps >= 4
    }
    assert len(schedulers) == (48 if steps >= 4 else 24)
    check_steps(schedulers, steps, tmp_path, record_property)


DPM = {
    "prediction_type": ["epsilon", "v_prediction", "sample"],
    "timestep_spacing": ["leading", "trailing", "linspace"],
    "steps_offset": [0, 1],
    "solver_order": [1, 2],
    "solver_type": ["midpoint", "heun"],
    "lower_order_final": [True, False],
    "euler_at_final": [True, False],
    "final_sigmas_type": ["zero", "sigma_min"],
    "use_karras_sigmas": [True, False],
}


@pytest.mark.parametrize("steps", [1, 2, 7, 20])
def test_dpm_solver_of_many_configurations(steps, tmp_path, record_property):
    """250 of 1,152."""
    chosen = random.Random(steps).sample(list(configurations(DPM)), 250)
    schedulers = {name: DPMSolverMultistepScheduler(**STABLE_DIFFUSION, **config) for name, config in chosen}
    # With the least level at the end, Karras' last step is of no length, and the published Heun step divides by it.
    for name, config in chosen:
        if config["use_karras_sigmas"] and config["final_sigmas_type"] == "sigma_min":
            schedulers[name].register_to_config(solver_type="midpoint")
    check_steps(schedulers, steps, tmp_path, record_property)


EULER = {
    "prediction_type": ["epsilon", "v_prediction", "sample"],
    "timestep_spacing": ["leading", "trailing", "linspace"],
    "steps_offset": [0, 1],
    "final_sigmas_type": ["zero", "sigma_min"],
    "use_karras_sigmas": [True, False],
}

EULER_ANCESTRAL = {
    "prediction_type": ["epsilon", "v_prediction"],
    "timestep_spacing": ["leading", "trailing", "linspace"],
    "steps_offset": [0, 1],
}


@pytest.mark.parametrize("steps", [1, 2, 12, 50])
def test_euler_of_every_configuration(steps, tmp_path, record_property):
    schedulers = {
        name: EulerDiscreteScheduler(**STABLE_DIFFUSION, **config) for name, config in configurations(EULER)
    }
    for name, config in configurations(EULER_ANCESTRAL):
        schedulers[f"ancestral,{name}"] = EulerAncestralDiscreteScheduler(**STABLE_DIFFUSION, **config)
    assert len(schedulers) == 72 + 12
    check_steps(schedulers, steps, tmp_path, record_property)


@pytest.mark.parametrize("betas", BETAS)
def test_every_schedule(betas, tmp_path, record_property):
    config = BETAS[betas]
    trained = len(config["trained_betas"]) if "trained_betas" in config else 50
    steps = {"few steps": 9, "given": 3}.get(betas, 25)
    schedulers = {
        "ddim": DDIMScheduler(clip_sample=False, **config),
        "pndm": PNDMScheduler(skip_prk_steps=True, **config),
        "dpm++": DPMSolverMultistepScheduler(**config),
        "euler": EulerDiscreteScheduler(**config),
        "euler-a": EulerAncestralDiscreteScheduler(**config),
    }
    if trained == 4:
        # diffusers takes num_train_timesteps for the number of steps, even if there are other betas.
        for scheduler in schedulers.values():
            scheduler.register_to_config(num_train_timesteps=trained)
    check_steps(schedulers, steps, tmp_path, record_property)


def test_no_signal_at_the_end(tmp_path, record_property):
    choices = {"prediction_type": ["v_prediction", "sample"], "timestep_spacing": ["leading", "trailing", "linspace"]}
    schedulers = {}
    for name, config in configurations(choices, rescale_betas_zero_snr=True, **STABLE_DIFFUSION):
        schedulers[f"ddim,{name}"] = DDIMScheduler(clip_sample=False, **config)
        schedulers[f"dpm++,{name}"] = DPMSolverMultistepScheduler(**config)
        schedulers[f"euler,{name}"] = EulerDiscreteScheduler(**config)
        if config["prediction_type"] != "sample":
            schedulers[f"euler-a,{name}"] = EulerAncestralDiscreteScheduler(**config)
    check_steps(schedulers, 10, tmp_path, record_property)


METHODS = [
    DDIMScheduler,
    PNDMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    EulerAncestralDiscreteScheduler,
]


@pytest.mark.parametrize("theirs", METHODS)
@pytest.mark.parametrize("saved_by", METHODS)
def test_a_method_takes_its_options_from_the_file_of_another(saved_by, theirs, tmp_path, record_property):
    put({"scheduler": saved_by(**STABLE_DIFFUSION)}, tmp_path / "schedulers")
    # diffusers writes a value that JSON does not have.
    written = (tmp_path / "schedulers" / "scheduler" / "scheduler_config.json").read_text()
    assert ("-Infinity" in written) == (saved_by is DPMSolverMultistepScheduler)
    steps = 6
    inputs = {
        "sample": normal(*SHAPE),
        "predictions": normal(steps + 9, *SHAPE, seed=1),
        "noises": normal(steps + 9, *SHAPE, seed=2),
        "steps": steps,
        "method": METHODS.index(theirs),
    }
    ours = run("sampler_steps", tmp_path / "schedulers", inputs, tmp_path)
    scheduler = theirs.from_config(json.loads(written))
    scheduler.set_timesteps(steps)
    sample, samples = inputs["sample"], []
    with schedulers_in(torch.float32, inputs["noises"]):
        for prediction, t in zip(inputs["predictions"], scheduler.timesteps):
            sample = scheduler.step(prediction, t, sample).prev_sample
            samples.append(sample)
    compare(ours, {"scheduler": torch.stack(samples)}, 1e-5, f"{saved_by.__name__}", record_property)


TRAJECTORIES = {
    "deterministic": dict(scale=7.5, eta=0.0, steps_offset=1, set_alpha_to_one=False),
    "noisy": dict(scale=7.5, eta=1.0, steps_offset=1, set_alpha_to_one=False),
    "velocity, trailing": dict(scale=3.0, eta=0.0, prediction_type="v_prediction", timestep_spacing="trailing"),
    "unguided": dict(scale=1.0, eta=0.0, timestep_spacing="linspace"),
    "against the text": dict(scale=-0.5, eta=0.5),
    "pndm": dict(kind=PNDMScheduler, scale=7.5, skip_prk_steps=True, steps_offset=1),
    "pndm, velocity": dict(kind=PNDMScheduler, scale=3.0, skip_prk_steps=True, prediction_type="v_prediction"),
    "pndm, Runge-Kutta": dict(kind=PNDMScheduler, scale=7.5),
    "dpm++": dict(kind=DPMSolverMultistepScheduler, scale=7.5),
    "dpm++, Karras": dict(kind=DPMSolverMultistepScheduler, scale=7.5, use_karras_sigmas=True),
    "dpm++, Heun": dict(
        kind=DPMSolverMultistepScheduler, scale=3.0, solver_type="heun", timestep_spacing="leading", steps_offset=1
    ),
    "dpm++, velocity": dict(
        kind=DPMSolverMultistepScheduler, scale=2.0, prediction_type="v_prediction", timestep_spacing="trailing"
    ),
    "euler": dict(kind=EulerDiscreteScheduler, scale=7.5, timestep_spacing="leading", steps_offset=1),
    "euler, fractions": dict(kind=EulerDiscreteScheduler, scale=5.0),
    "euler, Karras": dict(kind=EulerDiscreteScheduler, scale=5.0, use_karras_sigmas=True, final_sigmas_type="sigma_min"),
    "euler, velocity": dict(
        kind=EulerDiscreteScheduler, scale=3.0, prediction_type="v_prediction", timestep_spacing="trailing"
    ),
    "ancestral": dict(kind=EulerAncestralDiscreteScheduler, scale=7.5, timestep_spacing="leading", steps_offset=1),
    "ancestral, velocity": dict(kind=EulerAncestralDiscreteScheduler, scale=2.0, prediction_type="v_prediction"),
}


def test_guided_trajectories(tmp_path, record_property):
    """In float64, because a UNet with random weights amplifies rounding errors from step to step."""
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        attention_head_dim=2,
        cross_attention_dim=12,
        norm_num_groups=4,
    )
    unet = randomize(unet)
    unet.save_pretrained(tmp_path / "unet")
    unet.double()
    steps = 10
    inputs = {
        "latents": normal(2, 4, 8, 8),
        "context": normal(2, 5, 12, seed=1),
        "empty_context": normal(2, 5, 12, seed=2),
        "noises": normal(steps + 9, 2, 4, 8, 8, seed=3),
        "steps": steps,
    }
    double = {name: value.double() for name, value in inputs.items() if torch.is_tensor(value)}
    schedulers = {}
    for name, config in TRAJECTORIES.items():
        config = {**config, **STABLE_DIFFUSION}
        kind, scale, eta = config.pop("kind", DDIMScheduler), config.pop("scale"), config.pop("eta", 0.0)
        schedulers[name] = kind(**config, **({"clip_sample": False} if kind is DDIMScheduler else {}))
        schedulers[name].save_pretrained(tmp_path / "schedulers" / name)
        schedulers[name].set_timesteps(steps)
        inputs |= {f"{name}.scale": scale, f"{name}.eta": eta}
    ours = run("trajectories", tmp_path, inputs, tmp_path, double=True)
    expected = {}
    for name, scheduler in schedulers.items():
        in_double(scheduler, name, ours)
        scale, eta = inputs[f"{name}.scale"], inputs[f"{name}.eta"]
        latents = double["latents"] * scheduler.init_noise_sigma
        sinusoids = iter(ours[f"{name}.sinusoids"])
        with torch.no_grad(), schedulers_in(torch.float64, double["noises"]):
            for i, t in enumerate(scheduler.timesteps):
                of_timestep = next(sinusoids).expand(2, -1)
                unet.time_proj.forward = lambda _, given=of_timestep: given
                taken = scheduler.scale_model_input(latents, t)
                without = unet(taken, t, double["empty_context"]).sample
                predicted = without + scale * (unet(taken, t, double["context"]).sample - without)
                options = {"eta": eta, "variance_noise": double["noises"][i]} if eta else {}
                latents = scheduler.step(predicted, t, latents, **options).prev_sample
        expected[name] = latents
    compare(ours, expected, 1e-10, "guided", record_property)

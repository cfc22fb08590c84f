"""What the comparisons of numbers share: random weights that show errors, running the trainer's side, and the measure."""

import subprocess

import torch
from paths import BIN
from safetensors.torch import load_file, save_file

PROGRAM = BIN / "parity_compute"


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def randomize(module, seed=0):
    """Gives every parameter a value that matters: libraries start norms at one, biases at zero, and many weights so small
    that a wrong layer would hardly show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() > 1:
                drawn *= 1.2 * parameter[0].numel() ** -0.5
            else:
                drawn = 0.3 * drawn + (0.0 if name.endswith("bias") else 1.0)
            parameter.copy_(drawn)
    return module.eval()


def run(network, model, inputs, folder, double=False):
    """The trainer's outputs for `inputs`: tensors, and numbers, which stay as they are in either precision."""
    tensors = {
        name: value.contiguous() if torch.is_tensor(value) else torch.tensor(value, dtype=torch.float64)
        for name, value in inputs.items()
    }
    save_file(tensors, folder / "inputs.safetensors")
    words = [PROGRAM, network, model, folder / "inputs.safetensors", folder / "outputs.safetensors"]
    result = subprocess.run(words + ["--double"] * double, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return load_file(folder / "outputs.safetensors")


def error(ours, theirs):
    """Largest difference over largest value."""
    theirs = theirs.detach()
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype, (ours.shape, theirs.shape, ours.dtype)
    assert theirs.isfinite().all()
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def take_sinusoids(unet, timesteps, ours):
    """Compares our sinusoids of the timesteps with the peer's UNet's, and has it go on with ours.

    They are fp32 whatever the networks compute in, and the last digit of a sine depends on the version of LibTorch: in
    the float64 comparisons it would hide everything else."""
    # The angles go up to 1000, where fp32 has four digits after the point.
    assert error(ours, unet.time_proj(timesteps)) < 1e-4
    unet.time_proj.forward = lambda _: ours


def take_sinusoids_of_sizes(unet, sizes, ours):
    """The same for the sizes of pictures, which go up to the thousands."""
    assert error(ours, unet.add_time_proj(sizes.flatten())) < 1e-3
    unet.add_time_proj.forward = lambda _: ours


def take_alphas(scheduler, ours):
    """The same for the products of a schedule's alphas: fp32, and a thousand factors."""
    assert error(ours, scheduler.alphas_cumprod) < 1e-6
    scheduler.alphas_cumprod = ours


def compare(ours, theirs, tolerance, what, record_property):
    """Every tensor of `theirs` equals ours of the same name; the errors are kept in the report of the run."""
    errors = {name: error(ours[name], tensor) for name, tensor in theirs.items()}
    for name, value in errors.items():
        record_property(f"{what}.{name}", value)
    wrong = {name: value for name, value in errors.items() if not value <= tolerance}
    assert not wrong, f"{what}: errors beyond {tolerance}: {wrong}"

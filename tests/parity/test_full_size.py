"""The published models' own sizes, once, in fp32 on random weights: networks and the gradient of a training step give what
the peers give, and it is written down what each side took. Needs 24 GiB of memory, 20 GB of disk and half an hour."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest
import torch
from paths import BUILD
from peers import PROGRAM, compare, normal
from safetensors.torch import load_file, save_file

PEER = pathlib.Path(__file__).with_name("full_size_peer.py")
FIGURES = BUILD / "full_size.json"
TOLERANCE = 1e-4
END = 49407


def measured(words):
    """Runs a program: what it printed, the seconds of wall clock and of processors that it took, and its peak memory."""
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (words, process.returncode)
    return output, {
        "wall_seconds": time.perf_counter() - start,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }


def model(family, tmp_path_factory):
    """The family's random model; kept in the folder of that name below DVAR_FULL_SIZE_MODELS if this is set."""
    kept = os.environ.get("DVAR_FULL_SIZE_MODELS")
    folder = pathlib.Path(kept) / family if kept else tmp_path_factory.mktemp("models") / family
    if not (folder / "scheduler").exists():  # the last that is made
        subprocess.run([sys.executable, "-B", PEER, "make", family, folder], check=True)
    yield folder
    if not kept:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory):
    yield from model("stable-diffusion", tmp_path_factory)


@pytest.fixture(scope="module")
def ldm(tmp_path_factory):
    yield from model("ldm", tmp_path_factory)


@pytest.fixture(scope="module")
def stable_diffusion_xl(tmp_path_factory):
    yield from model("stable-diffusion-xl", tmp_path_factory)


def run_both(ours, theirs, folder, inputs, tmp_path, record_property):
    """The peer first, then ours on the same inputs: one at a time, for the sake of memory."""
    save_file({name: tensor.contiguous() for name, tensor in inputs.items()}, tmp_path / "inputs.safetensors")
    words = [sys.executable, "-B", PEER, theirs, folder, tmp_path / "inputs.safetensors", tmp_path / "theirs.safetensors"]
    printed, their_figures = measured(words)
    # What Python takes to import the libraries is not the peer's.
    their_figures["own_seconds"] = json.loads(printed.splitlines()[-1])["seconds"]
    part = {"clip_text": "text_encoder", "ldm_bert": "bert", "unet": "unet", "autoencoder": "vae"}.get(ours, "")
    _, our_figures = measured(
        [PROGRAM, ours, folder / part, tmp_path / "inputs.safetensors", tmp_path / "ours.safetensors"]
    )
    found, expected = load_file(tmp_path / "ours.safetensors"), load_file(tmp_path / "theirs.safetensors")
    errors = {name: ((found[name] - t).abs().max() / t.abs().max()).item() for name, t in expected.items()}
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    figures[f"{folder.name} {ours}"] = {"ours": our_figures, "peer": their_figures, "errors": errors}
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    compare(found, expected, TOLERANCE, ours, record_property)


def clip_ids():
    """A caption with the concept's token, which comes behind the vocabulary, padded as CLIP's tokenizer does."""
    ids = torch.full((1, 77), END)
    ids[0, :7] = torch.tensor([49406, 320, 1125, 539, 320, 49408, 269])
    return ids


def test_text_encoder(stable_diffusion, tmp_path, record_property):
    ids = clip_ids().clamp(max=END)
    run_both("clip_text", "text_encoder", stable_diffusion, {"ids": ids}, tmp_path, record_property)


def test_unet(stable_diffusion, tmp_path, record_property):
    inputs = {"sample": normal(1, 4, 64, 64), "timesteps": torch.tensor([493]), "context": normal(1, 77, 768, seed=1)}
    run_both("unet", "unet", stable_diffusion, inputs, tmp_path, record_property)


def test_autoencoder(stable_diffusion, tmp_path, record_property):
    inputs = {"images": normal(1, 3, 512, 512).tanh(), "latents": normal(1, 4, 64, 64, seed=1)}
    run_both("autoencoder", "autoencoder", stable_diffusion, inputs, tmp_path, record_property)


def test_gradient_of_a_step(stable_diffusion, tmp_path, record_property):
    inputs = {
        "vectors": 0.03 * normal(1, 768, seed=2),
        "ids": clip_ids(),
        "latents": normal(1, 4, 64, 64, seed=3),
        "noise": normal(1, 4, 64, 64, seed=4),
        "timesteps": torch.tensor([510]),
    }
    run_both("concept_gradient", "concept_gradient", stable_diffusion, inputs, tmp_path, record_property)


def test_ldm_text_encoder(ldm, tmp_path, record_property):
    ids = torch.randint(0, 30522, (1, 77), generator=torch.Generator().manual_seed(5))
    run_both("ldm_bert", "text_encoder", ldm, {"ids": ids}, tmp_path, record_property)


def test_ldm_unet(ldm, tmp_path, record_property):
    inputs = {"sample": normal(1, 4, 32, 32), "timesteps": torch.tensor([493]), "context": normal(1, 77, 1280, seed=1)}
    run_both("unet", "unet", ldm, inputs, tmp_path, record_property)


def test_ldm_gradient_of_a_step(ldm, tmp_path, record_property):
    ids = torch.randint(0, 30522, (1, 77), generator=torch.Generator().manual_seed(5))
    ids[0, 4] = 30522  # the concept's token
    inputs = {
        "vectors": 0.03 * normal(1, 1280, seed=2),
        "ids": ids,
        "latents": normal(1, 4, 32, 32, seed=3),
        "noise": normal(1, 4, 32, 32, seed=4),
        "timesteps": torch.tensor([510]),
    }
    run_both("concept_gradient", "concept_gradient", ldm, inputs, tmp_path, record_property)


# The published UNet's own latents are 128 x 128; the peer keeps more for the gradient of those than 24 GiB hold.
SIZES_OF_XL = torch.tensor([[512, 512, 0, 0, 512, 512]])


def test_unet_of_xl(stable_diffusion_xl, tmp_path, record_property):
    inputs = {
        "sample": normal(1, 4, 128, 128),
        "timesteps": torch.tensor([493]),
        "context": normal(1, 77, 2048, seed=1),
        "pooled": normal(1, 1280, seed=2),
        "sizes": torch.tensor([[1024, 1024, 0, 0, 1024, 1024]]),
    }
    run_both("unet", "unet_of_xl", stable_diffusion_xl, inputs, tmp_path, record_property)


def test_gradient_of_a_step_of_xl(stable_diffusion_xl, tmp_path, record_property):
    second = clip_ids()
    second[0, 8:] = 0  # what the second tokenizer fills up with
    inputs = {
        "vectors": 0.03 * normal(1, 2048, seed=2),
        "ids": torch.cat([clip_ids(), second], dim=1),
        "end": torch.tensor([float(END)]),
        "latents": normal(1, 4, 64, 64, seed=3),
        "noise": normal(1, 4, 64, 64, seed=4),
        "timesteps": torch.tensor([510]),
        "sizes": SIZES_OF_XL,
    }
    run_both("concept_gradient", "concept_gradient_of_xl", stable_diffusion_xl, inputs, tmp_path, record_property)

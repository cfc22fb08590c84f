"""Files of torch.save are read as torch reads them, and nothing in them is ever called."""

import collections
import os
import pickle
import shutil
import subprocess
import sys
import types
import zipfile

import numpy
import pytest
import torch
from paths import DEMO, DVAR
from PIL import Image
from safetensors.torch import load_file
from test_safetensors import copy, every_kind

FORMS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])


def save(value, file, zipped=True):
    torch.save(value, file, _use_new_zipfile_serialization=zipped)


def copied(file):
    target = file.with_name(file.name + ".safetensors")
    assert copy((file, target)) == ["copied"]
    return load_file(target)


def refusal(file):
    (line,) = copy((file, file.with_name("never")))
    assert line.startswith(f"{file}: ") and not file.with_name("never").exists()
    return line


def expect_same(read, tensors):
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype and read[name].shape == tensor.shape, name
        assert numpy.array_equal(
            read[name].contiguous().view(torch.uint8).numpy() if tensor.dim() else read[name].reshape(1).view(torch.uint8).numpy(),
            tensor.detach().contiguous().view(torch.uint8).numpy() if tensor.dim() else tensor.reshape(1).view(torch.uint8).numpy(),
        ), name


@FORMS
@pytest.mark.parametrize("kind", [dict, collections.OrderedDict], ids=["dict", "OrderedDict"])
def test_every_type_and_shape(kind, zipped, tmp_path):
    tensors = every_kind()
    save(kind(tensors), tmp_path / "a.pt", zipped)
    expect_same(copied(tmp_path / "a.pt"), tensors)


@FORMS
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol(protocol, zipped, tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b" * 300: torch.tensor(1)}
    torch.save(tensors, tmp_path / "a.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    if not zipped and protocol != 2:
        assert "a Python pickle" in refusal(tmp_path / "a.pt")  # torch itself wrote protocol 2 alone, then
    else:
        expect_same(copied(tmp_path / "a.pt"), tensors)


@FORMS
def test_views_of_one_storage(zipped, tmp_path):
    whole = torch.arange(60.0).reshape(3, 4, 5)
    tensors = {
        "whole": whole, "turned": whole.permute(2, 0, 1), "every other": whole[:, ::2], "one": whole[2, 3, 4], "none": whole[3:],
        "expanded": whole[:1, :1, :1].expand(2, 3, 4), "tied": whole,
    }  # fmt: skip
    save(tensors, tmp_path / "a.pt", zipped)
    expect_same(copied(tmp_path / "a.pt"), tensors)


@FORMS
def test_modules_and_what_trainers_put_beside_them(zipped, tmp_path):
    """`state_dict` of a checkpoint is what counts, whatever else is there; a whole module gives what its state_dict would."""
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    lightning = types.ModuleType("pytorch_lightning")
    sys.modules["pytorch_lightning"] = lightning
    callback = type("ModelCheckpoint", (), {"__module__": "pytorch_lightning", "__qualname__": "ModelCheckpoint"})
    lightning.ModelCheckpoint = callback
    try:
        optimizer = torch.optim.AdamW(module.parameters())
        checkpoint = {
            "epoch": 3, "global_step": 470_000, "callbacks": {callback: {"best": numpy.float64(1.5)}},
            "state_dict": module.state_dict(), "optimizer_states": [optimizer.state_dict()], "when": torch.zeros(7),
        }  # fmt: skip
        save(checkpoint, tmp_path / "a.ckpt", zipped)
        save(module, tmp_path / "module.pt", zipped)
    finally:
        del sys.modules["pytorch_lightning"]
    expect_same(copied(tmp_path / "a.ckpt"), dict(module.state_dict()))
    expect_same(copied(tmp_path / "module.pt"), dict(module.state_dict()))
    said = subprocess.run([DVAR, "inspect", tmp_path / "a.ckpt"], capture_output=True, text=True)
    assert "# global_step = 470000" in said.stdout, said


@FORMS
@pytest.mark.parametrize("where", ["a value", "a key", "a state"])
def test_nothing_is_called(where, zipped, tmp_path):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'attacked'}",)

    class Carrier:
        def __reduce__(self):
            return collections.OrderedDict, (), {"state": Attack()}

    value = {"a value": {"t": Attack()}, "a key": {Attack(): torch.zeros(2)}, "a state": {"t": Carrier()}}[where]
    save(value, tmp_path / "a.pt", zipped)
    line = refusal(tmp_path / "a.pt")
    assert '"posix.system"; it was not called' in line or '"nt.system"; it was not called' in line
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize("name", ["builtins.eval", "builtins.getattr", "os.execv", "subprocess.Popen", "torch_of_mine.x", "runpy.run_path"])
def test_only_known_modules_are_named(name, tmp_path):
    module, function = name.rsplit(".", 1)
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02c" + f"{module}\n{function}\n".encode() + b".")
        archive.writestr("a/version", b"3\n")
    assert f'"{name}"' in refusal(tmp_path / "a.pt")


def test_archives_that_are_something_else(tmp_path):
    save({"a": torch.arange(1000)}, tmp_path / "good.pt")
    with zipfile.ZipFile(tmp_path / "good.pt") as old, zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert "compressed" in refusal(tmp_path / "packed.pt")
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "program.pt")
    assert "a TorchScript program" in refusal(tmp_path / "program.pt")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "expected tensors as torch.save writes them" in refusal(tmp_path / "other.zip")
    with open(tmp_path / "plain.pkl", "wb") as file:
        pickle.dump({"a": [1.0] * 10}, file, protocol=4)
    assert "a Python pickle that is not one of torch.save" in refusal(tmp_path / "plain.pkl")
    save({"a": torch.zeros(2).to_sparse()}, tmp_path / "sparse.pt")
    assert "sparse" in refusal(tmp_path / "sparse.pt")


@FORMS
def test_damaged_files_are_refused_or_read(zipped, tmp_path):
    """Whatever byte is changed, and wherever the file ends: one line, or tensors; never a crash."""
    save({"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.ones(4, dtype=torch.bool)}, tmp_path / "good", zipped)
    good = (tmp_path / "good").read_bytes()
    random = numpy.random.default_rng(1)
    files = []
    for trial in range(400):
        changed = bytearray(good)
        if trial % 4 == 0:
            changed = changed[: random.integers(len(good))]
        else:
            for _ in range(trial % 3 + 1):
                changed[random.integers(len(good) if trial % 2 else 400)] = random.integers(256)
        file = tmp_path / f"{trial}"
        file.write_bytes(changed)
        files.append((file, tmp_path / f"copy of {trial}"))
    lines = copy(*files)
    for (file, target), line in zip(files, lines):
        assert target.exists() if line == "copied" else line.startswith(f"{file}: ")
    assert sum(line != "copied" for line in lines) > 100


def dvar(*words):
    result = subprocess.run([DVAR, *map(str, words)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def draw(folder, *words):
    dvar("sample", *words, "--steps", 2, "--threads", 1, "--output", folder)
    return Image.open(folder / "000.png").tobytes()


def test_a_model_of_bin_files(tmp_path):
    model = shutil.copytree(DEMO / "model", tmp_path / "model")
    for name in ["text_encoder", "unet", "vae"]:
        (file,) = (model / name).glob("*.safetensors")
        bin_name = "pytorch_model.bin" if name == "text_encoder" else "diffusion_pytorch_model.bin"
        save(load_file(file), model / name / bin_name)
        file.unlink()
    words = ["--prompt", "a drawing of a cat"]
    assert draw(tmp_path / "ours", "--model", model, *words) == draw(tmp_path / "same", *words)


@FORMS
@pytest.mark.parametrize("form", ["diffusers", "A1111", "the first program"])
def test_pickled_embeddings(form, zipped, tmp_path):
    vectors = torch.randn(2, 160, generator=torch.Generator().manual_seed(3)) / 10
    if form == "diffusers":
        value, token = {"<frog>": vectors}, "<frog>"
    elif form == "A1111":
        value = {
            "string_to_token": {"*": 265}, "string_to_param": {"*": torch.nn.Parameter(vectors)}, "name": "<frog>", "step": 99,
            "sd_checkpoint": "abcd", "sd_checkpoint_name": "v1-5",
        }  # fmt: skip
        token = "<frog>"
    else:
        params = torch.nn.ParameterDict({"*": torch.nn.Parameter(vectors)})
        value, token = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": params}, "my-style"
    file = tmp_path / "my-style.pt"
    save(value, file, zipped)
    torch_form = tmp_path / "plain.pt"
    save({token: vectors}, torch_form)
    words = ["--prompt", f"a drawing of a {token}"]
    assert draw(tmp_path / "one", "--embedding", file, *words) == draw(tmp_path / "other", "--embedding", torch_form, *words)
    dvar(
        "train", "--images", DEMO / "concepts" / "frog", "--token", "<new>", "--vectors", 2, "--init", f"file:{file}",
        "--max-steps", 1, "--learning-rate", 1e-30, "--samples", 0, "--threads", 1, "--output", tmp_path / "run",
    )  # fmt: skip
    assert torch.equal(load_file(tmp_path / "run" / "learned_embeds.safetensors")["<new>"], vectors)

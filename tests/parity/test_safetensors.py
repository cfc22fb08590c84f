"""safetensors files go to and fro between the trainer and the Python package."""

import json
import struct
import subprocess

import numpy
import pytest
import torch
from paths import BIN
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

PROGRAM = BIN / "copy_safetensors"

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
]  # fmt: skip


def copy(*pairs):
    """What the program says of each copy: "copied", or why it refused the file."""
    paths = [path for pair in pairs for path in pair]
    result = subprocess.run([PROGRAM, *paths], capture_output=True)
    lines = result.stdout.decode().splitlines()
    assert len(lines) == len(pairs) and result.stderr == b""
    assert result.returncode == any(line != "copied" for line in lines)
    return lines


def every_kind():
    generator = torch.Generator().manual_seed(1)
    tensors = {}
    for dtype in DTYPES:
        for shape in [(), (0,), (1,), (3, 5), (2, 0, 4), (7, 1, 3, 2)]:
            values = torch.randint(-100, 100, shape, generator=generator)
            tensors[f"{str(dtype).removeprefix('torch.')}.{'x'.join(map(str, shape))}"] = values.to(dtype)
    tensors['a "näme"\twith / everything \u732b'] = torch.tensor([float("nan"), float("inf"), -0.0])
    return tensors


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_the_same_bytes_as_the_package(tmp_path, metadata):
    tensors = every_kind()
    save_file(tensors, tmp_path / "python", metadata=metadata)
    assert copy((tmp_path / "python", tmp_path / "ours")) == ["copied"]
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "python").read_bytes()


def test_the_package_reads_ours(tmp_path):
    tensors = every_kind()
    metadata = {"b": "ä\n", "a": '"', "format": "pt"}
    save_file(tensors, tmp_path / "python", metadata=metadata)
    assert copy((tmp_path / "python", tmp_path / "ours")) == ["copied"]
    ours = load_file(tmp_path / "ours")
    assert ours.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert ours[name].dtype == tensor.dtype and ours[name].shape == tensor.shape, name
        assert (
            ours[name].numpy(force=True).tobytes() == tensor.numpy(force=True).tobytes()
            if (tensor.dtype != torch.bfloat16)
            else torch.equal(ours[name], tensor)
        ), name
    with safe_open(tmp_path / "ours", "pt") as file:
        assert file.metadata() == metadata


def broken_files():
    """Bytes that the package refuses, by name."""

    def file(header, data=b"\0" * 8):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
        return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}

    good = file({"a": tensor()})
    return {
        "empty": b"",
        "short": good[:7],
        "cut header": good[:20],
        "cut data": good[:-1],
        "more data": good + b"\0",
        "length 2^63": struct.pack("<Q", 1 << 63) + good[8:],
        "length 2^64-1": b"\xff" * 8 + good[8:],
        "no JSON": file(b"hello"),
        "invalid UTF-8": file(b'{"\xff":1}'),
        "array": file([]),
        "unknown dtype": file({"a": tensor(dtype="F33")}),
        "negative size": file({"a": tensor(shape=[-2])}),
        "fractional size": file({"a": tensor(shape=[2.0])}),
        "overflow": file({"a": tensor(shape=[1 << 62, 1 << 62])}),
        "hole": file({"a": tensor(shape=[1], offsets=[4, 8])}),
        "overlap": file({"a": tensor(offsets=[0, 8]), "b": tensor(offsets=[4, 12])}, b"\0" * 12),
        "past the end": file({"a": tensor(shape=[4], offsets=[0, 16])}),
        "end before begin": file({"a": tensor(offsets=[8, 0])}),
        "wrong size": file({"a": tensor(shape=[3])}),
        "metadata of numbers": file({"__metadata__": {"a": 1}, "a": tensor()}),
        "missing dtype": file({"a": {"shape": [2], "data_offsets": [0, 8]}}),
    }


def test_refuses_what_the_package_refuses(tmp_path):
    files = broken_files()
    pairs = [(tmp_path / name, tmp_path / f"copy of {name}") for name in files]
    for file, data in zip((pair[0] for pair in pairs), files.values()):
        file.write_bytes(data)
        with pytest.raises(SafetensorError):
            load_file(file)
    for (file, target), line in zip(pairs, copy(*pairs)):
        assert line.startswith(f"{file}: ")
        assert not target.exists()


def test_refuses_every_changed_file_that_the_package_refuses(tmp_path):
    save_file({"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.bool)}, tmp_path / "good")
    good = bytearray((tmp_path / "good").read_bytes())
    random = numpy.random.default_rng(1)
    header = struct.unpack("<Q", good[:8])[0]
    pairs = []
    for trial in range(600):
        changed = good.copy()
        changed[8 + random.integers(header)] = random.integers(32, 127)
        file = tmp_path / f"file {trial}"
        file.write_bytes(changed)
        try:
            load_file(file)
        except SafetensorError:
            pairs.append((file, tmp_path / f"copy {trial}"))
    assert len(pairs) > 300
    accepted = [file.read_bytes() for (file, _), line in zip(pairs, copy(*pairs)) if line == "copied"]
    assert not accepted

"""The comparison of time and memory with the peers runs, writes what it says, and goes on where it was. Its figures mean nothing
here."""

import json
import pathlib
import subprocess
import sys

import torch
from paths import BIN

COMPARE = pathlib.Path(__file__).resolve().parents[2] / "bench" / "peers" / "compare.py"


def compare(*words):
    result = subprocess.run([sys.executable, "-B", COMPARE, BIN, *map(str, words)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_pair_and_one_more(tmp_path):
    words = ["--works", "samples-1", "--output", tmp_path, "--models", tmp_path / "models"]
    compare(*words, "--pairs", 1)
    first = (tmp_path / "pairs.jsonl").read_text()
    pair = json.loads(first)
    assert pair["work"] == "samples-1" and pair["machine"]["threads"] == 1
    compare(*words, "--pairs", 1)
    assert (tmp_path / "pairs.jsonl").read_text() == first, "what is measured is not measured again"
    compare(*words, "--pairs", 2)
    assert (tmp_path / "pairs.jsonl").read_text().startswith(first)
    (row,) = json.loads((tmp_path / "table.json").read_text())
    pairs = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    ratios = [pair["ours"]["seconds"] / pair["theirs"]["seconds"] for pair in pairs]
    assert row["pairs"] == 2 and row["goal"] == {"time": 0.8, "memory": 0.6}
    assert abs(row["time_ratio_median"] - sum(ratios) / 2) < 1e-12
    assert f"| {row['title']} |" in (tmp_path / "table.md").read_text()


def test_every_work_is_listed():
    assert [line.split()[0] for line in compare("--list").splitlines()][:3] == ["step", "step-stream", "step-of-half"]


def test_products_and_convolutions_are_counted():
    sys.path.insert(0, str(COMPARE.parent))
    import roofline

    with torch.device("meta"), roofline.Shapes() as counted:
        network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.nn.Flatten(2), torch.nn.Linear(16, 5))
        network.requires_grad_(False)
        image = torch.empty(2, 3, 8, 8, requires_grad=True)
        network(image).sum().backward()
    operations = {}
    for shape, count in counted.counts.items():
        operations[shape[0]] = operations.get(shape[0], 0) + count * roofline.operations(shape)
    convolution, product = 2 * 2 * 8 * 16 * 27, 2 * 16 * 16 * 5
    assert operations == {"convolution": convolution, "gradient": convolution, "product": 2 * product}
    # A gradient of a convolution is that of its pixels alone, in whatever order they lie.
    shape = next(shape for shape in counted.counts if shape[0] == "gradient")
    assert all(form()[0].shape == (2, 3, 8, 8) and form()[1] is None for form in roofline.forms_of(shape))

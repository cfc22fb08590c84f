#!/usr/bin/env python3
"""How near a training step of Stable Diffusion's size comes to what the machine can do: the time of its matrix products and
convolutions, each by itself, over the time of the step.

usage: roofline.py PROGRAMS [--models DIR] [--threads N]

Runs diffusers' text encoder and UNet without numbers, forward and backward to the token's vectors, and notes the shape of every
product and convolution. Each shape is then timed alone, in fp32, by the fastest of LibTorch's forms for it, and the largest square
product tells what the processor reaches at most. Then `bench_inversion_steps` in PROGRAMS takes steps, and its profiler says
where their time goes. Needs the peers' Python and an idle machine; scripts/peers prepares everything but the latter.
"""

import argparse
import collections
import json
import pathlib
import statistics
import time

import models
import torch
import works
from diffusers import UNet2DConditionModel
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import CLIPTextConfig, CLIPTextModel

aten = torch.ops.aten


class Shapes(TorchDispatchMode):
    """Counts products and convolutions by their kind and shapes."""

    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        shape = self.shape_of(function, arguments)
        if shape is not None:
            self.counts[shape] += 1
        return function(*arguments, **(keywords or {}))

    @staticmethod
    def shape_of(function, arguments):
        sizes = [tuple(each.shape) for each in arguments if isinstance(each, torch.Tensor)]
        if function == aten.mm.default:
            return ("product", *sizes[0], sizes[1][1])
        if function == aten.addmm.default:
            return ("product", *sizes[1], sizes[2][1])
        if function in (aten.bmm.default, aten.baddbmm.default):
            first, second = sizes[-2:]
            return ("products", *first, second[2])
        if function == aten.convolution.default:
            return ("convolution", sizes[0], sizes[1], arguments[3][0], arguments[4][0])
        if function == aten.convolution_backward.default:
            return ("gradient", sizes[1], sizes[2], arguments[4][0], arguments[5][0])
        return None


def operations(shape):
    """Returns how many multiplications and additions a shape takes."""
    kind, *sizes = shape
    if kind == "product":
        rows, inner, columns = sizes
        return 2 * rows * inner * columns
    if kind == "products":
        count, rows, inner, columns = sizes
        return 2 * count * rows * inner * columns
    (batch, _, height, width), (out, channels, high, wide), stride, _ = sizes
    return 2 * batch * out * channels * high * wide * (height // stride) * (width // stride)


def shapes_of_a_step(folder):
    """Returns {shape: count} of one input's step: the weights are frozen, the token's vectors are not."""
    with torch.device("meta"):
        text = CLIPTextModel(CLIPTextConfig(**json.loads((folder / "text_encoder" / "config.json").read_text())))
        unet = UNet2DConditionModel.from_config(json.loads((folder / "unet" / "config.json").read_text()))
        edge, length = unet.config.sample_size, text.config.max_position_embeddings
        for network in (text, unet):
            network.requires_grad_(False)
        text.get_input_embeddings().requires_grad_(True)
        with Shapes() as counted:
            states = text(torch.zeros(1, length, dtype=torch.long))[0]
            predicted = unet(torch.empty(1, unet.config.in_channels, edge, edge), torch.zeros(1), states).sample
            predicted.square().mean().backward()
    return counted.counts


def seconds_of(work):
    """The fastest of some calls, after one that finds memory and chooses kernels."""
    work()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def by_onednn(first, weight):
    # LibTorch's own choice may be another library, which knows less of the processor.
    return torch.ops.mkldnn._linear_pointwise(first, weight, None, "none", [], "")


def forms_of(shape):
    """Returns functions that compute what the shape says, each in its way."""
    kind, *sizes = shape
    if kind == "product":
        rows, inner, columns = sizes
        first, second, weight = torch.randn(rows, inner), torch.randn(inner, columns), torch.randn(columns, inner)
        return [lambda: first @ second, lambda: first @ weight.t(), lambda: by_onednn(first, weight)]
    if kind == "products":
        count, rows, inner, columns = sizes
        first, second, weights = torch.randn(count, rows, inner), torch.randn(count, inner, columns), torch.randn(count, columns, inner)
        return [lambda: first @ second, lambda: [by_onednn(a, b) for a, b in zip(first, weights)]]
    images, weights, stride, padding = sizes
    image, weight = torch.randn(images), torch.randn(weights)
    forms = []
    for order in (torch.contiguous_format, torch.channels_last):
        one, other = image.contiguous(memory_format=order), weight.contiguous(memory_format=order)
        if kind == "convolution":
            forms.append(lambda a=one, b=other: torch.nn.functional.conv2d(a, b, None, stride, padding))
            continue
        height, width = ((edge + 2 * padding - weights[2]) // stride + 1 for edge in images[2:])
        gradient = torch.randn(images[0], weights[0], height, width).contiguous(memory_format=order)
        options = ([0], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [True, False, False])
        forms.append(lambda g=gradient, a=one, b=other: aten.convolution_backward(g, a, b, *options))
    return forms


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--models", type=pathlib.Path, default=models.ROOT / "build" / "peers" / "models")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = models.stable_diffusion(options.models)
    counts = shapes_of_a_step(folder)
    with torch.no_grad():
        square = ("product", 2048, 2048, 2048)
        most = operations(square) / min(seconds_of(form) for form in forms_of(square))
        alone, counted = collections.Counter(), collections.Counter()
        for shape, count in counts.items():
            alone[shape[0]] += count * min(seconds_of(form) for form in forms_of(shape))
            counted[shape[0]] += count * operations(shape)

    setting = works.Setting(options.programs.resolve(), options.models.resolve(), options.threads)
    words = [setting.programs / "bench_inversion_steps", folder, models.CONCEPTS / "frog", "--batch", 1, "--threads", options.threads, "--requests"]
    printed = works.output_of(setting, words, "step 1\nstep 4\nprofile 1\n")[0].splitlines()
    _, _, steps, profile = map(json.loads, printed)
    step = statistics.median(each["wall"] for each in steps["steps"])

    print("| of a step | times 10⁹ operations | seconds by themselves | of the largest product's rate |\n|---|---|---|---|")
    for kind, title in [("product", "products"), ("products", "products of attention"), ("convolution", "convolutions"), ("gradient", "their gradients")]:
        rate = counted[kind] / alone[kind] / most
        print(f"| {title} | {counted[kind] / 1e9:.0f} | {alone[kind]:.2f} | {rate:.0%} |")
    whole, seconds = sum(counted.values()), sum(alone.values())
    print(f"| all | {whole / 1e9:.0f} | {seconds:.2f} | {whole / seconds / most:.0%} |\n")
    print(f"The largest product: {most / 1e9:.0f} x 10⁹ operations a second. A step: {step:.2f} s, so that its products and")
    print(f"convolutions by themselves are {seconds / step:.0%} of it; by operations it runs at {whole / step / most:.0%} of the largest product's rate.\n")
    print("| operation of the step | ms | calls |\n|---|---|---|")
    for kernel in profile["kernels"]:
        print(f"| {kernel['name']} | {kernel['ms']:.0f} | {kernel['count']:g} |")


if __name__ == "__main__":
    main()

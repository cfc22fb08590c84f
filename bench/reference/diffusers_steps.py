#!/usr/bin/env python3
"""What training steps of diffusers' textual inversion cost: the step of examples/textual_inversion/textual_inversion.py
(v0.42), operation for operation, without Accelerate's wrapping of a single process. Prints the JSON of
bench_inversion_steps.

usage: diffusers_steps.py MODEL_DIR IMAGES_DIR [--steps N] [--batch N] [--threads N] [--precision fp32|bf16|fp16]
       [--gradient-checkpointing]
"""

import argparse
import contextlib
import json
import math
import pathlib
import resource
import time

import numpy
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer


def usage():
    own = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), own.ru_utime + own.ru_stime, own.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    weight_dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[given.precision]
    imported = usage()[2]
    start = usage()

    tokenizer = CLIPTokenizer.from_pretrained(given.model / "tokenizer")
    noise_scheduler = DDPMScheduler.from_pretrained(given.model / "scheduler")
    text_encoder = CLIPTextModel.from_pretrained(given.model / "text_encoder")
    vae = AutoencoderKL.from_pretrained(given.model / "vae")
    unet = UNet2DConditionModel.from_pretrained(given.model / "unet")
    tokenizer.add_tokens(["<thing>"])
    placeholder = tokenizer.convert_tokens_to_ids("<thing>")
    text_encoder.resize_token_embeddings(len(tokenizer))
    with torch.no_grad():
        embeddings = text_encoder.get_input_embeddings().weight
        embeddings[placeholder] = embeddings[600]
    vae.requires_grad_(False)
    unet.requires_grad_(False)
    text_encoder.requires_grad_(False)
    text_encoder.get_input_embeddings().requires_grad_(True)
    if given.gradient_checkpointing:
        # The script: checkpointing works in training mode alone; the UNet has no dropout.
        unet.train()
        text_encoder.gradient_checkpointing_enable()
        unet.enable_gradient_checkpointing()
    optimizer = torch.optim.AdamW(
        text_encoder.get_input_embeddings().parameters(), lr=5e-4, betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8
    )
    scaler = torch.amp.GradScaler("cpu", enabled=given.precision == "fp16")
    unet.to(dtype=weight_dtype)
    vae.to(dtype=weight_dtype)
    text_encoder.train()
    original = text_encoder.get_input_embeddings().weight.data.clone()
    size = unet.config.sample_size * 2 ** (len(vae.config.block_out_channels) - 1)
    pictures = [
        torch.from_numpy(
            numpy.asarray(Image.open(path).convert("RGB").resize((size, size), Image.BICUBIC), dtype=numpy.float32)
            / 127.5 - 1.0
        ).permute(2, 0, 1)
        for path in sorted(given.images.glob("*.png"))
    ]  # fmt: skip
    opened = usage()

    def ids():
        return tokenizer(
            ["a photo of a <thing>"] * given.batch, padding="max_length", truncation=True, max_length=77, return_tensors="pt"
        ).input_ids

    def step(index):
        batch = torch.stack([pictures[(index + i) % len(pictures)] for i in range(given.batch)])
        latents = vae.encode(batch.to(dtype=weight_dtype)).latent_dist.sample().detach()
        latents = latents * vae.config.scaling_factor
        noise = torch.randn_like(latents)
        timesteps = torch.randint(0, noise_scheduler.config.num_train_timesteps, (given.batch,)).long()
        noisy = noise_scheduler.add_noise(latents, noise, timesteps)
        # Accelerate runs the model that it prepared under autocast when the precision is mixed.
        mixed = torch.autocast("cpu", weight_dtype) if given.precision != "fp32" else contextlib.nullcontext()
        with mixed:
            states = text_encoder(ids())[0].to(dtype=weight_dtype)
        predicted = unet(noisy, timesteps, states).sample
        loss = torch.nn.functional.mse_loss(predicted.float(), noise.float(), reduction="mean")
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        with torch.no_grad():
            keep = torch.ones((len(tokenizer),), dtype=torch.bool)
            keep[placeholder] = False
            text_encoder.get_input_embeddings().weight[keep] = original[keep]
        return loss.item()

    steps = []
    before = usage()
    for index in range(given.steps):
        loss = step(index)
        assert math.isfinite(loss)
        after = usage()
        steps.append({"wall": after[0] - before[0], "cpu": after[1] - before[1], "loss": loss})
        before = after
    print(
        json.dumps(
            {
                "importing_peak_mib": imported,
                "opening_seconds": opened[0] - start[0],
                "opening_peak_mib": opened[2],
                "steps": steps,
                "peak_mib": before[2],
            }
        )
    )


if __name__ == "__main__":
    main()

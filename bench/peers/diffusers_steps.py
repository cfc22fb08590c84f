#!/usr/bin/env python3
"""What training steps of diffusers' textual inversion cost: the step of examples/textual_inversion/textual_inversion.py
(v0.42), operation for operation, without Accelerate's wrapping of a single process. Prints the JSON of
bench_inversion_steps.

usage: diffusers_steps.py MODEL_DIR IMAGES_DIR [--steps N] [--batch N] [--threads N] [--precision fp32|tf32|bf16|fp16]
       [--device cpu|cuda] [--compile default|reduce-overhead] [--gradient-checkpointing]
"""

import argparse
import contextlib
import copy
import json
import math
import pathlib
import resource
import time

import numpy
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    LDMTextToImagePipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertModel
from PIL import Image
from transformers import BertTokenizer, CLIPTextModel, CLIPTokenizer

TYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def usage():
    own = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), own.ru_utime + own.ru_stime, own.ru_maxrss / 1024


def use_tf32(use):
    torch.backends.cuda.matmul.allow_tf32 = use
    torch.backends.cudnn.allow_tf32 = use


class TextualInversion:
    """What the script holds. The script knows Stable Diffusion alone; for LDM it is the same with LDM's networks."""

    def __init__(self, folder, images, precision="fp32", device="cpu", gradient_checkpointing=False):
        self.device = device
        self.weight_dtype = TYPES[precision]
        ldm = (folder / "bert").exists()
        tokenizer, text, vae = (BertTokenizer, LDMBertModel, "vqvae") if ldm else (CLIPTokenizer, CLIPTextModel, "vae")
        self.tokenizer = tokenizer.from_pretrained(folder / "tokenizer")
        self.noise_scheduler = DDPMScheduler.from_pretrained(folder / "scheduler")
        self.text_encoder = text.from_pretrained(folder / ("bert" if ldm else "text_encoder")).float()
        self.vae = AutoencoderKL.from_pretrained(folder / vae)
        self.unet = UNet2DConditionModel.from_pretrained(folder / "unet")
        self.tokenizer.add_tokens(["<thing>"])
        self.placeholder = self.tokenizer.convert_tokens_to_ids("<thing>")
        if ldm:
            table = torch.nn.Embedding(len(self.tokenizer), self.text_encoder.config.d_model)
            table.weight.data[: self.placeholder] = self.text_encoder.get_input_embeddings().weight.data
            self.text_encoder.set_input_embeddings(table)
        else:
            self.text_encoder.resize_token_embeddings(len(self.tokenizer))
        with torch.no_grad():
            self.table()[self.placeholder] = self.table()[600 % self.placeholder]
        self.vae.requires_grad_(False)
        self.unet.requires_grad_(False)
        self.text_encoder.requires_grad_(False)
        self.text_encoder.get_input_embeddings().requires_grad_(True)
        if gradient_checkpointing:
            # The script: checkpointing works in training mode alone; the UNet has no dropout.
            self.unet.train()
            self.text_encoder.gradient_checkpointing_enable()
            self.unet.enable_gradient_checkpointing()
        self.text_encoder.to(device)
        self.optimizer = torch.optim.AdamW(
            self.text_encoder.get_input_embeddings().parameters(), lr=5e-4, betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8
        )
        self.scaler = torch.amp.GradScaler(device, enabled=precision == "fp16")
        self.unet.to(device, dtype=self.weight_dtype)
        self.vae.to(device, dtype=self.weight_dtype)
        self.predict = self.unet
        self.text_encoder.train()
        self.original = self.table().data.clone()
        size = self.unet.config.sample_size * 2 ** (len(self.vae.config.block_out_channels) - 1)
        self.pictures = [
            torch.from_numpy(
                numpy.asarray(Image.open(path).convert("RGB").resize((size, size), Image.BICUBIC), dtype=numpy.float32)
                / 127.5 - 1.0
            ).permute(2, 0, 1)
            for path in sorted(images.glob("*.png"))
        ]  # fmt: skip
        self.taken = 0

    def table(self):
        return self.text_encoder.get_input_embeddings().weight

    def use(self, mode):
        """The UNet in its eager form (None), or compiled for every shape by itself."""
        self.predict = torch.compile(self.unet, mode=mode, dynamic=False) if mode else self.unet

    def ids(self, batch):
        return self.tokenizer(
            ["a photo of a <thing>"] * batch, padding="max_length", truncation=True,
            max_length=self.tokenizer.model_max_length, return_tensors="pt",
        ).input_ids.to(self.device)  # fmt: skip

    def inputs(self, batch):
        chosen = [self.pictures[(self.taken + i) % len(self.pictures)] for i in range(batch)]
        pixels = torch.stack(chosen).to(self.device, dtype=self.weight_dtype)
        latents = self.vae.encode(pixels).latent_dist.sample().detach() * self.vae.config.scaling_factor
        noise = torch.randn_like(latents)
        steps = torch.randint(0, self.noise_scheduler.config.num_train_timesteps, (batch,), device=self.device).long()
        return self.noise_scheduler.add_noise(latents, noise, steps), noise, steps, self.ids(batch)

    def loss(self, noisy, noise, timesteps, ids):
        torch.compiler.cudagraph_mark_step_begin()
        # Accelerate runs the model that it prepared under autocast when the precision is mixed.
        mixed = self.weight_dtype != torch.float32
        with torch.autocast(self.device, self.weight_dtype) if mixed else contextlib.nullcontext():
            states = self.text_encoder(ids)[0].to(dtype=self.weight_dtype)
        predicted = self.predict(noisy, timesteps, states).sample
        return torch.nn.functional.mse_loss(predicted.float(), noise.float(), reduction="mean")

    def step(self, batch):
        """Takes a step, which has ended when its loss has been read."""
        loss = self.loss(*self.inputs(batch))
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        with torch.no_grad():
            keep = torch.ones((len(self.tokenizer),), dtype=torch.bool)
            keep[self.placeholder] = False
            self.table()[keep] = self.original[keep]
        self.taken += 1
        return loss.item()

    def make_probe(self, batch):
        """The loss on inputs that are drawn once, without a gradient."""
        with torch.no_grad():
            inputs = self.inputs(batch)

        def probe():
            with torch.no_grad():
                return self.loss(*inputs).item()

        return probe

    def make_sampler(self, steps):
        """Draws a picture with diffusers' pipeline, all of whose networks compute in one type."""
        text_encoder = copy.deepcopy(self.text_encoder).to(dtype=self.weight_dtype)
        scheduler = DDIMScheduler.from_config(self.noise_scheduler.config)
        shared = {"unet": self.unet, "tokenizer": self.tokenizer, "scheduler": scheduler}
        if isinstance(text_encoder, LDMBertModel):
            pipeline = LDMTextToImagePipeline(vqvae=self.vae, bert=text_encoder, **shared)
        else:
            pipeline = StableDiffusionPipeline(
                vae=self.vae, text_encoder=text_encoder, safety_checker=None, feature_extractor=None,
                requires_safety_checker=False, **shared,
            )  # fmt: skip
        pipeline.set_progress_bar_config(disable=True)

        def sample():
            picture = pipeline("a photo of a <thing>", num_inference_steps=steps, guidance_scale=7.5, output_type="np")
            return float(numpy.mean(picture.images[0]))

        return sample


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="fp32", choices=TYPES)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", choices=["default", "reduce-overhead"])
    parser.add_argument("--gradient-checkpointing", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    use_tf32(given.precision == "tf32")
    torch.manual_seed(0)
    imported = usage()[2]
    start = usage()
    peer = TextualInversion(given.model, given.images, given.precision, given.device, given.gradient_checkpointing)
    peer.use(given.compile)
    opened = usage()
    steps = []
    before = usage()
    for _ in range(given.steps):
        loss = peer.step(given.batch)
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

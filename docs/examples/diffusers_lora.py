"""A LoRA of the bundled model, trained as diffusers' DreamBooth-LoRA script trains it, until it has converged."""

import pathlib

import dvar
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from diffusers import DDPMScheduler, StableDiffusionPipeline
from dvar.accelerate import ConvergenceStopping
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from PIL import Image

set_seed(1)
DEMO = pathlib.Path(__file__).parents[2] / "reference" / "demo"
accelerator = Accelerator(cpu=True)
pipeline = StableDiffusionPipeline.from_pretrained(DEMO / "model", torch_dtype=torch.float32, safety_checker=None)
schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
unet, vae = pipeline.unet, pipeline.vae
for frozen in (unet, vae, pipeline.text_encoder):
    frozen.requires_grad_(False)
unet.add_adapter(LoraConfig(r=4, lora_alpha=4, init_lora_weights="gaussian", target_modules=["to_k", "to_q", "to_v", "to_out.0"]))
factors = [parameter for parameter in unet.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(factors, lr=1e-3)

# Latents of the pictures, and what the prompt says, once: neither changes.
size = unet.config.sample_size * 2 ** (len(vae.config.block_out_channels) - 1)
pictures = [Image.open(file).convert("RGB").resize((size, size)) for file in sorted((DEMO / "concepts" / "frog").glob("*.png"))]
pixels = torch.stack([pipeline.image_processor.preprocess(picture)[0] for picture in pictures])
with torch.no_grad():
    latents = vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor
    prompt = pipeline.encode_prompt("a picture of sks frog", accelerator.device, 1, False)[0]


def draw_batch(count):
    chosen = latents[torch.randint(len(latents), (count,))]
    return chosen, torch.randn_like(chosen), torch.randint(schedule.config.num_train_timesteps, (count,))


def loss_of(batch):
    chosen, noise, timesteps = batch
    noisy = schedule.add_noise(chosen, noise, timesteps)
    predicted = unet(noisy, timesteps, prompt.expand(len(chosen), -1, -1)).sample
    return torch.nn.functional.mse_loss(predicted, noise)


unet, optimizer = accelerator.prepare(unet, optimizer)
# The paper's probe: pictures, noise and timesteps are drawn once.
probe = dvar.DeterministicProbe(loss_of, {"batch": lambda: draw_batch(16)}, model=unet)
rule = dvar.AnyOf(dvar.VarianceRatio(window=60, threshold=0.15), dvar.StepLimit(1000), dvar.NonFinite())
stopping = ConvergenceStopping(accelerator, probe, rule)

while True:
    accelerator.backward(loss_of(draw_batch(2)))
    optimizer.step()
    optimizer.zero_grad()
    if stopping.after_batch():
        break

learned = get_peft_model_state_dict(accelerator.unwrap_model(unet))
StableDiffusionPipeline.save_lora_weights("lora", unet_lora_layers=learned)
print(f"stopped at step {stopping.step} by {rule.latest().rule}: {rule.reason()}")
print(f"{sum(weight.numel() for weight in learned.values())} numbers learned, loss {probe():.4f} on the fixed batch")

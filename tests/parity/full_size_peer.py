"""The peers' side of the comparisons at full size, in a process of its own, whose memory is then the peers' alone.

full_size_peer.py make FAMILY FOLDER: writes a model of a published family's configuration with random weights.
full_size_peer.py NETWORK FOLDER INPUTS OUTPUTS: what a network gives for the tensors of INPUTS; prints the seconds that it
took to read and to compute.
"""

import json
import pathlib
import sys
import time

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
from peers import randomize
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

# The configuration files of Stable Diffusion 1.5, as far as they differ from the classes' own values.
STABLE_DIFFUSION = {
    "text_encoder": lambda: CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
            max_position_embeddings=77, hidden_act="quick_gelu", projection_dim=768,
            bos_token_id=49406, eos_token_id=49407, pad_token_id=49407,
        )
    ),
    "unet": lambda: UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8),
    "vae": lambda: AutoencoderKL(
        sample_size=512, block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    ),
}  # fmt: skip
# And those of CompVis/ldm-text2im-large-256: LDMBertConfig's own values are its. Its autoencoder is Stable Diffusion's.
LDM = {
    "bert": lambda: LDMBertModel(LDMBertConfig()),
    "unet": lambda: UNet2DConditionModel(sample_size=32, cross_attention_dim=1280, attention_head_dim=8),
}
# And those of stabilityai/stable-diffusion-xl-base-1.0. The first text encoder is Stable Diffusion's.
STABLE_DIFFUSION_XL = {
    "text_encoder": STABLE_DIFFUSION["text_encoder"],
    "text_encoder_2": lambda: CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=49408, hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20,
            max_position_embeddings=77, hidden_act="gelu", projection_dim=1280,
            bos_token_id=49406, eos_token_id=49407, pad_token_id=0,
        )
    ),
    "unet": lambda: UNet2DConditionModel(
        sample_size=128, cross_attention_dim=2048, attention_head_dim=(5, 10, 20), block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 2, 10),
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    ),
    "vae": lambda: AutoencoderKL(
        sample_size=1024, block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, scaling_factor=0.13025,
    ),
}  # fmt: skip
FAMILIES = {"stable-diffusion": STABLE_DIFFUSION, "stable-diffusion-xl": STABLE_DIFFUSION_XL, "ldm": LDM}
SCHEDULE = dict(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000, clip_sample=False
)


def make(family, folder):
    for name, build in FAMILIES[family].items():
        randomize(build()).save_pretrained(folder / name)
    DDPMScheduler(**SCHEDULE).save_pretrained(folder / "scheduler")


def open_text_encoder(folder):
    if (folder / "bert").exists():
        return LDMBertModel.from_pretrained(folder / "bert").eval()
    return CLIPTextModel.from_pretrained(folder / "text_encoder").eval()


def text_encoder(folder, inputs):
    return {"states": open_text_encoder(folder)(inputs["ids"])[0]}


def unet(folder, inputs):
    network = UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    return {"prediction": network(inputs["sample"], inputs["timesteps"], inputs["context"]).sample}


def autoencoder(folder, inputs):
    network = AutoencoderKL.from_pretrained(folder / "vae").eval()
    posterior = network.encode(inputs["images"]).latent_dist
    return {
        "moments": posterior.parameters,
        "mean": posterior.mean,
        "standard_deviation": posterior.std,
        "images": network.decode(inputs["latents"]).sample,
    }


def concept_gradient(folder, inputs):
    text = open_text_encoder(folder)
    network = UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    text.requires_grad_(False)
    network.requires_grad_(False)
    scheduler = DDPMScheduler.from_pretrained(folder / "scheduler")
    table = text.get_input_embeddings().weight
    rows = torch.cat([table, inputs["vectors"]])
    text.set_input_embeddings(torch.nn.Embedding.from_pretrained(rows, freeze=False))
    noisy = scheduler.add_noise(inputs["latents"], inputs["noise"], inputs["timesteps"])
    with torch.enable_grad():
        predicted = network(noisy, inputs["timesteps"], text(inputs["ids"])[0]).sample
        loss = torch.nn.functional.mse_loss(predicted, inputs["noise"])
    loss.backward()
    return {"loss": loss.detach(), "gradient": text.get_input_embeddings().weight.grad[len(table) :]}


def unet_of_xl(folder, inputs):
    network = UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    added = {"text_embeds": inputs["pooled"], "time_ids": inputs["sizes"].float()}
    return {"prediction": network(inputs["sample"], inputs["timesteps"], inputs["context"], added_cond_kwargs=added).sample}


def concept_gradient_of_xl(folder, inputs):
    """The same with both text encoders, whose token's vectors come side by side, as do the ids."""
    texts = [
        CLIPTextModel.from_pretrained(folder / "text_encoder").eval(),
        CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2").eval(),
    ]
    network = UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    scheduler = DDPMScheduler.from_pretrained(folder / "scheduler")
    network.requires_grad_(False)
    widths = [text.config.hidden_size for text in texts]
    for text, vectors in zip(texts, inputs["vectors"].split(widths, dim=1)):
        text.requires_grad_(False)
        rows = torch.cat([text.get_input_embeddings().weight, vectors])
        text.set_input_embeddings(torch.nn.Embedding.from_pretrained(rows, freeze=False))
    noisy = scheduler.add_noise(inputs["latents"], inputs["noise"], inputs["timesteps"])
    with torch.enable_grad():
        first, second = (text(ids, output_hidden_states=True) for text, ids in zip(texts, inputs["ids"].chunk(2, dim=1)))
        states = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
        added = {"text_embeds": second.text_embeds, "time_ids": inputs["sizes"].float()}
        predicted = network(noisy, inputs["timesteps"], states, added_cond_kwargs=added).sample
        loss = torch.nn.functional.mse_loss(predicted, inputs["noise"])
    loss.backward()
    gradients = [text.get_input_embeddings().weight.grad[-1:] for text in texts]
    return {"loss": loss.detach(), "gradient": torch.cat(gradients, dim=1)}


NETWORKS = {f.__name__: f for f in [text_encoder, unet, unet_of_xl, autoencoder, concept_gradient, concept_gradient_of_xl]}

if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        name, folder, given, wanted = sys.argv[1:]
        inputs = load_file(given)
        start = time.perf_counter()
        with torch.no_grad():
            outputs = NETWORKS[name](pathlib.Path(folder), inputs)
        seconds = time.perf_counter() - start
        # Some are views of others, which safetensors does not take.
        save_file({key: value.clone(memory_format=torch.contiguous_format) for key, value in outputs.items()}, wanted)
        print(json.dumps({"seconds": seconds}))

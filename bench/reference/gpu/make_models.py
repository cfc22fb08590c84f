"""Writes models of the published configurations of Stable Diffusion 1.5 and LDM, with random weights that are drawn on the
device, in half precision. For the CPU they are toy configurations of both."""

import json
import os
import pathlib
import string
import sys

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
from transformers import CLIPTextConfig, CLIPTextModel

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parents[1] / "peers"), str(HERE.parents[2] / "tests" / "parity")]
os.environ.setdefault("DVAR_BUILD_DIR", ".")  # which making a model does not need
from models import write_tokenizer  # noqa: E402
from full_size_peer import FAMILIES, SCHEDULE  # noqa: E402

WIDTH = 32


def toy_unet():
    return UNet2DConditionModel(
        block_out_channels=(16, 32), down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), layers_per_block=1, attention_head_dim=2,
        cross_attention_dim=WIDTH, norm_num_groups=4, sample_size=8,
    )  # fmt: skip


def toy_autoencoder():
    return AutoencoderKL(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4, sample_size=16,
    )  # fmt: skip


def toy_clip():
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=77, bos_token_id=49406, eos_token_id=49407, pad_token_id=49407,
        )
    )  # fmt: skip


def toy_bert():
    return LDMBertModel(
        LDMBertConfig(encoder_layers=2, encoder_ffn_dim=64, encoder_attention_heads=2, head_dim=8, d_model=WIDTH)
    )


TOYS = {
    "stable-diffusion": {"text_encoder": toy_clip, "unet": toy_unet, "vae": toy_autoencoder},
    "ldm": {"bert": toy_bert, "unet": toy_unet, "vqvae": toy_autoencoder},
}
PUBLISHED = {
    "stable-diffusion": FAMILIES["stable-diffusion"],
    "ldm": {**FAMILIES["ldm"], "vqvae": FAMILIES["stable-diffusion"]["vae"]},
}


def write_words(folder):
    """A vocabulary of BERT's size: letters, their continuations, and words that no prompt has."""
    letters = [*string.ascii_lowercase, *string.digits]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.punctuation, *letters, *("##" + c for c in letters)]
    words += [f"word{i}" for i in range(30522 - len(words))]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join([*words, ""]))
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 77}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def make(folder, family, device):
    for name, build in (TOYS if device == "cpu" else PUBLISHED)[family].items():
        with torch.device(device):
            network = build()
        network.half().save_pretrained(folder / name)
    DDPMScheduler(**SCHEDULE).save_pretrained(folder / "scheduler")
    (write_words if family == "ldm" else write_tokenizer)(folder / "tokenizer")
    pipeline = {"ldm": "LDMTextToImagePipeline", "stable-diffusion": "StableDiffusionPipeline"}[family]
    tokenizer = {"ldm": "BertTokenizer", "stable-diffusion": "CLIPTokenizer"}[family]
    index = {"_class_name": pipeline, "tokenizer": ["transformers", tokenizer]}
    (folder / "model_index.json").write_text(json.dumps(index))


def make_models(folder, device):
    for seed, family in enumerate(PUBLISHED):
        torch.manual_seed(seed)
        make(folder / family, family, device)

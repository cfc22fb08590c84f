"""Whole models of the three families at toy size, with random weights, in the directories that diffusers writes."""

import json
import string
import subprocess

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    LDMTextToImagePipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
from paths import BIN
from peers import randomize
from transformers import (
    BertTokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

WIDTH = 24
LENGTH = 16  # ids of a prompt
WORDS = "a an the of on in and photo picture rendering cat dog thing small big red nice".split()


def unet(width=WIDTH):
    return randomize(
        UNet2DConditionModel(
            block_out_channels=(8, 16),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            attention_head_dim=2,  # the number of heads, as both families have it
            cross_attention_dim=width,
            norm_num_groups=4,
            sample_size=8,
        ),
        seed=1,
    )


def autoencoder():
    return randomize(
        AutoencoderKL(
            block_out_channels=(8, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            norm_num_groups=4,
            sample_size=16,
        ),
        seed=2,
    )


def scheduler():
    return DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False, set_alpha_to_one=False
    )


def clip_tokenizer(folder):
    """One whose vocabulary the trainer has learned of the words."""
    program = BIN / "learn_vocabulary"
    subprocess.run([program, folder, "600"], input=" ".join(WORDS * 3).encode(), check=True)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": LENGTH}))
    return CLIPTokenizer.from_pretrained(folder)


def bert_tokenizer(folder):
    """In the files of the published model: `vocab.txt`, and no `tokenizer.json`."""
    letters = string.ascii_lowercase + string.digits
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.punctuation, *letters]
    pieces += ["##" + letter for letter in letters] + [word for word in WORDS if len(word) > 1]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join([*pieces, ""]))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True, "model_max_length": LENGTH}))
    return BertTokenizer.from_pretrained(folder)


def clip_text(vocabulary, length=LENGTH):
    return randomize(
        CLIPTextModel(
            CLIPTextConfig(
                vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=40, num_hidden_layers=2,
                num_attention_heads=3, max_position_embeddings=length, bos_token_id=0, eos_token_id=1, pad_token_id=1,
            )
        ),
        seed=3,
    )  # fmt: skip


def ldm_bert(vocabulary, length=LENGTH, **changes):
    config = dict(
        vocab_size=vocabulary, max_position_embeddings=length, encoder_layers=2, encoder_ffn_dim=40,
        encoder_attention_heads=2, head_dim=8, d_model=WIDTH,
    )  # fmt: skip
    return randomize(LDMBertModel(LDMBertConfig(**{**config, **changes})), seed=4)


def stable_diffusion(folder):
    """The parts by name; `text` is the text encoder, whatever the family calls it."""
    tokenizer = clip_tokenizer(folder / "tokenizer")
    parts = dict(tokenizer=tokenizer, text=clip_text(len(tokenizer)), unet=unet(), vae=autoencoder(), scheduler=scheduler())
    for name, part in parts.items():
        if name != "tokenizer":
            part.save_pretrained(folder / {"text": "text_encoder"}.get(name, name))
    index = {"_class_name": StableDiffusionPipeline.__name__, "tokenizer": ["transformers", "CLIPTokenizer"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return parts


def ldm(folder, published_tokenizer=True):
    """As LDMTextToImagePipeline saves it; `published_tokenizer` has the tokenizer's files of the published model instead of
    those that transformers 5 writes."""
    tokenizer = bert_tokenizer(folder.with_name(folder.name + "-tokenizer"))
    parts = dict(tokenizer=tokenizer, text=ldm_bert(len(tokenizer)), unet=unet(), vae=autoencoder(), scheduler=scheduler())
    pipeline = LDMTextToImagePipeline(
        vqvae=parts["vae"], bert=parts["text"], tokenizer=tokenizer, unet=parts["unet"], scheduler=parts["scheduler"]
    )
    pipeline.save_pretrained(folder)
    if published_tokenizer:
        for file in (folder / "tokenizer").iterdir():
            file.unlink()
        for file in folder.with_name(folder.name + "-tokenizer").iterdir():
            (folder / "tokenizer" / file.name).write_bytes(file.read_bytes())
    return parts


XL_WIDTHS = (24, 40)  # of the two text encoders of Stable Diffusion XL


def xl_unet(**changes):
    """Levels as the published one has them: none, then some, then more transformers; linear projections."""
    config = dict(
        block_out_channels=(8, 16, 24),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        attention_head_dim=(1, 2, 3),
        transformer_layers_per_block=(1, 2, 3),
        cross_attention_dim=sum(XL_WIDTHS),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=20 + 6 * 8,
        norm_num_groups=4,
        sample_size=8,
    )
    return randomize(UNet2DConditionModel(**{**config, **changes}), seed=1)


def xl_text_encoders(tokenizer, length=LENGTH):
    common = dict(
        vocab_size=len(tokenizer), max_position_embeddings=length, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=1, projection_dim=20,
    )  # fmt: skip
    first = CLIPTextConfig(
        hidden_size=XL_WIDTHS[0], intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
        hidden_act="quick_gelu", **common,
    )  # fmt: skip
    second = CLIPTextConfig(
        hidden_size=XL_WIDTHS[1], intermediate_size=50, num_hidden_layers=3, num_attention_heads=2,
        hidden_act="gelu", **common,
    )  # fmt: skip
    return randomize(CLIPTextModel(first), seed=3), randomize(CLIPTextModelWithProjection(second), seed=5)


def stable_diffusion_xl(folder, scheduler=None, **changes):
    """The pipeline, saved; its second tokenizer fills texts up with another token, as the published one does."""
    tokenizer = clip_tokenizer(folder.with_name(folder.name + "-tokenizer"))
    second_tokenizer = CLIPTokenizer.from_pretrained(folder.with_name(folder.name + "-tokenizer"), pad_token="!")
    assert tokenizer.pad_token_id != second_tokenizer.pad_token_id
    first, second = xl_text_encoders(tokenizer)
    pipeline = StableDiffusionXLPipeline(
        vae=autoencoder(), text_encoder=first, text_encoder_2=second, tokenizer=tokenizer, tokenizer_2=second_tokenizer,
        unet=xl_unet(**changes), scheduler=scheduler or globals()["scheduler"](), add_watermarker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


FAMILIES = {"stable diffusion": stable_diffusion, "ldm": ldm}


def pictures(folder, count, size=16, seed=8):
    """Random pictures of the size that the models take."""
    from PIL import Image

    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(seed)
    made = torch.randint(0, 256, (count, size, size, 3), generator=generator, dtype=torch.uint8)
    for i, picture in enumerate(made):
        Image.fromarray(picture.numpy()).save(folder / f"{i}.png")
    return made

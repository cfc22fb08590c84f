"""A checkpoint of Stable Diffusion XL in one file with the original names is to us what diffusers' from_single_file makes of it."""

import shutil

import pytest
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from paths import DEMO
from peers import compare, normal, randomize, run
from safetensors.torch import load_file, save_file
from test_single_file import LAYERS, dvar, original_autoencoder, original_open_clip, original_unet_name
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

FIRST, SECOND, PROJECTION = 64, 128, 96


def small_pipeline():
    """Sizes obey the conventions that no shape tells: 32 groups, 64 channels a head, 256 numbers for each size of a picture."""
    tokenizer = CLIPTokenizer.from_pretrained(DEMO / "model" / "tokenizer")
    second_tokenizer = CLIPTokenizer.from_pretrained(DEMO / "model" / "tokenizer", pad_token="!")

    def config(width, **changes):
        return CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=width, intermediate_size=96, num_attention_heads=width // 64,
            max_position_embeddings=16, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, **changes,
        )  # fmt: skip

    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(64, 64, 128),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=LAYERS,
        attention_head_dim=(1, 1, 2),
        transformer_layers_per_block=(1, 1, 2),
        cross_attention_dim=FIRST + SECOND,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=PROJECTION + 6 * 256,
    )
    autoencoder = AutoencoderKL(
        block_out_channels=(32, 64),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=2,
        sample_size=16,
        scaling_factor=0.13025,
    )
    first = CLIPTextModel(config(FIRST, num_hidden_layers=2, hidden_act="quick_gelu"))
    second = CLIPTextModelWithProjection(config(SECOND, num_hidden_layers=3, hidden_act="gelu", projection_dim=PROJECTION))
    return StableDiffusionXLPipeline(
        vae=randomize(autoencoder, 1), text_encoder=randomize(first, 2), text_encoder_2=randomize(second, 4), tokenizer=tokenizer,
        tokenizer_2=second_tokenizer, unet=randomize(unet, 3), add_watermarker=False,
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1),
    )  # fmt: skip


def checkpoint_of(pipeline):
    tensors = {original_unet_name(name, {0, 1}): value for name, value in pipeline.unet.state_dict().items()}
    tensors |= original_autoencoder(pipeline.vae.state_dict(), 2)
    for name, value in pipeline.text_encoder.state_dict().items():
        tensors["conditioner.embedders.0.transformer.text_model." + name.removeprefix("text_model.")] = value
    second = pipeline.text_encoder_2.state_dict()
    projection = second.pop("text_projection.weight")
    of_second = original_open_clip(second, 3, SECOND)
    of_second["cond_stage_model.model.text_projection"] = projection.T
    for name, value in of_second.items():
        # Here the last layer is used, and there is none behind it.
        if ".resblocks.3." not in name:
            tensors[name.replace("cond_stage_model.", "conditioner.embedders.1.")] = value
    tensors["conditioner.embedders.0.transformer.text_model.embeddings.position_ids"] = torch.arange(16)[None]
    tensors["denoiser.sigmas"] = normal(1000)
    return {name: value.contiguous() for name, value in tensors.items()}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("xl")
    pipeline = small_pipeline()
    pipeline.save_pretrained(folder / "config")
    for weights in (folder / "config").rglob("*.safetensors"):
        weights.unlink()
    save_file(checkpoint_of(pipeline), folder / "checkpoint.safetensors")
    (folder / "tokenizers" / "config").mkdir(parents=True)
    for name in ["tokenizer", "tokenizer_2"]:
        shutil.copytree(folder / "config" / name, folder / "tokenizers" / "config" / name)
    (folder / "tokenizers" / "checkpoint.safetensors").hardlink_to(folder / "checkpoint.safetensors")
    return folder


def test_networks(model, tmp_path, record_property):
    theirs = StableDiffusionXLPipeline.from_single_file(
        str(model / "checkpoint.safetensors"), config=str(model / "config"), local_files_only=True, add_watermarker=False
    )
    ids = torch.randint(2, 2500, (2, 32), generator=torch.Generator().manual_seed(5))
    end = theirs.tokenizer_2.eos_token_id
    ids[0, 20:], ids[1, 31] = end, end
    inputs = {
        "ids": ids,
        "sample": normal(2, 4, 8, 8),
        "timesteps": torch.tensor([3, 700]),
        "context": normal(2, 16, FIRST + SECOND, seed=1),
        "pooled": normal(2, PROJECTION, seed=4),
        "sizes": torch.tensor([[64, 64, 0, 0, 64, 64], [70, 90, 1, 0, 32, 16]]),
        "images": normal(1, 3, 16, 16, seed=2),
        "latents": normal(1, 4, 8, 8, seed=3),
    }
    with torch.no_grad():
        first = theirs.text_encoder(ids[:, :16], output_hidden_states=True)
        second = theirs.text_encoder_2(ids[:, 16:], output_hidden_states=True)
        added = {"text_embeds": inputs["pooled"], "time_ids": inputs["sizes"].float()}
        expected = {
            "states": torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1),
            "pooled": second.text_embeds,
            "prediction": theirs.unet(inputs["sample"], inputs["timesteps"], inputs["context"], added_cond_kwargs=added).sample,
            "moments": theirs.vae.encode(inputs["images"]).latent_dist.parameters,
            "images": theirs.vae.decode(inputs["latents"]).sample,
        }
    compare(run("single_file", model, inputs, tmp_path), expected, 1e-5, "with config.json", record_property)
    # And with nothing but the tokenizers: the sizes follow from the shapes.
    ours = run("single_file", model / "tokenizers", inputs, tmp_path)
    compare(ours, expected, 1e-5, "with shapes alone", record_property)


def test_commands_take_it(model, tmp_path):
    file, config = model / "checkpoint.safetensors", model / "config"
    inspected = dvar("inspect", file, "--config", config)
    assert inspected.returncode == 0, inspected.stderr
    assert inspected.stdout.startswith("Stable Diffusion XL\n") and "Complete" in inspected.stdout
    assert "not used" not in inspected.stdout and "embedding      64 + 128 numbers a vector" in inspected.stdout
    drawn = dvar("sample", "--model", file, "--config", config, "--prompt", "a cat", "--count", 1, "--steps", 2, "--output", tmp_path / "s")
    assert drawn.returncode == 0, drawn.stderr
    trained = dvar(
        "train", "--model", file, "--config", config, "--images", DEMO / "concepts" / "frog", "--token", "<frog>",
        "--init", "token:green", "--max-steps", 2, "--samples", 0, "--output", tmp_path / "t", "--threads", 1,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    learned = load_file(tmp_path / "t" / "learned_embeds.safetensors")
    assert {name: tuple(tensor.shape) for name, tensor in learned.items()} == {"clip_l": (1, FIRST), "clip_g": (1, SECOND)}
    bare = dvar("inspect", file, "--config", model / "tokenizers" / "config")
    assert bare.returncode == 0, bare.stderr
    assert "1024" not in bare.stdout.split("pictures")[0] and "128 x 128" in bare.stdout
    assert "sampler        euler\n" in bare.stdout and "nothing says what its network predicts" in bare.stdout


def test_what_cannot_be_used_is_refused(model, tmp_path):
    file = model / "checkpoint.safetensors"
    tensors = load_file(file)

    def refusal(change, config=model / "config"):
        changed = change(dict(tensors))
        save_file(changed, tmp_path / "changed.safetensors")
        result = dvar("inspect", tmp_path / "changed.safetensors", "--config", config)
        assert result.returncode == 1 and result.stderr.count("\n") == 1 and "internal" not in result.stderr, result.stderr
        return result.stderr

    def without(*starts):
        return lambda all_: {name: value for name, value in all_.items() if not name.startswith(starts)}

    def renamed(start, other):
        return lambda all_: {(other + n.removeprefix(start) if n.startswith(start) else n): v for n, v in all_.items()}

    assert "no conditioner.embedders.1.model." in refusal(without("conditioner.embedders.1."))
    assert "no conditioner.embedders.0.transformer." in refusal(without("conditioner.embedders.0."))
    refiner = lambda all_: renamed("conditioner.embedders.1.", "conditioner.embedders.0.")(without("conditioner.embedders.0.")(all_))
    assert "a refiner of Stable Diffusion XL" in refusal(refiner)
    assert "text_projection.weight" in refusal(without("conditioner.embedders.1.model.text_projection"))
    assert "add_embedding.linear_2.bias" in refusal(without("model.diffusion_model.label_emb.0.2.bias"))
    # The configuration of a model with one text encoder.
    shutil.copytree(model / "config", tmp_path / "other")
    shutil.rmtree(tmp_path / "other" / "tokenizer_2")
    assert "tokenizer_2/vocab.json" in refusal(lambda all_: all_, tmp_path / "other")

"""A checkpoint in one file with the original names is to us what diffusers' from_single_file makes of it."""

import json
import os
import re
import shutil
import subprocess

import pytest
import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from paths import DEMO, DVAR
from peers import compare, normal, randomize, run
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

LAYERS = 2  # a level of the UNet


def original_unet_name(name, attention_levels):
    """The place of each block follows from LAYERS, as in openaimodel.py: a level is its layers and what ends it."""
    ends = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
    }
    found = re.match(r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)(.*)", name)
    if found:
        way, level, kind, layer, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
        if kind == "downsamplers":
            name = f"input_blocks.{(level + 1) * (LAYERS + 1)}.0{rest.replace('.conv.', '.op.')}"
        elif kind == "upsamplers":
            name = f"output_blocks.{(level + 1) * (LAYERS + 1) - 1}.{2 if level in attention_levels else 1}{rest}"
        else:
            block = "output_blocks" if way == "up" else "input_blocks"
            index = level * (LAYERS + 1) + layer + (way == "down")
            name = f"{block}.{index}.{0 if kind == 'resnets' else 1}{rest}"
    else:
        for start, original in ends.items():
            if name.startswith(start + "."):
                name = original + name[len(start) :]
                break
    for part, original in {
        ".norm1.": ".in_layers.0.",
        ".conv1.": ".in_layers.2.",
        ".norm2.": ".out_layers.0.",
        ".conv2.": ".out_layers.3.",
        ".time_emb_proj.": ".emb_layers.1.",
        ".conv_shortcut.": ".skip_connection.",
    }.items():
        if "transformer_blocks" not in name:
            name = name.replace(part, original)
    return "model.diffusion_model." + name


def original_autoencoder(state, levels):
    original = {}
    for name, value in state.items():
        name = re.sub(r"down_blocks\.(\d)\.resnets\.", r"down.\1.block.", name)
        name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(r"up_blocks\.(\d)\.resnets\.", lambda m: f"up.{levels - 1 - int(m[1])}.block.", name)
        name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", name)
        name = name.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        if "mid_block.attentions.0" in name:
            name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
            name = name.replace("to_out.0", "proj_out")
            for letter in "qkv":
                name = name.replace(f"to_{letter}.", f"{letter}.")
            if name.endswith("weight") and value.dim() == 2:
                value = value[:, :, None, None]  # a convolution there
        original["first_stage_model." + name] = value
    return original


def original_clip(state):
    return {"cond_stage_model.transformer.text_model." + name.removeprefix("text_model."): v for name, v in state.items()}


def original_open_clip(state, layers, width):
    """With a last layer that is not used, as OpenCLIP has one more than Stable Diffusion 2 takes."""
    names = {
        "embeddings.token_embedding.weight": "token_embedding.weight",
        "embeddings.position_embedding.weight": "positional_embedding",
        "final_layer_norm.weight": "ln_final.weight",
        "final_layer_norm.bias": "ln_final.bias",
    }
    state = {name.removeprefix("text_model."): value for name, value in state.items()}
    original = {original: state[name] for name, original in names.items()}
    for layer in range(layers):
        here, there = f"encoder.layers.{layer}.", f"transformer.resblocks.{layer}."
        for kind in ["weight", "bias"]:
            projections = [state[f"{here}self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
            original[f"{there}attn.in_proj_{kind}"] = torch.cat(projections)
            for part, name in {
                "self_attn.out_proj": "attn.out_proj",
                "layer_norm1": "ln_1",
                "layer_norm2": "ln_2",
                "mlp.fc1": "mlp.c_fc",
                "mlp.fc2": "mlp.c_proj",
            }.items():
                original[f"{there}{name}.{kind}"] = state[f"{here}{part}.{kind}"]
    last = {name: value for name, value in original.items() if name.startswith("transformer.resblocks.0.")}
    original |= {name.replace("resblocks.0.", f"resblocks.{layers}."): value + 1 for name, value in last.items()}
    original |= {"text_projection": normal(width, width), "logit_scale": torch.tensor(4.6)}
    return {"cond_stage_model.model." + name: value for name, value in original.items()}


def small_stable_diffusion(version):
    """A pipeline whose sizes obey the conventions that no shape tells: 32 groups, 8 heads or 64 channels a head."""
    channels = (32, 64, 64) if version == 1 else (64, 128, 128)
    tokenizer = CLIPTokenizer.from_pretrained(DEMO / "model" / "tokenizer")
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=1,
            max_position_embeddings=16,
            hidden_act="quick_gelu" if version == 1 else "gelu",
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=channels,
        # Three levels, of which the middle one has attention and upsampling: they share the last place of its blocks.
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=LAYERS,
        attention_head_dim=8 if version == 1 else [c // 64 for c in channels],
        cross_attention_dim=64,
        use_linear_projection=version == 2,
    )
    autoencoder = AutoencoderKL(
        block_out_channels=(32, 64),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=2,
        sample_size=16,
    )
    scheduler = PNDMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, skip_prk_steps=True, steps_offset=1
    )
    return StableDiffusionPipeline(
        vae=randomize(autoencoder, 1),
        text_encoder=randomize(text, 2),
        tokenizer=tokenizer,
        unet=randomize(unet, 3),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def checkpoint_of(pipeline, version):
    tensors = {original_unet_name(name, {1, 2}): value for name, value in pipeline.unet.state_dict().items()}
    tensors |= original_autoencoder(pipeline.vae.state_dict(), 2)
    text = pipeline.text_encoder.state_dict()
    tensors |= original_clip(text) if version == 1 else original_open_clip(text, 2, 64)
    # What such files hold besides.
    tensors |= {"betas": normal(1000), "model_ema.decay": torch.tensor(0.9), "model_ema.diffusion_modelout2bias": normal(4)}
    if version == 1:
        tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(16)[None]
    upsamplers = sorted(name for name in tensors if re.fullmatch(r".*output_blocks.*\.conv\.weight", name))
    assert upsamplers == [f"model.diffusion_model.output_blocks.{place}.conv.weight" for place in ["2.1", "5.2"]]
    return {name: value.contiguous() for name, value in tensors.items()}


@pytest.fixture(scope="module", params=[1, 2], ids=["Stable Diffusion 1", "Stable Diffusion 2"])
def model(request, tmp_path_factory):
    """A folder with the checkpoint and, in `config`, the directory's layout without weights."""
    folder = tmp_path_factory.mktemp(f"version{request.param}")
    pipeline = small_stable_diffusion(request.param)
    pipeline.save_pretrained(folder / "config")
    for weights in (folder / "config").rglob("*.safetensors"):
        weights.unlink()
    save_file(checkpoint_of(pipeline, request.param), folder / "checkpoint.safetensors")
    return folder


def test_networks(model, tmp_path, record_property):
    theirs = StableDiffusionPipeline.from_single_file(
        str(model / "checkpoint.safetensors"), config=str(model / "config"), local_files_only=True, safety_checker=None
    )
    ids = torch.randint(2500, (2, 16), generator=torch.Generator().manual_seed(5))
    inputs = {
        "ids": ids,
        "sample": normal(2, 4, 8, 8),
        "timesteps": torch.tensor([3, 700]),
        "context": normal(2, 16, 64, seed=1),
        "images": normal(1, 3, 16, 16, seed=2),
        "latents": normal(1, 4, 8, 8, seed=3),
    }
    with torch.no_grad():
        expected = {
            "states": theirs.text_encoder(ids).last_hidden_state,
            "prediction": theirs.unet(inputs["sample"], inputs["timesteps"], inputs["context"]).sample,
            "moments": theirs.vae.encode(inputs["images"]).latent_dist.parameters,
            "images": theirs.vae.decode(inputs["latents"]).sample,
        }
    compare(run("single_file", model, inputs, tmp_path), expected, 1e-5, "with config.json", record_property)
    # And with nothing but the tokenizer: the sizes follow from the shapes.
    (tmp_path / "config").mkdir()
    shutil.copytree(model / "config" / "tokenizer", tmp_path / "config" / "tokenizer")
    os.link(model / "checkpoint.safetensors", tmp_path / "checkpoint.safetensors")
    # Of Stable Diffusion 2 no shape tells what is predicted.
    ours = run("single_file", tmp_path, {**inputs, "epsilon": 1}, tmp_path)
    compare(ours, expected, 1e-5, "with shapes alone", record_property)


def dvar(*words):
    return subprocess.run([DVAR, *map(str, words)], capture_output=True, text=True)


def test_commands_take_it(model, tmp_path):
    file, config = model / "checkpoint.safetensors", model / "config"
    inspected = dvar("inspect", file, "--config", config)
    assert inspected.returncode == 0, inspected.stderr
    assert "Complete" in inspected.stdout and "not used" not in inspected.stdout
    drawn = dvar("sample", "--model", file, "--config", config, "--prompt", "a cat", "--count", 1, "--steps", 2, "--output", tmp_path / "s")
    assert drawn.returncode == 0, drawn.stderr
    trained = dvar(
        "train", "--model", file, "--config", config, "--images", DEMO / "concepts" / "frog", "--token", "<frog>",
        "--init", "token:green", "--max-steps", 2, "--samples", 0, "--output", tmp_path / "t", "--threads", 1,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert (tmp_path / "t" / "learned_embeds.safetensors").exists()


def test_a_file_says_that_its_network_predicts_the_velocity(model, tmp_path):
    tensors = load_file(model / "checkpoint.safetensors")
    bare = tmp_path / "bare"
    shutil.copytree(model / "config" / "tokenizer", bare / "tokenizer")
    file = tmp_path / "marked.safetensors"
    # As trainers mark it, as ModelSpec does, and with a schedule that ends without signal.
    for marks, metadata in [({"v_pred": torch.tensor([])}, {}), ({}, {"modelspec.prediction_type": "v"}),
                            ({"v_pred": torch.tensor([]), "ztsnr": torch.tensor([])}, {})]:  # fmt: skip
        save_file({**tensors, **marks}, file, metadata=metadata)
        inspected = dvar("inspect", file, "--config", bare)
        assert inspected.returncode == 0, inspected.stderr
        assert "predicts       v_prediction" in inspected.stdout and "not used" not in inspected.stdout
        drawn = dvar("sample", "--model", file, "--config", bare, "--prompt", "a cat", "--count", 1, "--steps", 2, "--output", tmp_path / "s", "--overwrite")
        assert drawn.returncode == 0, drawn.stderr
    save_file({**tensors, "v_pred": torch.tensor([])}, file)
    for folder, prediction in [("epsilon", "epsilon"), ("velocity", "v_prediction")]:
        config = tmp_path / folder
        shutil.copytree(model / "config", config)
        scheduler = config / "scheduler" / "scheduler_config.json"
        scheduler.write_text(json.dumps({**json.loads(scheduler.read_text()), "prediction_type": prediction}))
        inspected = dvar("inspect", file, "--config", config)
        assert (inspected.returncode == 0) == (prediction == "v_prediction"), inspected.stderr
    refused = dvar("inspect", file, "--config", tmp_path / "epsilon")
    assert refused.returncode == 1 and "prediction_type" in refused.stderr and str(file) in refused.stderr


def test_what_the_network_predicts_is_asked_for_where_nothing_says_it(model, tmp_path):
    file, bare = model / "checkpoint.safetensors", tmp_path / "bare"
    shutil.copytree(model / "config" / "tokenizer", bare / "tokenizer")
    is_version_2 = any(name.startswith("cond_stage_model.model.") for name in load_file(file))
    untold = dvar("inspect", file, "--config", bare)
    if is_version_2:
        assert untold.returncode == 1 and untold.stderr.count("\n") == 1 and "--prediction-type epsilon" in untold.stderr
    else:
        assert untold.returncode == 0 and "nothing says what its network predicts" in untold.stdout
    for prediction in ["epsilon", "v_prediction"]:
        told = dvar("inspect", file, "--config", bare, "--prediction-type", prediction)
        assert told.returncode == 0, told.stderr
        assert f"predicts       {prediction}" in told.stdout and "nothing says" not in told.stdout
    # Where something says it, it has to be the same.
    (bare / "scheduler").mkdir()
    (bare / "scheduler" / "scheduler_config.json").write_text('{"prediction_type": "v_prediction"}')
    for prediction in ["epsilon", "v_prediction"]:
        told = dvar("inspect", file, "--config", bare, "--prediction-type", prediction)
        assert (told.returncode == 0) == (prediction == "v_prediction"), told.stderr
    save_file({**load_file(file), "v_pred": torch.tensor([])}, tmp_path / "marked.safetensors")
    refused = dvar("inspect", tmp_path / "marked.safetensors", "--config", bare, "--prediction-type", "epsilon")
    assert refused.returncode == 1 and "is marked" in refused.stderr and refused.stderr.count("\n") == 1


def other_autoencoder(model, folder, **changes):
    """Another autoencoder of the same latents, as diffusers saves it."""
    config = json.loads((model / "config" / "vae" / "config.json").read_text())
    autoencoder = AutoencoderKL.from_config({**config, **changes})
    randomize(autoencoder, 9).save_pretrained(folder)
    return autoencoder


def test_another_autoencoder(model, tmp_path):
    """In each form that it comes in, it draws what a checkpoint draws that has it in place of its own."""
    file, config = model / "checkpoint.safetensors", model / "config"
    autoencoder = other_autoencoder(model, tmp_path / "model" / "vae")
    original = original_autoencoder(autoencoder.state_dict(), 2)
    bare = {name.removeprefix("first_stage_model."): value for name, value in original.items()}
    forms = {"prefixed": original, "original": bare, "diffusers": autoencoder.state_dict()}
    for name, tensors in forms.items():
        (tmp_path / name).mkdir()
        save_file({key: value.contiguous() for key, value in tensors.items()}, tmp_path / name / "vae.safetensors")
    tensors = load_file(file)
    save_file({**tensors, **{key: value.contiguous() for key, value in original.items()}}, tmp_path / "whole.safetensors")
    without = {key: value for key, value in tensors.items() if not key.startswith("first_stage_model.")}
    save_file(without, tmp_path / "without.safetensors")

    def drawn(name, checkpoint, *words):
        folder = tmp_path / f"drawn {name}"
        result = dvar("sample", "--model", checkpoint, "--config", config, *words, "--prompt", "a cat", "--count", 1, "--steps", 2, "--output", folder, "--threads", 1)
        assert result.returncode == 0, result.stderr
        return Image.open(folder / "000.png").tobytes()

    expected = drawn("whole", tmp_path / "whole.safetensors")
    assert drawn("own", file) != expected
    for form in [*(tmp_path / name / "vae.safetensors" for name in forms), tmp_path / "model", tmp_path / "model" / "vae"]:
        assert drawn(form.parent.name + form.name, file, "--vae", form) == expected, form
    assert drawn("without", tmp_path / "without.safetensors", "--vae", tmp_path / "model") == expected
    # An autoencoder of other latents would decode noise, and one of another model usually has another scale.
    other_autoencoder(model, tmp_path / "scaled", scaling_factor=0.5)
    other_autoencoder(model, tmp_path / "wide", latent_channels=8)
    save_file({"a": torch.zeros(1)}, tmp_path / "nothing.safetensors")
    for name, words in [("scaled", "scaling_factor"), ("wide", "latent_channels"), ("nothing.safetensors", "encoder.conv_in.weight"), ("missing", "missing")]:
        refused = dvar("inspect", file, "--config", config, "--vae", tmp_path / name)
        assert refused.returncode == 1 and refused.stderr.count("\n") == 1 and words in refused.stderr, refused.stderr


def changed(model, folder, change):
    """A copy of the checkpoint with `change` made to its tensors."""
    tensors = load_file(model / "checkpoint.safetensors")
    change(tensors)
    save_file(tensors, folder / "changed.safetensors")
    return folder / "changed.safetensors"


def test_missing_and_surplus_tensors_are_named(model, tmp_path):
    file = changed(model, tmp_path, lambda t: t.pop("model.diffusion_model.input_blocks.1.0.in_layers.2.bias"))
    refused = dvar("inspect", file, "--config", model / "config")
    assert refused.returncode == 1 and str(file) in refused.stderr
    assert "down_blocks.0.resnets.0.conv1.bias" in refused.stderr

    def add(tensors):
        tensors["first_stage_model.encoder.other.weight"] = torch.zeros(1)
        tensors["model.diffusion_model.input_blocks.1.0.in_layers.2.other"] = torch.zeros(1)

    warned = dvar("inspect", changed(model, tmp_path, add), "--config", model / "config")
    assert warned.returncode == 0, warned.stderr
    for name in ["first_stage_model.encoder.other.weight", "model.diffusion_model.input_blocks.1.0.in_layers.2.other"]:
        assert f'not used       "{name}"' in warned.stdout


def test_what_cannot_be_used_is_refused(model, tmp_path):
    file, config = model / "checkpoint.safetensors", model / "config"

    def refusal(file, *words):
        result = dvar("sample", "--prompt", "x", "--output", tmp_path / "s", "--model", file, *words)
        assert result.returncode == 1 and "internal" not in result.stderr, result.stderr
        return result.stderr

    assert "--config" in refusal(file)
    assert "tokenizer/vocab.json" in refusal(file, "--config", tmp_path)
    assert "expected a checkpoint in one file beside it" in refusal(config, "--config", config)

    def renamed(start, other):
        def change(tensors):
            for name in [name for name in tensors if name.startswith(start)]:
                tensors[other + name.removeprefix(start)] = tensors.pop(name)

        return change

    for start, other, message in [
        ("cond_stage_model.", "conditioner.embedders.0.", "conditioner.embedders."),
        ("model.diffusion_model.", "model.diffusion_model.joint_blocks.", "Stable Diffusion 3"),
        ("cond_stage_model.", "cond_stage_model.transformer.attn_layers.", "LDM text-to-image"),
        ("first_stage_model.", "vae.", "no first_stage_model."),
    ]:
        assert message in refusal(changed(model, tmp_path, renamed(start, other)), "--config", config)

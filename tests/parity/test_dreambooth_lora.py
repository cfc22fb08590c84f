"""A hundred steps of DreamBooth-LoRA end where diffusers' computation ends: the same weights, pictures, draws and first factors.

The peer's side is the loop of diffusers' examples/dreambooth/train_dreambooth_lora.py on diffusers, peft, transformers and torch,
with the token's vectors learned beside the factors; files of either side give the same predictions on the other."""

import numpy
import pytest
import torch
import toy_models
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_diffusers
from method_peers import DrawnPictures, learn, setting, train_with_peer
from peers import error, normal, run
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file

LORA_RATE, TEXT_RATE = 1e-3, 3e-4
ATTENTION = ["to_k", "to_q", "to_v", "to_out.0"]
TRANSFORMER = [*ATTENTION, "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]
CONVOLUTIONS = ["conv1", "conv2", "downsamplers.0.conv", "upsamplers.0.conv"]  # of 3 x 3
FULL = [*TRANSFORMER, "time_emb_proj", "conv_shortcut", *CONVOLUTIONS]
TEXT_ATTENTION = ["q_proj", "k_proj", "v_proj", "out_proj"]
TEXT = [*TEXT_ATTENTION, "fc1", "fc2"]
LAYERS = [(ATTENTION, TEXT_ATTENTION), (TRANSFORMER, TEXT), (FULL, TEXT)]  # as `training::lora_layers` counts them


def salt_of(layer):
    """64-bit FNV-1a."""
    value = 0xCBF29CE484222325
    for byte in layer.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def mixed(numbers):
    """SplitMix64's finalizer."""
    numbers = (numbers ^ (numbers >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> numpy.uint64(31))


def kept(shape, probability, keys, layer):
    """Our masks, computed once more."""
    streams = mixed(keys.numpy().view(numpy.uint64) ^ numpy.uint64(salt_of(layer)))
    places = numpy.arange(1, numpy.prod(shape[1:]) + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
    numbers = mixed(streams[:, None] + places).view(numpy.int64)
    return torch.tensor(numbers < int((0.5 - probability) * 2.0**64)).view(shape)


class GivenDropout(torch.nn.Module):
    """Drops what ours drops, in the place of peft's `torch.nn.Dropout`."""

    def __init__(self, unet, layer, probability, keys):
        super().__init__()
        # Not a child: the layer is one of the UNet's.
        self.__dict__["unet"] = unet
        self.layer, self.probability, self.keys = layer, probability, keys

    def forward(self, x):
        # Ours has pixels as a sequence there.
        is_sequence = x.dim() == 4 and self.layer.endswith(("proj_in", "proj_out"))
        seen = x.permute(0, 2, 3, 1) if is_sequence else x
        mask = kept(tuple(seen.shape), self.probability, self.keys[self.unet.step], self.layer)
        mask = mask.permute(0, 3, 1, 2) if is_sequence else mask
        assert not mask.all() and mask.any()
        return x * mask / (1 - self.probability)


def add_factors(network, config, ours, our_name, drop):
    """Adds peft's layers to a network, with our first factors; returns them by our names."""
    network.add_adapter(config)
    added = {}
    for name, module in network.named_modules():
        if not hasattr(module, "lora_A"):
            continue
        layer = our_name(name)
        if config.lora_dropout:
            assert module.lora_dropout["default"].p == config.lora_dropout
            module.lora_dropout["default"] = drop(layer)
        for side, factors in {"down": module.lora_A, "up": module.lora_B}.items():
            value, first = factors["default"].weight, ours[f"before/{layer}/{side}"]
            if side == "down":
                # The same distribution as the peer's own: normal, with the deviation 1 / rank.
                assert 0.5 / len(value) < first.std() < 2 / len(value)
            else:
                assert (first == 0).all() and (value == 0).all()
            with torch.no_grad():
                value.copy_(first.view(value.shape))
            added[f"{layer}/{side}"] = value
    return added


def with_draws_of_dropout(draws):
    generator = torch.Generator().manual_seed(int(draws["pictures"].sum()))
    return {"dropout_keys": torch.randint(-(2**63), 2**63 - 1, draws["pictures"].shape, generator=generator)}


EVERYTHING = {
    "layers": 2.0, "rank": 4.0, "alpha": 2.0, "conv_rank": 2.0, "conv_alpha": 3.0, "dropout": 0.25, "text_encoder": 1.0, "prior_weight": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"freeze_token": 1.0, "alpha": 7.0},
        {"layers": 1.0, "rank": 2.0, "alpha": 1.0},
        {"prior_weight": 0.5},
        {"layers": 1.0, "dropout": 0.1},
        {"layers": 2.0, "conv_rank": 2.0, "conv_alpha": 1.0},
        {"text_encoder": 1.0},
        {"text_encoder": 1.0, "layers": 1.0, "freeze_token": 1.0},
        EVERYTHING,
    ],
    ids=[
        "attention", "factors alone", "all layers", "prior preservation", "dropout", "convolutions", "text encoder",
        "text encoder, factors alone", "everything",
    ],
)  # fmt: skip
def test_a_hundred_steps(changes, tmp_path, record_property):
    options = {
        "rank": 4.0, "alpha": 4.0, "layers": 0.0, "freeze_token": 0.0, "conv_rank": 4.0, "conv_alpha": 4.0, "dropout": 0.0,
        "text_encoder": 0.0, "lora_learning_rate": LORA_RATE, "text_learning_rate": TEXT_RATE, **changes,
    }  # fmt: skip
    all_of = setting(tmp_path, options, with_draws_of_dropout if options["dropout"] else lambda draws: {})
    ours = all_of.with_ours("dreambooth_lora")
    of_unet, of_text = LAYERS[int(options["layers"])]
    common = dict(
        r=int(options["rank"]), lora_alpha=options["alpha"], lora_dropout=options["dropout"], init_lora_weights="gaussian"
    )
    added = {}

    def learned_of(unet, text):
        def drop(layer):
            return GivenDropout(unet, layer, options["dropout"], all_of.draws["dropout_keys"])

        # peft warns of patterns that match nothing.
        of_convolutions = {"rank": int(options["conv_rank"]), "alpha": options["conv_alpha"]} if of_unet is FULL else {}
        patterns = {f"{part}_pattern": dict.fromkeys(CONVOLUTIONS, value) for part, value in of_convolutions.items()}
        config = LoraConfig(target_modules=of_unet, **common, **patterns)
        added.update(add_factors(unet, config, ours, lambda name: name, drop))
        groups = [{"params": list(added.values()), "lr": LORA_RATE}]
        if options["text_encoder"]:
            config = LoraConfig(target_modules=of_text, **common)
            in_text = add_factors(text, config, ours, lambda name: f"text_encoder.text_model.{name}", drop)
            groups.append({"params": list(in_text.values()), "lr": TEXT_RATE})
            added.update(in_text)
        return groups

    losses, vectors, norms = train_with_peer(all_of, ours, learned_of)

    assert error(ours["losses"], losses) < 1e-10
    assert error(ours["norms"], norms) < 1e-9
    errors = [error(ours["vectors"][-1], vectors[-1])]
    moved = {}
    for key, theirs in added.items():
        errors.append(error(ours[f"after/{key}"], theirs.view(ours[f"after/{key}"].shape)))
        moved[key] = (ours[f"after/{key}"] - ours[f"before/{key}"]).abs().max().item()
    assert sorted(added) == sorted(name.removeprefix("after/") for name in ours if name.startswith("after/"))
    record_property("the worst of vectors and factors after 100 steps", max(errors))
    assert max(errors) < 1e-8, max(errors)
    assert all(far > (TEXT_RATE if "text_encoder" in key else LORA_RATE) for key, far in moved.items()), "every factor is learned"
    assert torch.equal(ours["vectors"][0], ours["vectors"][-1]) == bool(options["freeze_token"])


def with_random_factors(folder, alpha):
    unet = toy_models.unet()
    unet.save_pretrained(folder)
    unet.add_adapter(LoraConfig(r=4, lora_alpha=alpha, target_modules=FULL))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in unet.named_parameters():
            if "lora_" in name:
                value.copy_(0.3 * torch.randn(value.shape, generator=generator))
    return unet


FORMS = {
    "peft": lambda state: state,
    "diffusers' older": convert_state_dict_to_diffusers,
}


@pytest.mark.parametrize("form", FORMS)
def test_files_of_either_side(form, tmp_path, record_property):
    """A file of diffusers is read here, and both files that are written here are read by diffusers: the same prediction."""
    theirs = with_random_factors(tmp_path / "unet", alpha=6)
    state = FORMS[form](get_peft_model_state_dict(theirs))
    metadata = {"unet_lora_adapter_metadata": theirs.peft_config["default"].to_dict()}
    StableDiffusionPipeline.save_lora_weights(
        tmp_path / "unet", unet_lora_layers=state, weight_name="lora.safetensors", **metadata
    )
    inputs = {"sample": normal(2, 4, 8, 8), "timesteps": torch.tensor([3, 700]), "context": normal(2, 16, toy_models.WIDTH)}
    ours = run("unet_with_lora", tmp_path / "unet", inputs, tmp_path)
    plain = toy_models.unet()(*inputs.values()).sample
    expected = theirs(*inputs.values()).sample
    assert error(plain, expected) > 0.05, "the factors do something"
    assert error(ours["output"], expected) < 1e-5
    for file in ["written", "written_kohya"]:
        loaded = UNet2DConditionModel.from_pretrained(tmp_path / "unet")
        state, alphas, *_ = StableDiffusionPipeline.lora_state_dict(
            tmp_path / "unet" / f"{file}.safetensors", unet_config=loaded.config
        )
        StableDiffusionPipeline.load_lora_into_unet(state, network_alphas=alphas, unet=loaded)
        found = error(loaded(*inputs.values()).sample, expected)
        record_property(f"{form}, {file}: prediction", found)
        assert found < 1e-5, file


def test_names_in_both_layouts(tmp_path):
    """The keys that peers look for, down to kohya's alpha."""
    theirs = with_random_factors(tmp_path / "unet", alpha=4)
    state = {f"unet.{name}": value.contiguous() for name, value in get_peft_model_state_dict(theirs).items()}
    save_file(state, tmp_path / "unet" / "lora.safetensors")
    inputs = {"sample": normal(1, 4, 8, 8), "timesteps": torch.tensor([3]), "context": normal(1, 16, toy_models.WIDTH)}
    run("unet_with_lora", tmp_path / "unet", inputs, tmp_path)
    written = load_file(tmp_path / "unet" / "written.safetensors")
    assert {name: value.shape for name, value in written.items()} == {name: value.shape for name, value in state.items()}
    kohya = load_file(tmp_path / "unet" / "written_kohya.safetensors")
    layer = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0"
    assert kohya[f"{layer}.lora_down.weight"].shape == (4, 16)
    assert kohya[f"{layer}.lora_up.weight"].shape == (16, 4)
    assert kohya[f"{layer}.alpha"].shape == () and kohya[f"{layer}.alpha"] == 4
    assert 2 * len(kohya) == 3 * len(written)


@pytest.mark.parametrize(
    "options",
    [
        ["--lora-layers", "attention"],
        ["--lora-layers", "transformer"],
        ["--lora-layers", "full", "--conv-rank", 2, "--conv-alpha", 3],
        ["--lora-text-encoder"],
        ["--lora-layers", "full", "--lora-text-encoder", "--lora-text-learning-rate", 0.02],
    ],
    ids=["attention", "transformer", "full", "attention, text encoder", "full, text encoder"],
)
def test_the_same_picture(options, tmp_path, record_property):
    """What a run on the bundled model leaves, loaded by `load_lora_weights` in both layouts, and what diffusers saves of that: the
    pictures that we draw."""
    drawn = DrawnPictures(tmp_path)
    learn(drawn.out, "--method", "dreambooth-lora", *options, "--alpha", 6, "--lora-learning-rate", 0.01)
    for file in ["pytorch_lora_weights.safetensors", "pytorch_lora_weights_kohya.safetensors"]:
        ours = drawn.draw(file, "--lora", f"{drawn.out / file}:0.8")
        pipeline = drawn.pipeline()
        plain = drawn.draw_by(pipeline)
        pipeline.load_lora_weights(str(drawn.out), weight_name=file)
        theirs = drawn.draw_by(pipeline, cross_attention_kwargs={"scale": 0.8})
        drawn.compare(ours, plain, theirs, file, record_property)
    # diffusers' own programs convert the text encoder's names; of the UNet's so converted diffusers 0.42.1 reads attention alone.
    saved = {"unet_lora_layers": get_peft_model_state_dict(pipeline.unet, adapter_name="default_0")}
    if "--lora-text-encoder" in options:
        of_text = get_peft_model_state_dict(pipeline.text_encoder, adapter_name="default_0")
        saved["text_encoder_lora_layers"] = convert_state_dict_to_diffusers(of_text)
    pipeline.save_lora_weights(tmp_path, **saved, weight_name="saved.safetensors")
    assert len(load_file(tmp_path / "saved.safetensors")) == len(load_file(drawn.out / "pytorch_lora_weights.safetensors"))
    ours = drawn.draw("of what diffusers saved", "--lora", tmp_path / "saved.safetensors")
    # Without metadata alpha is the rank, as it is in our file for diffusers.
    pipeline = drawn.pipeline()
    pipeline.load_lora_weights(tmp_path, weight_name="saved.safetensors")
    drawn.compare(ours, plain, drawn.draw_by(pipeline), "what diffusers saved", record_property)

"""A hundred steps of Custom Diffusion end where diffusers' computation ends: the same weights, pictures and draws.

The peer's side is the loop of diffusers' examples/custom_diffusion/train_custom_diffusion.py on diffusers' processors, transformers
and torch; files of either side give the same predictions on the other."""

import json
import types

import numpy
import pytest
import torch
import toy_models
from diffusers import UNet2DConditionModel
from diffusers.loaders import AttnProcsLayers
from diffusers.models.attention_processor import CustomDiffusionAttnProcessor2_0
from method_peers import SIZE, STEPS, DrawnPictures, dvar, learn, setting, train_with_peer
from paths import FROG
from peers import error, normal, run
from PIL import Image
from safetensors.torch import load_file

KV_RATE, FACTOR = 1e-3, 2


def add_processors(unet):
    """Those of the example: all attentions have one, and those of the text learn keys and values, beginning with the UNet's."""
    state, processors = unet.state_dict(), {}
    for name in unet.attn_processors:
        of_text = name.endswith("attn2.processor")
        layer = name.removesuffix(".processor")
        hidden = state[f"{layer}.to_k.weight"].shape[0]
        processors[name] = CustomDiffusionAttnProcessor2_0(
            train_kv=of_text, train_q_out=False, hidden_size=hidden,
            cross_attention_dim=unet.config.cross_attention_dim if of_text else None,
        ).to(unet.dtype)  # fmt: skip
        if of_text:
            processors[name].load_state_dict({
                f"{part}_custom_diffusion.weight": state[f"{layer}.{part}.weight"] for part in ["to_k", "to_v"]
            })  # fmt: skip
    unet.set_attn_processor(processors)
    return AttnProcsLayers(unet.attn_processors)


def layer_of(name):
    """Our name of what diffusers calls `LAYER.processor.to_k_custom_diffusion.weight`."""
    return name.replace(".processor.", ".").removesuffix("_custom_diffusion.weight")


def draw_rescalings(draws):
    """Small ones, whole ones and large ones, at all places."""
    generator = numpy.random.default_rng(14)
    drawn = []
    for picture in draws["pictures"].flatten().tolist():
        edge = int(generator.choice([*range(3 * FACTOR, SIZE + 1), *range(SIZE + 3, SIZE + 6)]))
        drawn.append([picture, edge, *generator.integers(0, abs(edge - SIZE) + 1, 2).tolist()])
    return torch.tensor(drawn).view(*draws["pictures"].shape, 4)


def frame_and_mask(levels, edge, top, left):
    """What the example's `preprocess` makes of a picture: by Pillow, with NumPy's indices."""
    picture = Image.fromarray(levels.permute(1, 2, 0).numpy()).resize((edge, edge), resample=Image.BILINEAR)
    picture = torch.tensor(numpy.asarray(picture)).permute(2, 0, 1) / 127.5 - 1.0
    if edge > SIZE:
        return picture[:, top : top + SIZE, left : left + SIZE], torch.ones(1, SIZE // FACTOR, SIZE // FACTOR)
    frame, mask = torch.zeros(3, SIZE, SIZE), torch.zeros(1, SIZE // FACTOR, SIZE // FACTOR)
    frame[:, top : top + edge, left : left + edge] = picture
    rows, columns = (slice(first // FACTOR + 1, (first + edge) // FACTOR - 1) for first in [top, left])
    mask[:, rows, columns] = 1.0
    assert mask.sum() > 0
    return frame, mask


def check_frames(levels, rescalings, ours, record_property):
    apart = []
    for step in range(len(rescalings)):
        for i, (picture, *how) in enumerate(rescalings[step].tolist()):
            frame, mask = frame_and_mask(levels[picture], *how)
            assert torch.equal(ours["masks"][step, i], mask)
            apart.append(127.5 * (ours["frames"][step, i] - frame).abs())
    apart = torch.stack(apart)
    record_property("numbers of a frame that are a level apart", (apart > 0.5).float().mean().item())
    # Linear weights of so small pictures give exact halves, which Pillow's integers round to the other side.
    assert apart.max() < 1.01 and apart.mean() < 0.05, (apart.max(), apart.mean())


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"freeze_token": 1.0}, {"prior_weight": 0.5}, {"rescale": False}, {"rescale": False, "prior_weight": 2.0},
        {"joint": True, "prior_weight": 0.5}, {"joint": True, "rescale": False, "prior_weight": 1.0},
    ],
    ids=[
        "rescaled", "weights alone", "prior preservation", "as they are", "as they are, prior preservation",
        "two concepts, prior preservation", "two concepts as they are, prior preservation",
    ],
)  # fmt: skip
def test_a_hundred_steps(changes, tmp_path, record_property):
    options = {"freeze_token": 0.0, "max_gradient_norm": 1.0, "kv_learning_rate": KV_RATE, "rescale": True, **changes}
    rescale, joint = options.pop("rescale"), options.pop("joint", False)
    all_of = setting(tmp_path, options, joint=joint)
    batch = all_of.inputs["pictures"].shape[1]
    if rescale:
        rescalings = draw_rescalings(all_of.inputs)
        all_of.inputs |= {"rescalings": rescalings, "levels": all_of.levels}
    ours = all_of.with_ours("custom_diffusion")
    if rescale:
        check_frames(all_of.levels, rescalings, ours, record_property)
        masks = ours["masks"].to(torch.float64)
    else:
        masks = torch.ones(STEPS, batch, 1, SIZE // FACTOR, SIZE // FACTOR, dtype=torch.float64)

    def pixels(step):
        shown = all_of.pictures[all_of.draws["pictures"][step]]
        return torch.cat([ours["frames"][step], shown[batch:]]) if rescale else shown

    def mean(errors, step):
        # The mask has one channel, and the errors have all: they are summed up over these.
        mask = masks[step]
        return ((errors * mask).sum([1, 2, 3]) / mask.sum([1, 2, 3])).mean()

    learned = {}

    def learned_of(unet, text):
        layers = add_processors(unet)
        learned.update(layers.state_dict(keep_vars=True))
        return [{"params": list(layers.parameters()), "lr": KV_RATE}]

    losses, vectors, norms = train_with_peer(all_of, ours, learned_of, pixels, mean, options["max_gradient_norm"])

    assert error(ours["losses"], losses) < 1e-10
    assert error(ours["norms"], norms) < 1e-9
    assert norms.max() > options["max_gradient_norm"], "the limit is reached"
    errors = [error(ours["vectors"][-1], vectors[-1])]
    moved = []
    for name, theirs in learned.items():
        layer = layer_of(name)
        errors.append(error(ours[f"after/{layer}"], theirs))
        moved.append((ours[f"after/{layer}"] - ours[f"before/{layer}"]).abs().max().item())
    assert len(learned) == len([name for name in ours if name.startswith("after/")])
    record_property("the worst of vectors and weights after 100 steps", max(errors))
    record_property("steps at the limit of the gradient", int((norms > options["max_gradient_norm"]).sum()))
    assert max(errors) < 1e-8, max(errors)
    assert min(moved) > KV_RATE, "every weight is learned"
    assert torch.equal(ours["vectors"][0], ours["vectors"][-1]) == bool(options["freeze_token"])
    if joint:
        assert (ours["vectors"][-1] - all_of.initial).abs().amax(1).min() > 1e-2, "both tokens are learned"
        assert torch.equal(ours["own_ids"], ours["ids"]), "the captions that a run draws from"


def with_random_weights(folder):
    unet = toy_models.unet()
    unet.save_pretrained(folder)
    add_processors(unet)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in unet.named_parameters():
            if "custom_diffusion" in name:
                value.add_(0.3 * torch.randn(value.shape, generator=generator))
    return unet


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "torch.save"])
def test_files_of_either_side(safe, tmp_path, record_property):
    """A file of diffusers is read here, and what is written here is read by diffusers: the same prediction."""
    theirs = with_random_weights(tmp_path / "unet")
    name = "custom.safetensors" if safe else "custom.bin"
    theirs.save_attn_procs(tmp_path / "unet", weight_name=name, safe_serialization=safe)
    inputs = {"sample": normal(2, 4, 8, 8), "timesteps": torch.tensor([3, 700]), "context": normal(2, 16, toy_models.WIDTH)}
    ours = run("unet_with_custom_diffusion", tmp_path / "unet", inputs, tmp_path)
    plain = toy_models.unet()(*inputs.values()).sample
    expected = theirs(*inputs.values()).sample
    assert error(plain, expected) > 0.05, "the weights do something"
    assert error(ours["output"], expected) < 1e-5
    loaded = UNet2DConditionModel.from_pretrained(tmp_path / "unet")
    # Without a pipeline diffusers 0.42.1 reads the file and does nothing with it.
    pipeline = types.SimpleNamespace(hf_device_map=None, components={})
    loaded.load_attn_procs(tmp_path / "unet", weight_name="written.safetensors", _pipeline=pipeline)
    found = error(loaded(*inputs.values()).sample, expected)
    record_property("prediction of the file that is written here", found)
    assert found < 1e-5
    written, saved = (load_file(tmp_path / "unet" / file) for file in ["written.safetensors", name]) if safe else ({}, {})
    for layer, weight in saved.items():
        assert torch.equal(written[layer], weight)
    assert all(len(weight) == 0 for layer, weight in written.items() if layer not in saved)


FILE = "pytorch_custom_diffusion_weights.safetensors"


def compare_pictures(drawn, record_property):
    """What a run has left, loaded by `load_attn_procs` and `load_textual_inversion`: the pictures that we draw."""
    ours = drawn.draw("drawn", "--custom-diffusion", drawn.out / FILE)
    pipeline = drawn.pipeline()
    plain = drawn.draw_by(pipeline)
    pipeline.unet.load_attn_procs(str(drawn.out), weight_name=FILE, _pipeline=pipeline)
    drawn.compare(ours, plain, drawn.draw_by(pipeline), "custom diffusion", record_property)


def test_the_same_picture(tmp_path, record_property):
    drawn = DrawnPictures(tmp_path)
    learn(drawn.out, "--method", "custom-diffusion", "--kv-learning-rate", 0.01)
    compare_pictures(drawn, record_property)


def test_the_same_picture_of_two_tokens(tmp_path, record_property):
    """Two concepts of the bundled model, learned together: a file for each token beside one with the weights."""
    concepts = FROG.parent
    (tmp_path / "concepts.json").write_text(json.dumps([
        {"instance_data_dir": str(concepts / "panda"), "modifier_token": "<new1>", "initializer_token": "green"},
        {"instance_data_dir": str(concepts / "cherries"), "modifier_token": "<new2>", "initializer_token": "red"},
    ]))  # fmt: skip
    drawn = DrawnPictures(tmp_path, ["<new1>.safetensors", "<new2>.safetensors"], "a drawing of a <new1> beside a <new2>")
    dvar(
        "train", "--method", "custom-diffusion", "--concepts-list", tmp_path / "concepts.json", "--output", drawn.out,
        "--kv-learning-rate", 0.01, "--learning-rate", 0.05, "--max-steps", 3, "--samples", 0, "--threads", 1,
    )  # fmt: skip
    compare_pictures(drawn, record_property)

"""`dvar score` gives what transformers' models and Pillow give for the same files: the bundled CLIP, and a second encoder with
random weights."""

import json
import subprocess

import numpy
import pytest
import torch
from paths import DEMO, DVAR, FROG
from peers import randomize
from PIL import Image
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, CLIPVisionModelWithProjection, ViTConfig
from transformers import ViTImageProcessorPil, ViTModel

PROMPT = "a photo of a green frog"


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run([DVAR, "sample", "--prompt", "a flat drawing of a green apple", "--output", folder, "--count", "3",
                    "--steps", "3", "--threads", "1", "--quiet"], check=True, capture_output=True)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """Also shows pictures of another size than its position embedding was made for."""
    folder = tmp_path_factory.mktemp("encoder")
    network = randomize(ViTModel(ViTConfig(hidden_size=24, intermediate_size=40, num_hidden_layers=2,
                                           num_attention_heads=3, image_size=32, patch_size=8)))  # fmt: skip
    network.save_pretrained(folder)
    processor = ViTImageProcessorPil(size={"height": 48, "width": 48}, resample=3)
    processor.save_pretrained(folder)
    return folder, network, processor


def squares(files):
    """As training takes them: the whole picture on white, squeezed into the samples' size."""
    pictures = []
    for file in files:
        picture = Image.open(file).convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        pictures.append(Image.alpha_composite(white, picture).convert("RGB").resize((64, 64), Image.BICUBIC))
    return pictures


def unit(rows):
    return rows / rows.norm(dim=1, keepdim=True)


def mean_of_different(features):
    n = len(features)
    return sum(1 - (features[i] @ features[j]).item() for i in range(n) for j in range(n) if i != j) / (n * (n - 1))


def test_scores_of_a_folder(samples, encoder):
    folder, network, processor = encoder
    done = subprocess.run([DVAR, "score", "--images", FROG, "--samples", samples, "--identity", folder, "--prompt", PROMPT,
                           "--threads", "1", "--json"], check=True, capture_output=True, text=True)  # fmt: skip
    ours = json.loads(done.stdout)
    drawn = squares(sorted(file for file in samples.glob("*.png") if file.name != "grid.png"))
    learned = squares(sorted(FROG.glob("*.png")))
    assert (len(drawn), len(learned)) == (3, 4)

    with torch.no_grad():

        def by_encoder(pictures):
            pixels = processor(pictures, return_tensors="pt")["pixel_values"]
            return unit(network(pixels, interpolate_pos_encoding=True).last_hidden_state[:, 0])

        vision = CLIPVisionModelWithProjection.from_pretrained(DEMO / "model" / "image_encoder").float()
        text = CLIPTextModelWithProjection.from_pretrained(DEMO / "model" / "text_encoder").float()
        tokenizer = CLIPTokenizer.from_pretrained(DEMO / "model" / "tokenizer")

        def by_clip(pictures):
            levels = numpy.stack([numpy.asarray(picture) for picture in pictures])
            return unit(vision(torch.from_numpy(levels).permute(0, 3, 1, 2).float() / 127.5 - 1).image_embeds)

        ids = tokenizer(PROMPT, return_tensors="pt")["input_ids"]
        prompt = unit(text(ids).text_embeds)
        theirs = {
            "clip_score": (by_clip(drawn) @ by_clip(learned).T).mean().item(),
            "text_score": (by_clip(drawn) @ prompt.T).mean().item(),
            "clip_diversity": mean_of_different(by_clip(drawn)),
            "identity_score": (by_encoder(drawn) @ by_encoder(learned).T).mean().item(),
            "identity_diversity": mean_of_different(by_encoder(drawn)),
        }
    # Samples are read as they are; of the pictures to be resized, some pixels may be a level apart.
    for name, tolerance in [("text_score", 1e-5), ("clip_diversity", 1e-5), ("clip_score", 1e-3),
                            ("identity_diversity", 1e-3), ("identity_score", 1e-3)]:  # fmt: skip
        assert ours[name] == pytest.approx(theirs[name], abs=tolerance), name
    assert ours["prompt"] == PROMPT and ours["samples"] == 3 and ours["pictures"] == 4
    # Values that different samples have, not the ends of the scale.
    assert all(0.001 < abs(value) < 0.999 for value in theirs.values()), theirs

#!/usr/bin/env python3
"""What the published choice of an initial word costs: a word at a time through transformers' CLIP, in four prompts that are
padded to 77 ids. Some words are timed and all are counted. Prints one line of JSON.

usage: initial_word.py CLIP_DIR --words N [--timed N] [--threads N]
"""

import argparse
import json
import pathlib

import torch
from diffusers_steps import usage
from transformers import CLIPModel, CLIPTokenizer

TEMPLATES = ["a photo of a {}", "a rendering of a {}", "a cropped photo of the {}", "the photo of a {}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("clip", type=pathlib.Path)
    parser.add_argument("--words", type=int, required=True)
    parser.add_argument("--timed", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    clip = CLIPModel.from_pretrained(given.clip).eval()
    tokenizer = CLIPTokenizer.from_pretrained(given.clip)

    def encode(word):
        prompts = [template.format(word) for template in TEMPLATES]
        ids = tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
        with torch.no_grad():
            return clip.text_projection(clip.text_model(**ids).pooler_output)

    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [a + b + c for a in letters for b in letters for c in letters][:: 17576 // given.timed][: given.timed]
    encode(words[0])
    before = usage()
    for word in words:
        encode(word)
    after = usage()
    scale = given.words / len(words)
    measured = {"wall": scale * (after[0] - before[0]), "cpu": scale * (after[1] - before[1]), "peak_mib": after[2]}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()

"""Models of the published sizes with random weights, and tokenizers of their sizes. What is made is kept."""

import concurrent.futures
import itertools
import json
import multiprocessing
import os
import pathlib
import shutil
import string
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARITY = ROOT / "tests" / "parity"
CONCEPTS = ROOT / "reference" / "demo" / "concepts"
DEMO = ROOT / "reference" / "demo" / "model"
VOCABULARY = 49408


def symbols_of_bytes():
    """The 256 symbols of CLIP's tokenizer, one a byte."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in visible] + [chr(256 + i) for i in range(256 - len(visible))]


def save_tokenizer(folder, merges):
    """A tokenizer of CLIP's size with these merges, as many as it has."""
    symbols = symbols_of_bytes()
    tokens = symbols + [s + "</w>" for s in symbols] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(tokens) == len(set(tokens)) == VOCABULARY
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *(f"{a} {b}" for a, b in merges), ""]))
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
             "pad_token": "<|endoftext|>"}  # fmt: skip
    (folder / "special_tokens_map.json").write_text(json.dumps(names))
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def write_tokenizer(folder):
    """Its bytes, and pairs of them."""
    symbols = symbols_of_bytes()
    save_tokenizer(folder, list(itertools.islice(itertools.product(symbols, symbols), VOCABULARY - 512 - 2)))


def write_tokenizer_of_words(folder):
    """Most of its tokens are words of two to four letters that begin no longer one."""
    letters = string.ascii_lowercase
    pairs = list(itertools.product(letters, letters))
    joined = [a + b for a, b in pairs]
    merges = pairs + [(a, b + "</w>") for a, b in pairs]
    merges += [(pair, letter + "</w>") for pair in joined for letter in letters]
    longer = ((first, second + "</w>") for first in joined for second in joined)
    merges += itertools.islice(longer, VOCABULARY - 512 - 2 - len(merges))
    save_tokenizer(folder, merges)


def full_size(family, folder):
    """Stable Diffusion 1.5 or LDM in fp32, by the tests' own maker."""
    if not (folder / "scheduler" / "scheduler_config.json").exists():
        environment = {**os.environ, "DVAR_BUILD_DIR": "."}  # which making a model does not need
        subprocess.run([sys.executable, "-B", PARITY / "full_size_peer.py", "make", family, folder], env=environment, check=True)
    if family == "ldm" and not (folder / "vqvae").exists():
        sys.path.insert(0, str(PARITY))
        os.environ.setdefault("DVAR_BUILD_DIR", ".")
        from full_size_peer import STABLE_DIFFUSION, randomize

        randomize(STABLE_DIFFUSION["vae"]()).save_pretrained(folder / "vqvae")
    if not (folder / "tokenizer").exists():
        write_bert_tokenizer(folder / "tokenizer") if family == "ldm" else write_tokenizer(folder / "tokenizer")
    return folder


def write_bert_tokenizer(folder):
    """BERT's size: letters, their continuations, and words that nobody writes."""
    letters = string.ascii_lowercase + string.digits
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.punctuation, *letters, *("##" + x for x in letters)]
    pieces += ["a", "photo", "of"][1:]
    pieces += [f"zq{i}" for i in range(30522 - len(pieces))]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join([*pieces, ""]))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True, "model_max_length": 77}))


def stable_diffusion(models):
    return full_size("stable-diffusion", models / "stable-diffusion")


def ldm(models):
    return full_size("ldm", models / "ldm")


def in_another_process(make, *arguments):
    """A process's peak memory, as the system counts it, is that of the one that started it if that is more: what takes memory is
    made by neither side's parent."""
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
        other.submit(make, *arguments).result()


def write_half(whole, half):
    from safetensors.torch import load_file, save_file

    for file in sorted(whole.rglob("*")):
        target = half / file.relative_to(whole)
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".safetensors":
            tensors = load_file(file)
            kept = {name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}
            save_file(kept, target, {"format": "pt"})
        elif file.is_file() and file.parent.name != "scheduler":
            shutil.copyfile(file, target)
    # Last: it says that all others are there.
    shutil.copytree(whole / "scheduler", half / "scheduler", dirs_exist_ok=True)


def stable_diffusion_in_half(models):
    """The same weights in fp16, as most are passed around."""
    whole, half = stable_diffusion(models), models / "stable-diffusion-half"
    if not (half / "scheduler" / "scheduler_config.json").exists():
        in_another_process(write_half, whole, half)
    return half


def clip_and_words(models):
    """A CLIP of ViT-L/14's size, and a model directory whose tokenizer is of words; only its tokenizer is read."""
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    folder = models / "clip-vit-large-patch14"
    if not (folder / "tokenizer_config.json").exists():
        text = CLIPTextConfig(
            vocab_size=VOCABULARY, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
            max_position_embeddings=77, projection_dim=768, bos_token_id=49406, eos_token_id=49407, pad_token_id=49407,
        )  # fmt: skip
        vision = CLIPVisionConfig(
            hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14,
            image_size=224, projection_dim=768,
        )  # fmt: skip
        config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=768)
        CLIPModel(config).eval().save_pretrained(folder)
        preprocessor = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
                        "size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}  # fmt: skip
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
        write_tokenizer_of_words(folder)
    return folder

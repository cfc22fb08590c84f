"""What the comparisons of methods that learn weights share: a model with pictures and draws, the peer's loop, and pictures that both
sides draw of what a run of the program leaves."""

import dataclasses
import subprocess

import numpy
import torch
import toy_models
from diffusers import DDIMScheduler, StableDiffusionPipeline
from paths import DEMO, DVAR, FROG
from peers import normal, run, take_alphas
from PIL import Image
from safetensors.torch import load_file
from test_textual_inversion import CAPTIONS, record_draws

STEPS, PICTURES, CLASS_PICTURES, SIZE = 100, 3, 5, 16
OTHER_PICTURES, OTHER_CLASS_PICTURES = 2, 3  # of a second concept, where there is one
RATE, WEIGHT_DECAY = 5e-3, 1e-2
OF_THING = [caption.replace("{}", "<thing>") for caption in CAPTIONS]
OF_OTHER = [caption.replace("{}", "<other>") for caption in CAPTIONS[:3]]
OF_CLASS, OF_OTHER_CLASS = "a photo of a dog", "the small cat"


def draws_of_two(draws):
    """`draws` of the pictures of two concepts and their mirror images, with captions of their own."""
    generator = torch.Generator().manual_seed(15)
    pictures = PICTURES + OTHER_PICTURES
    shape = draws["pictures"].shape
    drawn = torch.randint(0, 2 * pictures, shape, generator=generator)
    captions = torch.randint(0, len(OF_THING), shape, generator=generator)
    of_other = len(OF_THING) + captions % len(OF_OTHER)
    return draws | {"pictures": drawn, "captions": torch.where(drawn % pictures < PICTURES, captions, of_other)}


def class_draws(joint):
    """As `record_draws`, of class pictures: they stand behind the pictures and their mirror images."""
    generator = torch.Generator().manual_seed(12)
    draws = record_draws(STEPS)
    shape = draws["pictures"].shape
    pictures, captions = PICTURES + OTHER_PICTURES * joint, len(OF_THING) + len(OF_OTHER) * joint
    drawn = torch.randint(0, CLASS_PICTURES + OTHER_CLASS_PICTURES * joint, shape, generator=generator)
    return {
        **{name: values.flip(0) for name, values in draws.items()},
        "pictures": 2 * pictures + drawn,
        "captions": captions + (drawn >= CLASS_PICTURES).long(),
    }


@dataclasses.dataclass
class Setting:
    """A model with pictures in a folder, what our side is given, and what the peer needs of it."""

    folder: object
    parts: dict  # of the peer, by name
    initial: torch.Tensor
    options: dict
    inputs: dict  # of our side
    draws: dict  # those of the thing's pictures and, beside them, of the class's
    levels: torch.Tensor  # uint8, the pictures and their mirror images
    pictures: torch.Tensor  # those in [-1, 1], and the class pictures behind them
    captions: list  # of the pictures and, behind them, of the classes
    tokens: list

    def with_ours(self, method):
        """Runs our side; the peer goes on with its schedule."""
        ours = run(method, self.folder / "model", self.inputs, self.folder, double=True)
        take_alphas(self.parts["scheduler"], ours["alphas"])
        return ours


def setting(folder, options, more_draws=lambda draws: {}, joint=False):
    """A setting in a new folder. With the option `prior_weight` there are class pictures; `more_draws` adds to either's draws.
    `joint` are two concepts that are learned together, each with a token, captions and a class."""
    parts = toy_models.stable_diffusion(folder / "model")
    made = toy_models.pictures(folder / "model" / "pictures", PICTURES)
    captions, tokens = [*OF_THING, OF_CLASS], ["<thing>"]
    draws = record_draws(STEPS)
    if joint:
        made = torch.cat([made, toy_models.pictures(folder / "model" / "other_pictures", OTHER_PICTURES, seed=16)])
        captions, tokens = [*OF_THING, *OF_OTHER, OF_CLASS, OF_OTHER_CLASS], ["<thing>", "<other>"]
        draws = draws_of_two(draws)
    (folder / "model" / "captions.txt").write_text("\n".join(captions) + "\n")
    initial = 0.5 * normal(len(tokens), toy_models.WIDTH, seed=10)
    draws |= more_draws(draws)
    levels = made.permute(0, 3, 1, 2)
    levels = torch.cat([levels, levels.flip(3)])
    pictures = levels / 127.5 - 1.0
    inputs = {"initial": initial, **draws, "learning_rate": RATE, "weight_decay": WEIGHT_DECAY, **options}
    if "prior_weight" in options:
        class_images = normal(CLASS_PICTURES, 3, SIZE, SIZE, seed=13).clamp(-1, 1)
        pictures = torch.cat([pictures, class_images])
        if joint:
            of_other_class = normal(OTHER_CLASS_PICTURES, 3, SIZE, SIZE, seed=17).clamp(-1, 1)
            pictures = torch.cat([pictures, of_other_class])
            inputs["other_class_images"] = of_other_class
        of_class = class_draws(joint)
        of_class |= more_draws(of_class)
        inputs |= {f"class_{name}": drawn for name, drawn in of_class.items()} | {"class_images": class_images}
        draws = {name: torch.cat([draws[name], of_class[name]], dim=1) for name in draws}
    return Setting(folder, parts, initial, options, inputs, draws, levels, pictures, captions, tokens)


def train_with_peer(all_of, ours, learned_of, pixels=None, mean=lambda errors, step: errors.mean(), max_norm=float("inf")):
    """The loop of diffusers' examples for these methods: losses, vectors and norms of the gradients by step.

    `learned_of` is shown UNet and text encoder, puts what is learned beside the vectors into them, and returns it as AdamW's groups.
    `pixels(step)` are the pictures of a step, those chosen unless given, and `mean(errors, step)` says how the errors of the thing's
    are averaged."""
    tokenizer, scheduler = all_of.parts["tokenizer"], all_of.parts["scheduler"]
    text, unet, vae = (all_of.parts[name].to(torch.float64).requires_grad_(False) for name in ["text", "unet", "vae"])
    tokenizer.add_tokens(all_of.tokens)
    ids = tokenizer(
        all_of.captions, padding="max_length", truncation=True, max_length=toy_models.LENGTH, return_tensors="pt"
    ).input_ids
    assert torch.equal(ours["ids"], ids)
    text.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    embedding = text.get_input_embeddings()
    first = -len(all_of.tokens)
    with torch.no_grad():
        embedding.weight[first:] = all_of.initial.to(torch.float64)
    before = embedding.weight.detach().clone()
    groups = learned_of(unet, text)
    learns_vectors = not all_of.options["freeze_token"]
    embedding.requires_grad_(learns_vectors)
    if learns_vectors:
        groups = [*groups, {"params": [embedding.weight], "lr": RATE}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), weight_decay=WEIGHT_DECAY, eps=1e-8)
    losses, vectors, norms = [], [], []
    for step in range(STEPS):
        chosen = {name: drawn[step] for name, drawn in all_of.draws.items()}
        noise = chosen["noise"].to(torch.float64)
        shown = pixels(step) if pixels else all_of.pictures[chosen["pictures"]]
        with torch.no_grad():
            posterior = vae.encode(shown.to(torch.float64)).latent_dist
            latents = (posterior.mean + posterior.std * chosen["latent_noise"]) * vae.config.scaling_factor
        noisy = scheduler.add_noise(latents, noise, chosen["timesteps"])
        # fp32 inside the peer, whose last digit depends on LibTorch: see peers.py.
        unet.time_proj.forward = lambda _, step=step: ours["sinusoids"][step]
        unet.step = step
        predicted = unet(noisy, chosen["timesteps"], text(ids[chosen["captions"]])[0]).sample
        prior = 0.0
        if "prior_weight" in all_of.options:
            # As the examples have it: the batch is the pictures and, behind them, those of the class.
            (predicted, of_class), (noise, noise_of_class) = predicted.chunk(2), noise.chunk(2)
            prior = all_of.options["prior_weight"] * torch.nn.functional.mse_loss(of_class, noise_of_class)
        errors = torch.nn.functional.mse_loss(predicted, noise, reduction="none")
        loss = mean(errors, step) + prior
        loss.backward()
        if learns_vectors:
            embedding.weight.grad[:first] = 0
        norms.append(torch.nn.utils.clip_grad_norm_([each for group in groups for each in group["params"]], max_norm))
        optimizer.step()
        optimizer.zero_grad()
        # Weight decay moves the other words too.
        with torch.no_grad():
            embedding.weight[:first] = before[:first]
        losses.append(loss.detach())
        vectors.append(embedding.weight[first:].detach().clone())
    return torch.stack(losses), torch.stack(vectors), torch.stack(norms)


def decibels(ours, theirs):
    error = ((numpy.asarray(ours, dtype=float) - numpy.asarray(theirs, dtype=float)) ** 2).mean()
    return 10 * numpy.log10(255**2 / max(error, 1e-12))


PROMPT = "a flat drawing of a <thing>, green"


def dvar(*words):
    result = subprocess.run([DVAR, *map(str, words)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def learn(out, *options):
    """A few steps on the bundled model."""
    dvar(
        "train", *options, "--images", FROG, "--token", "<thing>", "--init", "token:green", "--output", out,
        "--max-steps", 3, "--samples", 0, "--threads", 1,
    )  # fmt: skip


class DrawnPictures:
    """Two pictures of what a run leaves, drawn by both sides from the same latents."""

    def __init__(self, folder, embeddings=("learned_embeds.safetensors",), prompt=PROMPT):
        self.folder, self.out = folder, folder / "out"
        self.embeddings, self.prompt = [self.out / name for name in embeddings], prompt
        self.latents = folder / "latents.safetensors"

    def draw(self, name, *options):
        """Ours."""
        # The first draws the latents, and the others read them.
        count = [] if self.latents.exists() else ["--count", 2]
        embeddings = [word for file in self.embeddings for word in ["--embedding", file]]
        dvar(
            "sample", *embeddings, *options, "--prompt", self.prompt, *count, "--steps", 8, "--sampler", "ddim", "--latents", self.latents, "--output", self.folder / name, "--threads", 1,
        )  # fmt: skip
        return [Image.open(self.folder / name / f"{i:03}.png").convert("RGB") for i in range(2)]

    def pipeline(self):
        pipeline = StableDiffusionPipeline.from_pretrained(DEMO / "model", torch_dtype=torch.float32, safety_checker=None)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
        for file in self.embeddings:
            pipeline.load_textual_inversion(str(file))
        return pipeline

    def draw_by(self, pipeline, **more):
        latents = load_file(self.latents)["latents"]
        return pipeline(prompt=[self.prompt] * 2, latents=latents, num_inference_steps=8, guidance_scale=7.5, **more).images

    def compare(self, ours, plain, theirs, what, record_property):
        """`plain` is what the peer draws without what was learned."""
        for i, picture in enumerate(ours):
            found = decibels(picture, theirs[i])
            record_property(f"{what}, picture {i}, PSNR in dB", found)
            assert decibels(picture, plain[i]) < 40, "what was learned does something"
            assert found >= 50, found

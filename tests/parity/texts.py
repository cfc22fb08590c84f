"""Strings that find what a tokenizer does wrong: prompts, punctuation, odd white space, accents, other scripts, emoji, control
characters, stray code points."""

import random
import string
import unicodedata


def is_assigned(point):
    """In Python's version of Unicode: of what came later the libraries know more or less."""
    return unicodedata.category(chr(point)) not in ("Cn", "Cs")


ASSIGNED = [point for point in range(0x110000) if is_assigned(point)]


WORDS = (
    "a photo of the cool cat it's WE'LL don't I'd you've they're I'm rock'n'roll 'stop' naïve "
    "CAFÉ Cafe\u0301 Größe ΣΊΣΥΦΟΣ Ο\u0301δος İstanbul ıi ŉ Ǆ Ὦ кошка 猫と犬 고양이 고양이 قطة בית "
    "बिल्ली แมว 🐱 👩‍👩‍👧 🇩🇪 👍🏽 ☃ … — “x” «y» ½ ² Ⅷ ٣ 3.14 1,000 2024-05-06 C++ a_b "
    "e-mail@x.org https://x.org/?q=1&r=2 #tag $5 50% <cat> <|endoftext|> <|startoftext|> "
    "<|ENDOFTEXT|> <|STARTOFTEXT|>> <| |> </w> Ġ \u0130\u0307 \ufb01 ﬁn K Å \u212b \u1e9e ẞ "
    "\U0001d400 \ufffd \ufeff \u00ad \u200b \u200d \u0301 "
).split()
SPACES = [
    " ",
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "\t",
    "\r\n",
    "\u00a0",
    "\u3000",
    "\u2003",
    "\x85",
    "\u1680",
    "\u2028",
    "\x0b",
    "\x1c",
    "",
]


def prompts(count, seed, extra=()):
    """Sentences of words, punctuation, odd white space and stray code points."""
    generator = random.Random(seed)
    pool = WORDS + list(extra) * 8

    def word():
        text = generator.choice(pool)
        return generator.choice([text, text, text.upper(), text.capitalize()])

    def punctuation():
        return "".join(generator.choices(string.punctuation + string.digits, k=generator.randrange(1, 5)))

    def stray():
        return chr(generator.choice(ASSIGNED[: generator.choice([0x250, 0x3000, len(ASSIGNED)])]))

    def part():
        kind = generator.choices([word, punctuation, stray], weights=[14, 3, 3])[0]
        return kind() + generator.choice(SPACES)

    return ["".join(part() for _ in range(generator.randrange(14))) for _ in range(count)]


# A joined family, a flag, a skin tone, a keycap, a variation selector, a tag sequence.
EMOJI = (
    "👩‍👩‍👧‍👦 🇩🇪🇫🇷 👍🏽 1️⃣ ❤️ ❤ 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 😀😀 🧑🏿‍🚀 ☺︎"
).split()
MARKS = [chr(point) for point in ASSIGNED if unicodedata.combining(chr(point))]
CONTROLS = [chr(point) for point in ASSIGNED if unicodedata.category(chr(point)) in ("Cc", "Cf", "Co", "Zl", "Zp", "Zs")]
CJK = [chr(point) for block in [(0x4E00, 0x9FFF), (0x3041, 0x30FF), (0xAC00, 0xD7A3), (0x3400, 0x4DBF), (0x20000, 0x2A6DF),
                                (0xF900, 0xFA6D), (0x2B740, 0x2CEA1), (0x2F800, 0x2FA1D), (0x3000, 0x303F), (0xFF01, 0xFF5E)]
       for point in range(*block) if is_assigned(point)]  # fmt: skip


def strings(count, seed):
    """`count` strings of every kind in turn."""
    generator = random.Random(seed)
    any_of = generator.choice

    def numbers():
        return any_of(["{:d}", "{:,}", "{:.3f}", "-{:e}", "{:d}%", "${:d}", "{:x}", "1/{:d}"]).format(
            generator.randrange(10 ** generator.randrange(1, 12))
        ) if generator.random() < 0.7 else "".join(generator.choices("0123456789.,:-/", k=generator.randrange(1, 20)))

    def accents():
        word = any_of(WORDS)
        return "".join(c + any_of(MARKS) * generator.randrange(3) for c in word)

    def normal_forms():
        text = any_of(WORDS) + chr(any_of(ASSIGNED[:0x800]))
        return unicodedata.normalize(any_of(["NFC", "NFD", "NFKC", "NFKD"]), text)

    def ideographs():
        return "".join(any_of(CJK) for _ in range(generator.randrange(1, 12)))

    def emoji():
        return "".join(generator.choices(EMOJI + [" ", "a", "\u200d", "\ufe0f"], k=generator.randrange(1, 6)))

    def controls():
        return "".join(any_of(WORDS)[:3] + any_of(CONTROLS) for _ in range(generator.randrange(1, 5)))

    def code_points():
        return "".join(chr(any_of(ASSIGNED)) for _ in range(generator.randrange(1, 25)))

    def punctuation():
        return "".join(generator.choices(string.punctuation + "…—“”«»¿¡·", k=generator.randrange(1, 15)))

    def over_long():
        return any_of(WORDS) * generator.randrange(30, 120)

    kinds = [numbers, accents, normal_forms, ideographs, emoji, controls, code_points, punctuation]
    made = [any_of(kinds)() + any_of(["", " cat", any_of(SPACES)]) for _ in range(count // 2)]
    made += [over_long() for _ in range(count // 100)]
    return made + prompts(count - len(made), seed + 1)


def with_placeholders(tokens):
    """Each token in every position: alone, at either end, within, beside punctuation and letters, doubled, in upper case."""
    frames = [
        "{}", "a photo of {}", "{} a photo", "a {} photo", "({}),", "x{}y", "{}'s", "'{}'", "\n{}\t", "1{}2", "é{}\u0301",
        "{}.", "...{}!", "-{}-", "_{}_", "猫{}犬", "{}\u200d", "a  {}  b", "{}" + " x" * 90, "x " * 90 + "{}", "##{}", "[CLS]{}[SEP]",
    ]  # fmt: skip
    return [
        frame.format(form)
        for token in tokens
        for form in [token, token.upper(), token.lower(), token * 2, f"{token} {token}", f"{token},{token}", token[:-1], token[1:]]
        for frame in frames
    ]

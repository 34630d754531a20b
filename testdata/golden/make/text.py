"""CLIP's text encoder of transformers with made-up weights, in float64, and its tokenizer with a made-up vocabulary."""

import gzip
import json
import os
import unicodedata

import numpy as np
import torch
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer
from transformers import __version__ as version

from case import FILE, Case, f16, f32, half, i64, stream

SETTINGS = {
    "small": {"width": 32, "heads": 4, "inner": 48, "layers": 3, "out": 20, "merges": 120, "prompts": 2500},
    "other": {"width": 24, "heads": 3, "inner": 40, "layers": 2, "out": 36, "merges": 60, "prompts": 500},
}
WORDS = "letter picture photo small large golden tench retriever the of and blue green naïve façade straße größe мир рыба 猫 犬 한글 don't it's we've you'll i'm they're he'd 1984 3.14 10,000".split()
SPECIAL = ["<|startoftext|>", "<|endoftext|>"]


def make(root, variant, seed):
    s = SETTINGS[variant]
    for name, act, pad, eos in ((f"text_{variant}", "quick_gelu", SPECIAL[1], 2), (f"text_gelu_{variant}", "gelu", "!", None)):
        rng = stream(seed, "text", variant, name)
        case = Case(root, name, f"CLIPTextModelWithProjection and CLIPTokenizer of transformers {version}; float64")
        vocabulary, merges = pieces(rng, s["merges"])
        tokenizer = write_tokenizer(case, vocabulary, merges, pad)
        end = vocabulary[SPECIAL[1]]
        config = CLIPTextConfig(vocab_size=len(vocabulary), hidden_size=s["width"], intermediate_size=s["inner"], num_hidden_layers=s["layers"],
                                num_attention_heads=s["heads"], hidden_act=act, projection_dim=s["out"], max_position_embeddings=77,
                                bos_token_id=end - 1, eos_token_id=end if eos is None else eos, pad_token_id=vocabulary[pad])
        model = CLIPTextModelWithProjection(config).double().eval()
        with torch.no_grad():
            for key, p in model.named_parameters():
                x = rng.standard_normal(tuple(p.shape))
                scale = 0.1 if p.dim() == 1 else 0.5 if "embedding" in key else 1 / np.sqrt(p.shape[1])
                p.copy_(torch.from_numpy(half(scale * x + (p.dim() == 1 and "norm" in key and key.endswith("weight")))))
            texts = ["", "a small picture of the letter", "golden retriever!", "x " * 80]
            ids = tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
            out = model(ids, output_hidden_states=True)
            normed = model.text_model.final_layer_norm(out.hidden_states[-2])
            plain = model.text_model(ids).pooler_output
        files = {
            "weights.safetensors": case.tensors("weights.safetensors", {k: f16(v) for k, v in model.state_dict().items()}),
            FILE: case.tensors(FILE, {"ids": i64(ids), "last": f32(out.last_hidden_state), "penultimate": f32(out.hidden_states[-2]),
                                      "penultimate_normed": f32(normed), "pooled": f32(out.text_embeds), "pooled_plain": f32(plain)}),
        }
        case.json("config.json", {**config.to_dict(), "architectures": ["CLIPTextModelWithProjection"]})
        prompts = [prompt(rng) for _ in range(s["prompts"])]
        rows = [[p, tokenizer(p, add_special_tokens=False).input_ids] for p in prompts]
        with open(case.path("prompts.json.gz"), "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as packed:
            packed.write(json.dumps(rows, separators=(",", ":")).encode())
        case.finish(files=files, texts=texts, tolerance={"hidden": 1e-4, "pooled": 1e-4})


def letters():
    """The letter of each byte, in OpenAI's order."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in own]
    return {**{b: chr(b) for b in own}, **{b: chr(256 + n) for n, b in enumerate(rest)}}


def pieces(rng, count):
    """A vocabulary as byte-pair learning would make it of WORDS, with some pairs that come by chance."""
    of = letters()
    vocabulary = [*of.values(), *(x + "</w>" for x in of.values())]
    words = [[of[b] for b in w.encode()] for w in WORDS if w.isalpha()]
    words = [[*w[:-1], w[-1] + "</w>"] for w in words]
    merges = []
    while len(merges) < count:
        counts = {}
        for w in words:
            for p in zip(w, w[1:]):
                counts[p] = counts.get(p, 0) + 1
        if counts and len(merges) % 7:
            pair = max(sorted(counts), key=counts.get)
        else:
            a, b = rng.randint(0, 256), rng.randint(0, len(vocabulary))
            pair = (vocabulary[a], vocabulary[b])
        if "".join(pair) in vocabulary:
            words = [join(w, pair) for w in words]
            if counts and len(merges) % 7:
                merges.append(pair)
            continue
        merges.append(pair)
        vocabulary.append("".join(pair))
        words = [join(w, pair) for w in words]
    return {t: i for i, t in enumerate(vocabulary + SPECIAL)}, merges


def join(word, pair):
    out = []
    for x in word:
        if out and (out[-1], x) == pair:
            out[-1] += x
        else:
            out.append(x)
    return out


def write_tokenizer(case, vocabulary, merges, pad):
    """The four files of the published models; returns what transformers reads from them."""
    folder = case.path("tokenizer")
    os.makedirs(folder)
    flags = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    special = {"bos_token": {"content": SPECIAL[0], **flags}, "eos_token": {"content": SPECIAL[1], **flags}, "unk_token": {"content": SPECIAL[1], **flags}, "pad_token": pad}
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    for name, value in (("vocab.json", vocabulary), ("special_tokens_map.json", special), ("tokenizer_config.json", {
            **{k: v if isinstance(v, str) else {"__type": "AddedToken", **v} for k, v in special.items()},
            "add_prefix_space": False, "do_lower_case": True, "errors": "replace", "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"})):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(value, f, ensure_ascii=False)
    return CLIPTokenizer.from_pretrained(folder)


def prompt(rng):
    """A text: words of the list, or letters from all over Unicode, marks and spaces among them."""
    out = []
    for _ in range(rng.randint(1, 9)):
        way = rng.randint(0, 10)
        if way < 3:
            word = WORDS[rng.randint(0, len(WORDS))]
            out.append([word, word.upper(), word.title(), unicodedata.normalize("NFD", word)][rng.randint(0, 4)])
        elif way < 5:
            out.append("".join(chr(rng.randint(32, 127)) for _ in range(rng.randint(1, 8))))
        elif way < 6:
            out.append([" ", "\t", "\n ", "\u00a0", "\u3000", "\x85", "\u200b", "\u2028", "\ufeff", "\x1c", "\x00"][rng.randint(0, 11)])
        elif way < 7:
            out.append([*SPECIAL, "<|ENDOFTEXT|>", "<|endoftext|", "'S", "'ll've", "''", "!", "İ", "ΑΣ", "ǅ", "ﬁ", "Å", "한", "ẛ̣", "½", "²", "Ⅷ"][rng.randint(0, 18)])
        elif way < 9:
            first = [0, 0x300, 0x400, 0x590, 0x900, 0xE00, 0x1100, 0x1E00, 0x1F00, 0x2000, 0x2150, 0x3040, 0x4E00, 0xA640, 0xAC00, 0xF900, 0xFB00][rng.randint(0, 17)]
            out.append("".join(chr(first + rng.randint(0, 0x100)) for _ in range(rng.randint(1, 5))))
        else:
            out.append("".join(any_letter(rng) for _ in range(rng.randint(1, 5))))
        if rng.randint(0, 2):
            out.append(" ")
    return "".join(out)


def any_letter(rng):
    while True:
        c = rng.randint(0, 0x110000) if rng.randint(0, 2) else rng.randint(0, 0x20000)
        if not 0xD800 <= c < 0xE000:
            return chr(c)

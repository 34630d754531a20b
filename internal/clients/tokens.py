"""Writes CLIP's tokenizer in the ways that programs of the last years have, and what transformers makes of texts with each."""

import gzip
import json
import os
import random
import sys
import unicodedata

from transformers import CLIPTokenizer

dir, merges_of_clip = sys.argv[1:]
START, END = "<|startoftext|>", "<|endoftext|>"
RANDOM = random.Random(int(os.environ.get("MGD3_TEST_SEED", "1")))
WORDS = "a photo of the tench Golden retriever naïve façade Straße GRÖSSE мир Рыба 猫 犬の写真 한글 don't it's we've you'll I'M they're he'd 1984 3.14 10,000".split()
ODD = [START, END, "<|ENDOFTEXT|>", "<|endoftext|", "'S", "'ll've", "''", "!", "!!", "İ", "ΑΣ", "ǅ", "ﬁ", "Å", "ẛ̣", "½", "²", "Ⅷ", "\u0149", "<cat>", "<CAT>"]
SPACES = [" ", "\t", "\n ", "\u00a0", "\u3000", "\x85", "\u200b", "\u2028", "\ufeff", "\x1c", "\x00", "\u180e"]


def vocabulary():
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [*map(chr, own), *(chr(256 + n) for n in range(256 - len(own)))]
    merges = gzip.open(merges_of_clip).read().decode().split("\n")[:-1]
    tokens = [*letters, *(x + "</w>" for x in letters), *("".join(m.split(" ")) for m in merges), START, END]
    return {t: i for i, t in enumerate(tokens)}, merges


def any_letter():
    while True:
        c = RANDOM.randrange(0x110000 if RANDOM.random() < 0.5 else 0x20000)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def text():
    out = []
    for _ in range(RANDOM.randint(1, 9)):
        way = RANDOM.randrange(10)
        if way < 3:
            word = RANDOM.choice(WORDS)
            out.append(RANDOM.choice([word, word.upper(), unicodedata.normalize("NFD", word)]))
        elif way < 4:
            out.append("".join(chr(RANDOM.randrange(32, 127)) for _ in range(RANDOM.randint(1, 8))))
        elif way < 6:
            out.append(RANDOM.choice(SPACES + ODD))
        elif way < 8:
            first = RANDOM.randrange(0, 0x20000, 0x80)
            out.append("".join(c for c in (chr(first + RANDOM.randrange(0x80)) for _ in range(RANDOM.randint(1, 6))) if not 0xD800 <= ord(c) < 0xE000))
        elif way < 9:
            out.append(RANDOM.choice("aeox=<") + "".join(RANDOM.choice(MARKS) for _ in range(RANDOM.randint(1, 4))))
        else:
            out.append("".join(any_letter() for _ in range(RANDOM.randint(1, 5))))
        out.append(" " * RANDOM.randrange(2))
    return "".join(out)


MARKS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and unicodedata.category(chr(c))[0] == "M"]


def write(name, value):
    os.makedirs(os.path.dirname(os.path.join(dir, name)), exist_ok=True)
    with open(os.path.join(dir, name), "w", encoding="utf-8") as f:
        f.write(value if isinstance(value, str) else json.dumps(value))


def added(content, normalized=True, **more):
    return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False, **more}


def folders():
    """Each folder's name and files."""
    vocab, merges = vocabulary()
    files = {"vocab.json": vocab, "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n"}
    base = {"add_prefix_space": False, "do_lower_case": True, "errors": "replace", "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    for pad, name in ((END, "end"), ("!", "zero")):
        special = {"bos_token": added(START), "eos_token": added(END), "unk_token": added(END), "pad_token": pad}
        typed = {k: v if isinstance(v, str) else {"__type": "AddedToken", **v} for k, v in special.items()}
        yield f"v4-{name}", {**files, "special_tokens_map.json": special, "tokenizer_config.json": {**base, **typed}}
        yield f"plain-{name}", {**files, "tokenizer_config.json": {**base, "bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad}}
        decoder = {str(vocab[START]): added(START, special=True), str(vocab[END]): added(END, False, special=True), "49408": added("<cat>", special=False)}
        if pad == "!":
            decoder["0"] = added("!", False, special=True)
        yield f"decoder-{name}", {**files, "special_tokens_map.json": {k: v if isinstance(v, str) else v["content"] for k, v in special.items()},
                                  "tokenizer_config.json": {**base, "added_tokens_decoder": decoder, "bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad}}
    yield "bare", files


count = int(os.environ.get("MGD3_TEST_TEXTS", "1500"))
texts = ["", *ODD, *(text() for _ in range(count))]
for name, files in folders():
    for file, value in files.items():
        write(f"{name}/{file}", value)
    tokenizer = CLIPTokenizer.from_pretrained(os.path.join(dir, name))
    write(f"{name}.json", {"texts": texts, "tokens": tokenizer(texts, add_special_tokens=False).input_ids,
                           "ids": tokenizer(texts[:50], padding="max_length", max_length=77, truncation=True).input_ids})
    tokenizer.save_pretrained(os.path.join(dir, name + "-saved"))
    again = CLIPTokenizer.from_pretrained(os.path.join(dir, name + "-saved"))
    write(f"{name}-saved.json", {"texts": texts, "tokens": again(texts, add_special_tokens=False).input_ids,
                                 "ids": again(texts[:50], padding="max_length", max_length=77, truncation=True).input_ids})

"""The names of the tensors of U-Nets in the first programs of latent diffusion and in diffusers, at the sizes that were
published: python ldm_names.py | gzip -9 -n > ../../../weights/testdata/ldm_names.txt.gz. What is written is what diffusers' own
conversion makes of the first names, tensor by tensor; no weights are made."""

import re
import sys

import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
UP = {CROSS: "CrossAttnUpBlock2D", PLAIN: "UpBlock2D"}
SD = {"block_out_channels": (320, 640, 1280, 1280), "down_block_types": (CROSS, CROSS, CROSS, PLAIN)}
MODELS = {
    "sd1": {**SD, "cross_attention_dim": 768, "attention_head_dim": 8},
    "sd2": {**SD, "cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20], "use_linear_projection": True},
    "sdxl": {"block_out_channels": (320, 640, 1280), "down_block_types": (PLAIN, CROSS, CROSS), "cross_attention_dim": 2048,
             "attention_head_dim": [5, 10, 20], "use_linear_projection": True, "transformer_layers_per_block": [1, 2, 10],
             "addition_embed_type": "text_time", "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816},
    "class": {"block_out_channels": (192, 384, 576, 960), "down_block_types": (PLAIN, CROSS, CROSS, CROSS), "cross_attention_dim": 512,
              "attention_head_dim": 1, "in_channels": 3, "out_channels": 3},
}
RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
          "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
ENDS = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2", "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2"}


def first_name(name, config):
    """The name of a tensor of diffusers' in the first programs."""
    for ours, theirs in ENDS.items():
        if name.startswith(ours + "."):
            return theirs + name[len(ours):]
    per = 3  # blocks of a level: two layers and a downsampling, three layers on the way up
    if m := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        at = {"resnets": 2 * int(m[2]), "attentions": 1}[m[1]]
        block, rest = f"middle_block.{at}", m[3]
    else:
        m = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", name)
        level, j, rest = int(m[2]), int(m[4]), m[5]
        if m[1] == "down":
            at = 1 + level * per + (2 if m[3] == "downsamplers" else j)
            part = {"resnets": "0", "attentions": "1", "downsamplers": "0.op"}[m[3]]
            block = f"input_blocks.{at}.{part}"
        else:
            types = config["down_block_types"][::-1]
            at = level * per + (2 if m[3] == "upsamplers" else j)
            part = {"resnets": "0", "attentions": "1", "upsamplers": "2" if types[level] == CROSS else "1"}[m[3]]
            block = f"output_blocks.{at}.{part}"
        if m[3] == "downsamplers":
            rest = rest.removeprefix("conv.")
    part, _, end = rest.partition(".")
    return f"{block}.{RESNET.get(part, part)}.{end}" if end else f"{block}.{rest}"


for kind, config in MODELS.items():
    types = config["down_block_types"]
    full = {"layers_per_block": 2, "up_block_types": tuple(UP[t] for t in types[::-1]), **config}
    with torch.device("meta"):
        model = UNet2DConditionModel(**full)
    tensors = model.state_dict()
    checkpoint = {"model.diffusion_model." + first_name(name, config): t for name, t in tensors.items()}
    assert len(checkpoint) == len(tensors)
    names = {id(t): name for name, t in checkpoint.items()}
    made = convert_ldm_unet_checkpoint(checkpoint, config=dict(model.config))
    assert set(made) == set(tensors), (kind, set(made) ^ set(tensors))
    for name, t in sorted(made.items()):
        assert t is tensors[name], name
        print(kind, names[id(t)], name)
    print(kind, len(made), file=sys.stderr)

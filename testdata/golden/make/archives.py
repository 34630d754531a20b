"""Files that PyTorch itself writes, beside a safetensors copy of the same tensors."""

import torch

from case import Case, stream


def make(root, variant, seed):
    rng = stream(seed, "archives", variant)
    case = Case(root, f"archives_{variant}", "torch.save of PyTorch, now and before 1.6")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.BatchNorm2d(5), torch.nn.Linear(7, 4 if variant == "small" else 9))
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.from_numpy(rng.standard_normal(tuple(p.shape))))
    state = net.state_dict()
    state["half"], state["wide"] = state["0.bias"].half(), state["2.weight"].double()
    state["turned"] = state["2.weight"].T  # a view: another stride on a storage that is shared
    state["brain"] = state["2.bias"].bfloat16()
    torch.save(state, case.path("weights.pt"))
    torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in state.items()}, "arch": "made up"}, case.path("checkpoint.pth.tar"))
    torch.save(state, case.path("old.pth"), _use_new_zipfile_serialization=False)
    from safetensors.torch import save_file

    save_file({k: v.contiguous().clone() for k, v in state.items()}, case.path("weights.safetensors"))
    case.finish(tensors=len(state), archives=[{"file": "weights.pt"}, {"file": "checkpoint.pth.tar", "prefix": "module."}, {"file": "old.pth"}],
                copy="weights.safetensors")

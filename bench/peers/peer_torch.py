"""PyTorch, eager or compiled (torch.compile; for inference with frozen weights, as its documentation advises on processors). bf16 is
autocast. Convolutional networks run in both layouts of memory first, and then in the faster one. "loads.py" has the loads.

Usage: peer_torch.py LOAD [--mode eager|compiled] [--precision bf16] [--threads 2] [--repeat 3]
"""

import time

import torch
import torch.nn.functional as F

import loads
import measure
import networks


def make(load, o):
    torch.set_num_threads(o.threads)
    torch.set_num_interop_threads(1)
    if load not in loads.SAMPLING | loads.PROMPTED | loads.AUTOENCODER | loads.PRODUCT and load not in loads.TRAINING:
        measure.refuse("PyTorch has nothing for it")
    training = load in loads.TRAINING
    net = networks.network(load).train(training)
    if o.mode == "compiled" and not training:
        from torch._inductor import config

        config.freezing = True
    run = train(net, o) if training else infer(net, load, o)
    if load in loads.AUTOENCODER | loads.PROMPTED or training:
        return layout(net, run)
    return lambda: run(torch.contiguous_format)


def compiled(f, o):
    return torch.compile(f) if o.mode == "compiled" else f


def autocast(o):
    return torch.autocast("cpu", torch.bfloat16, enabled=o.precision == "bf16")


def infer(net, load, o):
    net = compiled(net, o)
    if load in loads.SAMPLING:
        x, y, mode, rows = (torch.from_numpy(v) for v in loads.draws(load))
        rows = rows.unbind(0)

        def run(_):
            with torch.no_grad(), autocast(o):
                at = x
                for row in rows:
                    at = net(at, y, mode, torch.randn_like(at), row)
                return at

        return run
    args = [torch.from_numpy(v) for v in loads.inputs(load)]

    def forward(form):
        with torch.no_grad(), autocast(o):
            return net(*(v.contiguous(memory_format=form) if v.dim() == 4 else v for v in args))

    return forward


def train(net, o):
    optimizer = torch.optim.SGD(net.parameters(), lr=loads.RATE, momentum=loads.MOMENTUM, weight_decay=loads.DECAY, fused=True)
    x, y = (torch.from_numpy(v) for v in loads.images())
    loss = compiled(lambda x: F.cross_entropy(net(x), y), o)

    def run(form):
        optimizer.zero_grad(set_to_none=True)
        with autocast(o):
            value = loss(x.contiguous(memory_format=form))
        value.backward()
        optimizer.step()

    return run


def layout(net, run):
    """run in the layout that is faster."""
    times = {}
    for form in (torch.contiguous_format, torch.channels_last):
        net.to(memory_format=form)
        for _ in range(2):  # a run of more than ten seconds needs none to warm up
            start = time.perf_counter()
            run(form)
            times[form] = time.perf_counter() - start
            if times[form] > 10:
                break
    best = min(times, key=times.get)
    net.to(memory_format=best)
    return lambda: run(best)


if __name__ == "__main__":
    measure.main(lambda o: f"PyTorch {torch.__version__.split('+')[0]} {o.mode}", make, mode=["eager", "compiled"])

"""JAX, jitted for the processor, channels last. A parameter is asked for by PyTorch's name, p(name, *shape); kernels of convolutions are
[h, w, in, out]. bf16 has parameters and inputs in bfloat16; training keeps float32 masters.

Usage: peer_jax.py LOAD [--precision bf16] [--threads 2] [--repeat 3]
"""

import math
import os

import jax
import jax.numpy as jnp
import numpy as np

import loads
import measure

jax.config.update("jax_platforms", "cpu")


def linear(p, name, x, o):
    return x @ p(name + ".weight", o, x.shape[-1]).T + p(name + ".bias", o)


def conv(p, name, x, o, k=3, stride=1, pad=(1, 1), bias=True):
    w = p(name + ".weight", k, k, x.shape[-1], o)
    y = jax.lax.conv_general_dilated(x, w, (stride, stride), [pad, pad], dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + p(name + ".bias", o) if bias else y


def layer_norm(x):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + 1e-6)


def group_norm(p, name, x, groups, eps):
    b, h, w, c = x.shape
    y = x.reshape(b, h, w, groups, c // groups)
    mean, var = y.mean((1, 2, 4), keepdims=True), y.var((1, 2, 4), keepdims=True)
    return ((y - mean) * jax.lax.rsqrt(var + eps)).reshape(x.shape) * p(name + ".weight", c) + p(name + ".bias", c)


# The denoiser.


def modulation(p, name, c, n):
    return jnp.split(linear(p, name + ".adaLN_modulation.1", jax.nn.silu(c), n * c.shape[-1])[:, None], n, -1)


def block(p, name, h, c, heads):
    d1, s1, a1, d2, s2, a2 = modulation(p, name, c, 6)
    b, n, d = h.shape
    qkv = linear(p, name + ".attn.qkv", layer_norm(h) * (1 + s1) + d1, 3 * d).reshape(b, n, 3, heads, d // heads)
    out = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]).reshape(b, n, d)
    h = h + a1 * linear(p, name + ".attn.proj", out, d)
    z = jax.nn.gelu(linear(p, name + ".mlp.fc1", layer_norm(h) * (1 + s2) + d2, 4 * d), approximate=True)
    return h + a2 * linear(p, name + ".mlp.fc2", z, d)


def positions(hidden, side):
    omega = 10000.0 ** (-np.arange(hidden // 4) / (hidden / 4))
    row, column = (np.outer(at, omega) for at in np.divmod(np.arange(side * side), side))
    return np.concatenate([np.sin(column), np.cos(column), np.sin(row), np.cos(row)], 1).astype(np.float32)[None]


def dit(p, x, t, y, size, hidden, depth, heads, classes):
    """x [B, 4, S, S], t [B], y [B] to [B, 8, S, S]."""
    b, n = x.shape[0], size // 2
    omega = np.exp(-math.log(10000) * np.arange(128, dtype=np.float32) / 128)
    angle = t[:, None].astype(jnp.float32) * omega
    emb = jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], 1).astype(x.dtype)
    emb = linear(p, "t_embedder.mlp.2", jax.nn.silu(linear(p, "t_embedder.mlp.0", emb, hidden)), hidden)
    c = emb + p("y_embedder.embedding_table.weight", classes + 1, hidden)[y]
    h = conv(p, "x_embedder.proj", x.transpose(0, 2, 3, 1), hidden, 2, 2, (0, 0)).reshape(b, n * n, hidden)
    h = h + positions(hidden, n).astype(x.dtype)
    for i in range(depth):
        h = block(p, f"blocks.{i}", h, c, heads)
    shift, scale = modulation(p, "final_layer", c, 2)
    h = linear(p, "final_layer.linear", layer_norm(h) * (1 + scale) + shift, 32)
    return h.reshape(b, n, n, 2, 2, 8).transpose(0, 5, 1, 3, 2, 4).reshape(b, 8, size, size)


def step(p, x, y, mode, z, coef, dtype, **model):
    """One guided step, the sampler's arithmetic in float32; see Step in networks.py."""
    time, a, b, c1, c2, low, high, guide, noise = coef
    n, k = x.shape[0], loads.GUIDED
    labels = jnp.concatenate([y, jnp.full_like(y, model["classes"])])
    out = dit(p, jnp.concatenate([x, x]).astype(dtype), jnp.full(2 * n, time), labels, **model).astype(jnp.float32)
    cond, free, v = out[:n, :4], out[n:, :4], out[:n, 4:]
    eps = jnp.concatenate([free[:, :k] + loads.CFG * (cond[:, :k] - free[:, :k]), cond[:, k:]], 1)
    x0 = a * x - b * eps
    sigma = jnp.exp(0.5 * (low + (v + 1) / 2 * (high - low)))
    return c1 * x0 + c2 * x + sigma * (guide * (mode - x0) + noise * z)


# The autoencoder.


def res(p, name, x, o, groups):
    def half(i, x):
        return conv(p, f"{name}.conv{i}", jax.nn.silu(group_norm(p, f"{name}.norm{i}", x, groups, 1e-6)), o)

    h = half(2, half(1, x))
    return h + (conv(p, name + ".conv_shortcut", x, o, 1, 1, (0, 0)) if x.shape[-1] != o else x)


def middle(p, name, x, groups, attention):
    b, h, w, c = x.shape
    x = res(p, name + ".resnets.0", x, c, groups)
    if attention:
        at = name + ".attentions.0"
        y = group_norm(p, at + ".group_norm", x, groups, 1e-6).reshape(b, h * w, c)
        q, k, v = (linear(p, f"{at}.to_{n}", y, c)[:, :, None] for n in "qkv")
        y = jax.nn.dot_product_attention(q, k, v)[:, :, 0]
        x = x + linear(p, at + ".to_out.0", y, c).reshape(x.shape)
    return res(p, name + ".resnets.1", x, c, groups)


def last(p, name, x, o, groups):
    return conv(p, name + ".conv_out", jax.nn.silu(group_norm(p, name + ".conv_norm_out", x, groups, 1e-6)), o)


def encode(p, x, widths, layers, latent, groups, scale, attention=True):
    x = conv(p, "encoder.conv_in", x.transpose(0, 2, 3, 1), widths[0])
    for i, width in enumerate(widths):
        for j in range(layers):
            x = res(p, f"encoder.down_blocks.{i}.resnets.{j}", x, width, groups)
        if i < len(widths) - 1:
            x = conv(p, f"encoder.down_blocks.{i}.downsamplers.0.conv", x, width, 3, 2, (0, 1))
    x = last(p, "encoder", middle(p, "encoder.mid_block", x, groups, attention), 2 * latent, groups)
    return scale * conv(p, "quant_conv", x, 2 * latent, 1, 1, (0, 0))[..., :latent].transpose(0, 3, 1, 2)


def decode(p, x, widths, layers, latent, groups, scale, attention=True):
    x = conv(p, "post_quant_conv", x.transpose(0, 2, 3, 1) / scale, latent, 1, 1, (0, 0))
    widths = widths[::-1]
    x = middle(p, "decoder.mid_block", conv(p, "decoder.conv_in", x, widths[0]), groups, attention)
    for i, width in enumerate(widths):
        for j in range(layers + 1):
            x = res(p, f"decoder.up_blocks.{i}.resnets.{j}", x, width, groups)
        if i < len(widths) - 1:
            x = conv(p, f"decoder.up_blocks.{i}.upsamplers.0.conv", x.repeat(2, 1).repeat(2, 2), width)
    return last(p, "decoder", x, 3, groups).transpose(0, 3, 1, 2)


# The classifiers.


def instance(p, name, x):
    return group_norm(p, name, x, x.shape[-1], 1e-5)


def pool(x, k):
    b, h, w, c = x.shape
    return x[:, : h // k * k, : w // k * k].reshape(b, h // k, k, w // k, k, c).mean((2, 4))


def convnet(p, x, depth, width, classes):
    x = x.transpose(0, 2, 3, 1)
    for i in range(depth):
        x = pool(jax.nn.relu(instance(p, f"layers.norm.{i}", conv(p, f"layers.conv.{i}", x, width))), 2)
    return linear(p, "classifier", x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1), classes)


def basic(p, name, x, o, stride, average):
    halve, short = average and stride == 2, x
    h = conv(p, name + ".conv1", x, o, 3, 1 if halve else stride, bias=False)
    h = jax.nn.relu(instance(p, name + ".bn1", h))
    if halve:
        h, short = pool(h, 2), pool(x, 2)
    if stride != 1 or x.shape[-1] != o:
        short = conv(p, name + ".downsample.0", short, o, 1, 1 if halve else stride, (0, 0), bias=False)
        short = instance(p, name + (".downsample.2" if halve else ".downsample.1"), short)
    return jax.nn.relu(instance(p, name + ".bn2", conv(p, name + ".conv2", h, o, bias=False)) + short)


def resnet(p, x, blocks, width, classes, average, small=False):
    k, stride = (3, 1) if small else (7, 1 if average else 2)
    x = conv(p, "layer0.conv1", x.transpose(0, 2, 3, 1), width, k, stride, (k // 2, k // 2), bias=False)
    x = jax.nn.relu(instance(p, "layer0.bn1", x))
    if not small:
        pads = ((0, 0), (1, 1), (1, 1), (0, 0))
        x = pool(x, 4) if average else jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), pads)
    for i, count in enumerate(blocks):
        for j in range(count):
            x = basic(p, f"layer{i + 1}.{j}", x, width << i, 2 if i and j == 0 else 1, average)
    return linear(p, "fc", x.mean((1, 2)), classes)


NETS = {
    **{load: lambda p, x, half=encode if "encode" in load else decode: half(p, x, **loads.VAE) for load in loads.AUTOENCODER},
    "convnet6_128_train_b32": lambda p, x: convnet(p, x, 6, 128, loads.CLASSES),
    "resnetap10_128_train_b32": lambda p, x: resnet(p, x, [1, 1, 1, 1], 64, loads.CLASSES, average=True),
    "resnet18_128_train_b32": lambda p, x: resnet(p, x, [2, 2, 2, 2], 64, loads.CLASSES, average=False),
}


# Running them.


def asked(f, *args, dtype):
    """The shapes of the parameters that f(p, *args) asks for, by name."""
    shapes = {}

    def p(name, *shape):
        shapes[name] = shape
        return jnp.zeros(shape, dtype)

    jax.eval_shape(lambda *a: f(p, *a), *args)
    return shapes


def random(shapes, dtype):
    def fill(shape):
        return jnp.asarray(loads.normal(*shape) / math.sqrt(math.prod(shape[:-1]) + 10), dtype)

    return {name: fill(shape) for name, shape in shapes.items()}


def with_parameters(f):
    return lambda w, *args: f(lambda name, *shape: w[name].reshape(shape), *args)


def trainer(net, dtype):
    """A step of SGD on (parameters, momenta), images and labels, as PyTorch takes it; returns the loss too."""

    def loss(w, x, y):
        w = {name: v.astype(dtype) for name, v in w.items()}
        logits = with_parameters(net)(w, x.astype(dtype)).astype(jnp.float32)
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()

    def train(state, x, y):
        w, m = state
        value, grad = jax.value_and_grad(loss)(w, x, y)
        m = {n: loads.MOMENTUM * m[n] + grad[n] + loads.DECAY * w[n] for n in w}
        return ({n: w[n] - loads.RATE * m[n] for n in w}, m), value

    return jax.jit(train, donate_argnums=0)


def make(load, o):
    jax.config.update("jax_compilation_cache_dir", os.path.abspath(os.path.join(o.models, "jax")))
    dtype = jnp.bfloat16 if o.precision == "bf16" else jnp.float32
    if load in loads.SAMPLING:
        model = loads.DIT[loads.SAMPLING[load][0]]

        def f(p, *args):
            return step(p, *args, dtype=dtype, **model)

        w = random(asked(f, *map(jnp.asarray, loads.inputs(load)), dtype=dtype), dtype)
        jitted, rng = jax.jit(with_parameters(f)), np.random.default_rng(0)
        return lambda: measure.sample(load, lambda *args: jitted(w, *args), lambda shape: rng.standard_normal(
            shape, dtype=np.float32)).block_until_ready()
    if load in loads.TRAINING:
        x, y = map(jnp.asarray, loads.images())
        w = random(asked(NETS[load], x, dtype=jnp.float32), jnp.float32)
        state, train = [(w, {n: jnp.zeros_like(v) for n, v in w.items()})], trainer(NETS[load], dtype)
        del w

        def run():
            state[0], value = train(state[0], x, y)
            value.block_until_ready()
            jax.block_until_ready(state[0])

        return run
    if load in loads.AUTOENCODER:
        x = jnp.asarray(loads.inputs(load)[0], dtype)
        w, jitted = random(asked(NETS[load], x, dtype=dtype), dtype), jax.jit(with_parameters(NETS[load]))
        return lambda: jitted(w, x).block_until_ready()
    if load in loads.PRODUCT:
        a, b = (jnp.asarray(v, dtype) for v in loads.inputs(load))
        product = jax.jit(jnp.matmul)
        return lambda: product(a, b).block_until_ready()
    measure.refuse("JAX has nothing for it")


if __name__ == "__main__":
    measure.main(lambda o: f"JAX {jax.__version__}", make)

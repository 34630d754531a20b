"""Writes the networks of networks.py for ONNX Runtime and OpenVINO, once, into the folder of exported networks. It is a process of its
own, so that PyTorch's memory is not counted as theirs.

Usage: export.py onnx|openvino LOAD DIR
"""

import os
import subprocess
import sys


def exported(kind, load, folder):
    """The file with the network of a load, made where it is missing."""
    path = os.path.join(folder, load, "net." + {"onnx": "onnx", "openvino": "xml"}[kind])
    if not os.path.exists(path):
        subprocess.run([sys.executable, __file__, kind, load, folder], check=True, stdout=sys.stderr)
    return path


def main(kind, load, folder):
    import torch

    import loads
    import networks

    os.makedirs(os.path.join(folder, load), exist_ok=True)
    path = os.path.join(folder, load, "net")
    args = tuple(torch.from_numpy(v) for v in loads.inputs(load))
    half = load.endswith("_half")  # so in memory and in the file: in float32 SDXL does not fit twice into 24 GB
    net = networks.network(load, cast=False).eval()
    with torch.no_grad():
        if kind == "onnx":
            torch.onnx.export(net, args, path + ".onnx", dynamo=True, external_data=True,
                              input_names=[f"in{i}" for i in range(len(args))], output_names=["out"])
        else:
            import openvino

            if half:
                from openvino.frontend.pytorch.patch_model import __make_16bit_traceable as traceable

                traceable(net)
            # the trace runs the network: a small image is enough, since it keeps no sizes
            example = (args[0][:, :, :16, :16], *args[1:]) if load in loads.PROMPTED else args
            model = openvino.convert_model(net, example_input=example)
            model.reshape({i: tuple(a.shape) for i, a in enumerate(args)})
            openvino.save_model(model, path + ".xml", compress_to_fp16=half)


if __name__ == "__main__":
    main(*sys.argv[1:])

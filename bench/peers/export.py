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
    # weights of half precision are OpenVINO's to make
    net, args = networks.network(load.removesuffix("_half")).eval(), tuple(torch.from_numpy(v) for v in loads.inputs(load))
    with torch.no_grad():
        if kind == "onnx":
            torch.onnx.export(net, args, path + ".onnx", dynamo=True, external_data=True,
                              input_names=[f"in{i}" for i in range(len(args))], output_names=["out"])
        else:
            import openvino

            model = openvino.convert_model(net, example_input=args, input=[tuple(a.shape) for a in args])
            openvino.save_model(model, path + ".xml", compress_to_fp16=load.endswith("_half"))


if __name__ == "__main__":
    main(*sys.argv[1:])

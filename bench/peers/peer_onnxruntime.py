"""ONNX Runtime with its processor's provider and all graph optimisations. It cannot train, and has no bf16 there.

Usage: peer_onnxruntime.py LOAD [--threads 2] [--repeat 3]
"""

import onnxruntime

import export
import loads
import measure


def make(load, o):
    if load not in loads.SAMPLING | loads.AUTOENCODER | loads.PRODUCT:
        measure.refuse("ONNX Runtime has nothing for it")
    if o.precision == "bf16":
        measure.refuse("its provider for processors has no bf16 products or convolutions")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = o.threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(export.exported("onnx", load, o.models), options, ["CPUExecutionProvider"])
    names = [v.name for v in session.get_inputs()]

    def call(*args):
        return session.run(None, dict(zip(names, args, strict=True)))[0]

    return measure.runner(load, call)


if __name__ == "__main__":
    measure.main(lambda o: f"ONNX Runtime {onnxruntime.__version__}", make)

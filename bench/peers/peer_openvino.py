"""OpenVINO, with its hint for latency. It cannot train. Where the processor has no bf16 it would compute in float32 and not say so:
that counts as not having it.

Usage: peer_openvino.py LOAD [--precision bf16] [--threads 2] [--repeat 3]
"""

import openvino

import export
import loads
import measure

TYPES = {"float32": openvino.Type.f32, "bf16": openvino.Type.bf16}


def make(load, o):
    if load not in loads.SAMPLING | loads.PROMPTED | loads.AUTOENCODER | loads.PRODUCT:
        measure.refuse("OpenVINO has nothing for it")
    model = openvino.Core().compile_model(export.exported("openvino", load, o.models), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": o.threads, "INFERENCE_PRECISION_HINT": TYPES[o.precision]})
    used = model.get_property("INFERENCE_PRECISION_HINT")
    if used != TYPES[o.precision]:
        measure.refuse(f"on this processor it computes in {used.get_type_name()} where {o.precision} is asked for")
    request = model.create_infer_request()

    def call(*args):
        return request.infer(args, share_inputs=True)[0]

    return measure.runner(load, call)


if __name__ == "__main__":
    measure.main(lambda o: f"OpenVINO {openvino.__version__.split('-')[0]}", make)

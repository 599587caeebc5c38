"""Quantizes one model with one peer's method; prints {"seconds", "peakBytes"} as JSON on the last line.

    python peer.py <method> <task folder> <output.onnx>

Methods: ort-minmax, ort-entropy, ort-percentile, ort-dynamic, nncf. ONNX Runtime's static methods get its best settings
for CNNs (QDQ, uint8 activations, int8 weights a channel, after its own preprocessing); the others their defaults.
"""

import json
import os
import resource
import sys
import time
import warnings

import numpy as np
import onnx

warnings.filterwarnings("ignore")
method, folder, target = sys.argv[1:4]
source = os.path.join(folder, "model.onnx")


def calibration():
    task = json.load(open(os.path.join(folder, "calibration.json")))
    arrays = {name: np.load(os.path.join(folder, path)) for name, path in task["inputs"].items()}
    count = len(next(iter(arrays.values())))
    return [{name: values[i] for name, values in arrays.items()} for i in range(count)]


def modern():
    """The model at opset 13 or newer with weights that are no inputs, which the peers need."""
    model = onnx.load(source)
    version = {entry.domain: entry.version for entry in model.opset_import}.get("", 0)
    if version < 13:
        model = onnx.version_converter.convert_version(model, 13)
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, 8)
    return model


def preprocessed():
    from onnxruntime.quantization.shape_inference import quant_pre_process

    raised, prepared = target + ".raised.onnx", target + ".prepared.onnx"
    onnx.save(modern(), raised)
    try:
        quant_pre_process(raised, prepared)
    except Exception:
        quant_pre_process(raised, prepared, skip_symbolic_shape=True)
    return prepared


def ort_static(rule):
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.samples = iter(calibration())

        def get_next(self):
            return next(self.samples, None)

    def quantize(**extra):
        quantize_static(
            preprocessed(), target, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            calibrate_method=getattr(CalibrationMethod, rule), extra_options=extra,
        )

    try:
        quantize()
    except ValueError:
        # Version 1.31 fails so in its own adjustment of biases on some models.
        quantize(QDQDisableWeightAdjustForInt32Bias=True)


def ort_dynamic():
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(preprocessed(), target, weight_type=QuantType.QInt8, per_channel=True)


def nncf_static():
    import nncf

    samples = calibration()
    quantized = nncf.quantize(modern(), nncf.Dataset(samples), subset_size=len(samples))
    onnx.save(quantized, target)


started = time.perf_counter()
if method == "nncf":
    nncf_static()
elif method == "ort-dynamic":
    ort_dynamic()
else:
    ort_static({"ort-minmax": "MinMax", "ort-entropy": "Entropy", "ort-percentile": "Percentile"}[method])
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))

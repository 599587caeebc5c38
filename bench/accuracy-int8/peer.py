"""Quantizes one model with one peer's method; prints {"cpuSeconds", "peakBytes"} as JSON on the last line.

    python peer.py <method> <task folder> <output.onnx>

Methods: ort-minmax, ort-entropy, ort-percentile, ort-dynamic, nncf. ONNX Runtime's static methods get its best settings
(QDQ, uint8 activations, int8 weights a channel, after its own preprocessing); the others their defaults, and NNCF knows of
transformers that they are ones.
"""

import json
import os
import resource
import sys
import warnings

import numpy as np
import onnx

warnings.filterwarnings("ignore")
method, folder, target = sys.argv[1:4]
source = os.path.join(folder, "model.onnx")
# Of transformers. With all of its operators the masks of attention, around -3.4e38, ruin every model.
WITH_WEIGHTS = ["Conv", "Gather", "Gemm", "MatMul"]
TASK = json.load(open(os.path.join(folder, "task.json")))


def calibration():
    task = json.load(open(os.path.join(folder, "calibration.json")))
    arrays = {name: np.load(os.path.join(folder, path)) for name, path in task["inputs"].items()}
    count = len(next(iter(arrays.values())))
    return [{name: np.asarray(values[i]) for name, values in arrays.items()} for i in range(count)]


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

    operators = WITH_WEIGHTS if TASK["transformer"] else None
    options = {"MatMulConstBOnly": True} if TASK["transformer"] else {}

    def quantize(**extra):
        quantize_static(
            preprocessed(), target, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=operators,
            calibrate_method=getattr(CalibrationMethod, rule), extra_options={**options, **extra},
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
    plain = {"subset_size": len(samples)}
    of_transformers = {**plain, "model_type": nncf.ModelType.TRANSFORMER}
    # Version 3.4 fails in its own smoothing of some transformers.
    smooth_off = nncf.AdvancedQuantizationParameters(smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(-1, -1))
    attempts = [of_transformers, {**of_transformers, "advanced_parameters": smooth_off}] if TASK["transformer"] else [plain]
    for settings in attempts:
        try:
            quantized = nncf.quantize(modern(), nncf.Dataset(samples), **settings)
            break
        except AttributeError as error:
            failure = error
    else:
        raise failure
    onnx.save(quantized, target)


if method == "nncf":
    nncf_static()
elif method == "ort-dynamic":
    ort_dynamic()
else:
    ort_static({"ort-minmax": "MinMax", "ort-entropy": "Entropy", "ort-percentile": "Percentile"}[method])
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpuSeconds": usage.ru_utime + usage.ru_stime, "peakBytes": usage.ru_maxrss * 1024}))

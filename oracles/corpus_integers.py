"""What corpus_checker.py asks of files whose activations are integers (dynamic and static int8).

The file must run wherever the float model does, with every output finite where the float one is. How near
the outputs are is a figure, not a verdict: networks with random weights differ more than trained ones. The
verdict is on what integers of activations have no part in: without them (`without_activations`) only the
rounding of weights and the cutting of ranges are left.
"""

import numpy as np
import onnx
import onnxruntime as runtime
from onnx import helper, numpy_helper

# Outputs that are nearly the same direction and size; below this a person should look.
LEAST_COSINE = 0.9


def session(model, optimised):
    options = runtime.SessionOptions()
    level = runtime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(model, options)


def run(model, feeds, optimised):
    return session(model, optimised).run(None, feeds)


def figures(before, after):
    """The lowest SQNR in dB and the lowest cosine of float outputs; the share of other outputs that differ."""
    decibels, cosine, differing = np.inf, 1.0, 0.0
    for x, y in zip(before, after):
        if not hasattr(x, "dtype"):
            continue
        if x.shape != y.shape:
            # How many boxes are left after NMS depends on their scores.
            differing = 1.0
            continue
        if x.dtype.kind != "f":
            differing = max(differing, float(np.mean(x != y)) if x.size else 0.0)
            continue
        x, y = x.astype(np.float64).ravel(), y.astype(np.float64).ravel()
        finite = np.isfinite(x)
        x, y = x[finite], y[finite]
        noise, signal = np.sum((x - y) ** 2), np.sum(x**2)
        decibels = min(decibels, np.inf if noise == 0 else 10 * np.log10(signal / noise) if signal > 0 else -np.inf)
        norm = np.sqrt(signal * np.sum(y**2))
        cosine = min(cosine, float(np.dot(x, y) / norm) if norm > 0 else (1.0 if noise == 0 else 0.0))
    return decibels, cosine, differing


def assert_finite(before, after, names):
    for name, x, y in zip(names, before, after):
        if hasattr(x, "dtype") and x.dtype.kind == "f" and x.shape == y.shape:
            bad = int(np.sum(np.isfinite(x) & ~np.isfinite(y)))
            assert bad == 0, f"{bad} values of output {name} are not finite, and finite in float"


def without_activations(model):
    """A copy in which QuantizeLinear of an activation only cuts at its ends."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    cut, nodes = {}, []
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] not in constants:
            scale, zero = (constants[name] for name in node.input[1:3])
            limits = np.iinfo(zero.dtype)
            ends = [np.float32((np.float32(code) - np.float32(zero)) * scale) for code in (limits.min, limits.max)]
            names = [f"{node.output[0]}_{end}" for end in ("low", "high")]
            for name, end in zip(names, ends):
                graph.initializer.append(numpy_helper.from_array(np.array(end, np.float32), name))
            nodes.append(helper.make_node("Clip", [node.input[0], *names], [f"{node.output[0]}_cut"]))
            cut[node.output[0]] = f"{node.output[0]}_cut"
        elif node.op_type == "DequantizeLinear" and node.input[0] in cut:
            nodes.append(helper.make_node("Identity", [cut[node.input[0]]], list(node.output)))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return copy


def check_integers(path, original, feeds):
    """Runs both; returns figures in words, and whether a person should look."""
    before = run(str(original), feeds, True)
    names = [output.name for output in session(str(original), True).get_outputs()]
    after = run(str(path), feeds, True)
    assert len(before) == len(after), "the outputs are others"
    assert_finite(before, after, names)
    plain = run(str(path), feeds, False)
    assert_finite(before, plain, names)
    decibels, cosine, differing = figures(before, after)
    words = f"{decibels:.1f} dB, cosine {cosine:.4f}"
    if differing > 0:
        words += f", {differing:.0%} of whole numbers differ"
    words += f"; without fusion {figures(before, plain)[0]:.1f} dB"
    if any(node.op_type == "QuantizeLinear" for node in onnx.load(str(path), load_external_data=False).graph.node):
        loaded = onnx.load(str(path))
        exact = run(without_activations(loaded).SerializeToString(), feeds, False)
        words += f"; activations in float {figures(before, exact)[0]:.1f} dB"
    return words, cosine < LEAST_COSINE

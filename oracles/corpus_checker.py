"""Checks what corpus.mjs wrote: onnx.checker, and that graphs mean what they meant.

    python oracles/corpus_checker.py <output folder> [pattern]

Decodes every stored weight with numpy, puts the result into the original model, and runs both in ONNX
Runtime without optimisation: a rewritten graph must give the numbers that the original gives with the
same weights. Prints `ok` or `FAIL` for each file.
"""

import fnmatch
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as runtime
from onnx import numpy_helper

# Rounding of float sums in another order; fp16 graphs round more.
LEAST_DB = {1: 70, 10: 30}


def bodies(graph, path="", found=None):
    """Every graph by its path, named as Mixbit names them."""
    found = {} if found is None else found
    found[path] = graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
                label = node.name or next((o for o in node.output if o), "")
                base = name = ".".join(p for p in (path, label, attribute.name) if p)
                number = 2
                while name in found:
                    name, number = f"{base}_{number}", number + 1
                bodies(inner, name, found)
    return found


def stored(model):
    """Every tensor by path and name: initializers and constants."""
    found = {}
    for path, graph in bodies(model.graph).items():
        tensors = [(t.name, t) for t in graph.initializer]
        tensors += [(n.output[0], n.attribute[0].t) for n in graph.node if n.op_type == "Constant" and n.attribute[0].name == "value"]
        for name, tensor in tensors:
            found[".".join(p for p in (path, name) if p)] = tensor
    return found


def part(tensors, name, suffix):
    """A part of a weight; a number is added where the model has the name already."""
    for number in ["", *(f"_{n}" for n in range(1, 9))]:
        if name + suffix + number in tensors:
            return tensors[name + suffix + number]
    return None


def unpacked(tensor, bits, signed, count):
    """Codes as int64, one a value, low bits first."""
    raw = np.frombuffer(tensor.raw_data, np.uint8).astype(np.int64)
    if bits == 4:
        raw = np.stack([raw & 15, raw >> 4], -1).reshape(-1)
        raw = raw[:count] if signed else raw
        return np.where(raw > 7, raw - 16, raw) if signed else raw
    return np.where(raw > 127, raw - 256, raw) if signed else raw


def decode(layer, name, tensors):
    """The weight in the plan's shape, in float64."""
    scheme = layer["scheme"]
    shape = layer["shape"]
    if scheme["kind"] == "float":
        return numpy_helper.to_array(tensors[name]).astype(np.float64).reshape(shape)
    rows, count = shape[0], int(np.prod(shape))
    columns = count // rows
    bits = 8 if scheme["dtype"] == "int8" else 4
    codes_tensor, scale_tensor = part(tensors, name, "_quantized"), part(tensors, name, "_scale")
    zero_tensor = part(tensors, name, "_zero_point") if not scheme["symmetric"] else None
    signed = codes_tensor.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.INT4)
    codes = unpacked(codes_tensor, bits, signed, count).reshape(rows, columns)
    scale = numpy_helper.to_array(scale_tensor).astype(np.float64).reshape(-1)
    blocks = len(scale) // rows if len(scale) > 1 or rows == 1 else 0
    if zero_tensor is None:
        zero = np.zeros(len(scale)) if signed else np.full(len(scale), 2 ** (bits - 1))
    else:
        zero = unpacked(zero_tensor, bits, signed, len(scale))
        if not signed:
            zero = zero.reshape(rows, -1)[:, :blocks].reshape(-1)
    if blocks == 0:
        return rounded(layer, ((codes - zero[0]) * scale[0]).reshape(shape))
    length = columns // blocks
    parts = codes.reshape(rows, blocks, length) - zero.reshape(rows, blocks, 1)
    return rounded(layer, (parts * scale.reshape(rows, blocks, 1)).reshape(shape))


def rounded(layer, values):
    """DequantizeLinear computes in the dtype of its scale."""
    half = layer["form"] == "DequantizeLinear" and layer["scheme"]["scaleDtype"] == "float16"
    return values.astype(np.float16 if half else np.float32).astype(np.float64)


def put(tensor, decoded):
    """Replaces the values of a tensor, in the order that is nearer to them."""
    before = numpy_helper.to_array(tensor)
    if before.dtype.name == "bfloat16":
        return
    choices = []
    if decoded.size == before.size:
        choices.append(decoded.reshape(before.shape) if decoded.shape == before.shape or decoded.ndim != before.ndim else None)
        if decoded.ndim >= 2:
            swapped = np.swapaxes(decoded, 0, 1)
            choices.append(swapped if swapped.shape == before.shape else None)
    near = min((c for c in choices if c is not None), key=lambda c: np.abs(c - before).sum())
    tensor.CopyFrom(numpy_helper.from_array(near.astype(before.dtype), tensor.name))


def feeds(session, seed=3):
    random = np.random.default_rng(seed)
    values = {}
    for node in session.get_inputs():
        dims = [d if isinstance(d, int) and d >= 0 else (1 if "batch" in str(d).lower() or str(d) in "nN" else SIZE) for d in node.shape]
        if "float" in node.type:
            values[node.name] = random.standard_normal(dims).astype(np.float16 if "16" in node.type else np.float32)
        elif node.type == "tensor(bool)":
            values[node.name] = np.ones(dims, bool)
        else:
            kind = np.int32 if "32" in node.type else np.int64
            values[node.name] = (np.full(dims, 16000) if node.name == "sr" else np.full(dims, 1) if "mask" in node.name else random.integers(0, 90, dims)).astype(kind)
    return values


def run(model_bytes_or_path, values=None):
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model_bytes_or_path, options)
    values = values or feeds(session)
    return session.run(None, values), values


def sqnr(a, b):
    lowest = np.inf
    for x, y in zip(a, b):
        if not hasattr(x, "dtype") or x.dtype.kind != "f":
            continue
        x, y = x.astype(np.float64), y.astype(np.float64)
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        noise, signal = np.sum(np.where(same, 0, x - y) ** 2), np.sum(np.where(np.isfinite(x), x, 0) ** 2)
        lowest = min(lowest, np.inf if noise == 0 else 10 * np.log10(signal / noise) if signal > 0 else -np.inf)
    return lowest


def check(path):
    global SIZE
    onnx.checker.check_model(str(path), full_check=True)
    plan = json.loads(path.with_suffix(".json").read_text())
    original = onnx.load(plan["original"])
    written = onnx.load(str(path))
    tensors, targets = stored(written), stored(original)
    for layer in plan["layers"]:
        name = layer["layer"].removeprefix("model.")
        is_kept = name in tensors and tensors[name].data_type == targets[name].data_type
        if not is_kept:
            put(targets[name], decode(layer, name, tensors))
    kinds = {o.type.tensor_type.elem_type for o in original.graph.output} | {i.type.tensor_type.elem_type for i in original.graph.input}
    for SIZE in (16, 64, 48, 224, 1, 256):
        try:
            before, values = run(original.SerializeToString())
            break
        except runtime.capi.onnxruntime_pybind11_state.InvalidArgument:
            continue
        except Exception as error:
            if SIZE == 256:
                return f"original does not run: {str(error)[:80]}"
    after, _ = run(str(path), values)
    db = sqnr(before, after)
    least = LEAST_DB[10] if 10 in kinds else LEAST_DB[1]
    assert db >= least, f"{db:.1f} dB from the original with the same weights"
    return "same" if db == np.inf else f"{db:.0f} dB"


def main():
    failed = 0
    pattern = sys.argv[2] if len(sys.argv) > 2 else "*"
    for path in sorted(Path(sys.argv[1], "files").glob("*.onnx")):
        if not fnmatch.fnmatch(path.name, pattern):
            continue
        try:
            print(f"ok {path.name}: {check(path)}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL {path.name}: {type(error).__name__}: {str(error)[:300]}", flush=True)
    sys.exit(1 if failed else 0)


main()

"""Checks what corpus.mjs wrote: onnx.checker, and that graphs mean what they meant.

    python oracles/corpus_checker.py <output folder> [pattern]

Weight-only: decodes every stored weight with numpy, puts the result into the original model, and runs both
in ONNX Runtime without optimisation: a rewritten graph must give the numbers that the original gives with the
same weights. Integer activations: see corpus_integers.py. Every file must have the bytes that its plan
predicts. Prints `ok`, `LOOK` (runs, but far from the float model) or `FAIL` for each file; the verdicts
are kept in <output folder>/checked.jsonl, and a file that has one there is not looked at again.
"""

import fnmatch
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as runtime
from onnx import numpy_helper

from corpus_integers import check_integers

# Rounding of float sums in another order; fp16 graphs round more.
LEAST_DB = {1: 70, 10: 30}

# The types that plans count.
FLOATS = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}

# Bits of a value, by its type in TensorProto; strings have no size of their own.
BITS = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 16: 16, 21: 4, 22: 4, 25: 2, 26: 2}


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
    if bits < 8:
        raw = np.stack([raw >> shift & (2**bits - 1) for shift in range(0, 8, bits)], -1).reshape(-1)
        raw = raw[:count] if signed else raw
    return np.where(raw >= 2 ** (bits - 1), raw - 2**bits, raw) if signed else raw


def decode(layer, name, tensors):
    """The weight in the plan's shape, in float64."""
    scheme = layer["scheme"]
    shape = layer["shape"]
    if scheme["kind"] == "float":
        return numpy_helper.to_array(tensors[name]).astype(np.float64).reshape(shape)
    rows, count = shape[0], int(np.prod(shape))
    columns = count // rows
    bits = int(scheme["dtype"].removeprefix("int"))
    codes_tensor, scale_tensor = part(tensors, name, "_quantized"), part(tensors, name, "_scale")
    zero_tensor = part(tensors, name, "_zero_point") if not scheme["symmetric"] else None
    signed = codes_tensor.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.INT4, onnx.TensorProto.INT2)
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


def feeds(folder):
    """What corpus.mjs fed to the model; None where it found nothing that runs."""
    folder = Path(folder)
    if not (folder / "feeds.json").exists():
        return None
    names = json.loads((folder / "feeds.json").read_text())
    return {name: np.load(folder / file) for name, file in names.items()}


def run(model_bytes_or_path, values):
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model_bytes_or_path, options)
    return session.run(None, values)


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


def check_weights(path, plan, values):
    original = onnx.load(plan["original"])
    written = onnx.load(str(path))
    tensors, targets = stored(written), stored(original)
    for layer in plan["layers"]:
        name = layer["layer"].removeprefix("model.")
        is_kept = name in tensors and tensors[name].data_type == targets[name].data_type
        if not is_kept:
            put(targets[name], decode(layer, name, tensors))
    kinds = {o.type.tensor_type.elem_type for o in original.graph.output} | {i.type.tensor_type.elem_type for i in original.graph.input}
    db = sqnr(run(original.SerializeToString(), values), run(str(path), values))
    least = LEAST_DB[10] if 10 in kinds else LEAST_DB[1]
    assert db >= least, f"{db:.1f} dB from the original with the same weights"
    return "same" if db == np.inf else f"{db:.0f} dB"


def tensor_bytes(model, are_floats=None):
    """Bytes of the tensors of a model; only of its floats, or only of the others."""
    total = 0
    for tensor in stored(model).values():
        if are_floats is None or are_floats == (tensor.data_type in FLOATS):
            total += -(-BITS.get(tensor.data_type, 0) * int(np.prod(tensor.dims)) // 8)
    return total


def bytes_on_disk(path):
    """Of a file and of the external data that it names."""
    model = onnx.load(str(path), load_external_data=False)
    places = (place for tensor in stored(model).values() for place in tensor.external_data if place.key == "location")
    data = {Path(path).parent / place.value for place in places}
    return Path(path).stat().st_size + sum(file.stat().st_size for file in data)


def check_bytes(path, plan):
    """Tensors take what the plan says; beside them the original's graph, and at most 5 % + 64 kB."""
    original = onnx.load(plan["original"])
    tensors = tensor_bytes(onnx.load(str(path))) - tensor_bytes(original, are_floats=False)
    # Scales and zero points of activations, which values share, and axes of a raised opset.
    spare = 5 * len(plan.get("activations", [])) + 4096
    assert abs(tensors - plan["bytes"]) <= spare, f"its tensors take {tensors} bytes, the plan says {plan['bytes']}"
    written = bytes_on_disk(path)
    carried = max(0, bytes_on_disk(plan["original"]) - tensor_bytes(original, are_floats=True))
    extra = written - plan["bytes"]
    limit = 0.05 * plan["bytes"] + 64_000
    assert extra >= 0, f"{written} bytes are fewer than the {plan['bytes']} of the plan"
    assert extra - carried <= limit, f"{extra} bytes beyond the plan's {plan['bytes']}, of which the original had {carried}"
    return f"{written} bytes, {extra} beyond the plan" + ("" if extra <= limit else f" ({carried} are the original's graph)")


def check_validity(path, original, values):
    """onnx.checker with shape inference; defects of the original are no defects of what was made from it."""
    model = onnx.load(str(path))
    try:
        onnx.checker.check_model(model, full_check=True)
        return "valid"
    except Exception as error:
        if values is not None and drop_false_shapes(model, original, values):
            onnx.checker.check_model(model, full_check=True)
            return "valid, but for the shape of an output that the original states wrong"
        for full_check in (True, False):
            if is_refused(original, full_check) and not (full_check and is_refused(model, False)):
                return f"refused as the original is ({str(error).splitlines()[0][:60]})"
        raise


def is_refused(model, full_check):
    try:
        onnx.checker.check_model(model, full_check=full_check)
        return False
    except Exception:
        return True


def drop_false_shapes(model, original, values):
    """Gives outputs the rank that the original's have, where it states another; whether there are any."""
    found = False
    for output, value in zip(model.graph.output, run(original, values)):
        dims = output.type.tensor_type.shape.dim
        sizes = value.shape if hasattr(value, "shape") else None
        is_true = sizes is None or len(dims) == len(sizes) and all(not d.dim_value or d.dim_value == size for d, size in zip(dims, sizes))
        if output.type.tensor_type.HasField("shape") and not is_true:
            del dims[:]
            for _ in sizes:
                dims.add()
            found = True
    return found


def check(path):
    """A verdict and why, in words."""
    plan = json.loads(path.with_suffix(".json").read_text())
    values = feeds(plan["feeds"])
    words = [check_validity(path, plan["original"], values), check_bytes(path, plan)]
    if values is None:
        return "ok", "; ".join([*words, "the original does not run"])
    if plan["mode"] == "dynamic" or plan["mode"].startswith("w8a8"):
        outputs, is_far = check_integers(path, plan["original"], values)
        return "LOOK" if is_far else "ok", "; ".join([*words, outputs])
    return "ok", "; ".join([*words, check_weights(path, plan, values)])


def verdict(path):
    try:
        return check(path)
    except Exception as error:
        return "FAIL", f"{type(error).__name__}: {str(error)[:300]}"


def written_verdicts(folder, pattern="*"):
    """Name, verdict and why of each file that corpus.mjs wrote; those of earlier runs are kept."""
    record = folder / "checked.jsonl"
    lines = record.read_text().splitlines() if record.exists() else []
    known = {line["file"]: line for line in map(json.loads, lines)}
    for path in sorted((folder / "files").glob("*.onnx")):
        if not fnmatch.fnmatch(path.name, pattern):
            continue
        if path.name not in known:
            found, why = verdict(path)
            known[path.name] = {"file": path.name, "verdict": found, "why": why}
            with record.open("a") as file:
                file.write(json.dumps(known[path.name]) + "\n")
        yield path.name, known[path.name]["verdict"], known[path.name]["why"]


def run_verdicts(folder):
    """Name, verdict and why of each file and mode that corpus.mjs could not write or run."""
    for line in map(json.loads, (folder / "results.jsonl").read_text().splitlines()):
        name = f"{line['file']}.{line['mode']}"
        if "crash" in line:
            yield name, "FAIL", line["crash"].splitlines()[0]
        elif "error" in line:
            yield name, "FAIL", f"{line['error']}: {line['message']}"
        elif "skipped" in line:
            yield name, "skip", line["skipped"]
        elif line["runs"] is False:
            yield name, "FAIL", line["failure"]


def main():
    folder = Path(sys.argv[1])
    pattern = sys.argv[2] if len(sys.argv) > 2 else "*"
    counts = dict.fromkeys(("ok", "LOOK", "FAIL", "skip"), 0)
    for verdicts in (run_verdicts(folder), written_verdicts(folder, pattern)):
        for name, found, why in verdicts:
            counts[found] += 1
            print(f"{found} {name}: {why}", flush=True)
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    sys.exit(1 if counts["FAIL"] else 0)


if __name__ == "__main__":
    main()

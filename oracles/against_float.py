"""Float weights are the checkpoint's own; stored codes are the nearest to them that there are."""

import numpy as np
from onnx import numpy_helper

from model_folder import checkpoint_name, read_safetensors

BATCH_NORM_EPSILON = 1e-5

FOLDED_TOLERANCE = 1e-6
"""Folding has no one right order of its float operations."""

LEAST_SQNR_DB = {"float16": 60, "bfloat16": 40, "int8": 10, "int4": 6, "int2": 2}
"""The worst layers of fastvlm-nano have 16 dB (int8 per tensor), 9.9 dB (int4 per channel) and 3.1 dB
(int2 per channel with zero points); a swapped axis gives about -3 dB."""

LOOKED_UP = (
    "GatherBlockQuantized",
    "GatherBlockQuantized + MatMulNBits",
    "Gather + Sub + Mul",
    "Gather + Sub + Mul + MatMulNBits",
)

CODE_RANGES = {
    ("int8", True): (-127, 127),
    ("int8", False): (-128, 127),
    ("int4", True): (-8, 7),
    ("int4", False): (-8, 7),
    ("int2", True): (-2, 1),
    ("int2", False): (-2, 1),
}


def check_floats(folder):
    """Layers stored as float are the checkpoint's tensors, rounded once by numpy."""
    tensors = read_safetensors(folder.checkpoint / "model.safetensors")
    for layer in folder.layers:
        name, dtype = layer["layer"], layer["scheme"]["dtype"]
        if layer["scheme"]["kind"] != "float":
            continue
        found = folder.values[name]
        expected, is_exact = checkpoint_values(tensors, checkpoint_name(name))
        if found.shape != expected.shape:
            yield f"{name} has shape {found.shape}, the checkpoint {expected.shape}"
        elif is_exact and dtype != "bfloat16":
            rounded = expected.astype(dtype).astype(np.float32)
            if (rounded != found).any():
                yield f"{name}: {np.sum(rounded != found)} values are not the checkpoint's"
        else:
            tolerance = FOLDED_TOLERANCE if dtype == "float32" else 2**-8
            if (np.abs(expected - found) > tolerance * np.abs(expected).max()).any():
                yield f"{name} is not the checkpoint's, folded"


def checkpoint_values(tensors, name):
    """A tensor as float32, and whether it is the checkpoint's own or folded from several."""
    if ".convffn.conv.conv." not in name:
        return tensors[name].astype(np.float32), True
    prefix, part = name.rsplit(".conv.", 1)
    gamma, beta, mean, variance = (
        tensors[f"{prefix}.bn.{key}"].astype(np.float64)
        for key in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    if part == "bias":
        return (beta - mean * factor).astype(np.float32), False
    weight = tensors[f"{prefix}.conv.weight"].astype(np.float64)
    return (weight * factor[:, None, None, None]).astype(np.float32), False


def check_nearness(folder):
    """Every layer is near its float weight: nothing is swapped or turned."""
    floats = folder.reference.values
    if folder.values.keys() != floats.keys():
        yield f"other layers than in {folder.reference.name}"
        return
    for layer in folder.layers:
        name, dtype = layer["layer"], layer["scheme"]["dtype"]
        x, y = floats[name].astype(np.float64), folder.values[name].astype(np.float64)
        if x.shape != y.shape:
            yield f"{name} has shape {y.shape}, its float weight {x.shape}"
            continue
        noise = np.square(x - y).sum()
        sqnr = np.inf if noise == 0 else 10 * np.log10(np.square(x).sum() / noise)
        if sqnr < LEAST_SQNR_DB.get(dtype, np.inf):
            yield f"{name} ({dtype}) is {sqnr:.1f} dB from its float weight"


def check_codes(folder):
    """No other code of its block is nearer to a weight than the one that is stored."""
    for layer in folder.layers:
        if layer["scheme"]["kind"] != "affine":
            continue
        name = layer["layer"]
        x = folder.reference.values[name].astype(np.float64).ravel()
        scale, zero_point, codes = stored_parts(folder, layer)
        low, high = CODE_RANGES[layer["scheme"]["dtype"], layer["scheme"]["symmetric"]]
        if not np.isfinite(scale).all() or (scale == 0).any():
            yield f"{name} has a scale that is 0 or not finite"
            continue
        # A negative scale mirrors its block, which is of use only where the range has an extra code.
        if (scale < 0).any() and not (layer["scheme"]["symmetric"] and low < -high):
            yield f"{name} has a negative scale"
            continue
        if codes.min() < low or codes.max() > high:
            yield f"{name} has codes from {codes.min()} to {codes.max()}, beyond {low} and {high}"
        nearest = np.clip(x / scale + zero_point, low, high)
        # A tie may go either way, and the quotient is rounded to float32 before.
        wrong = np.flatnonzero(np.abs(nearest - codes) > 0.5 + 1e-5)
        if wrong.size > 0:
            at = wrong[0]
            yield (
                f"{name}: {wrong.size} codes are not the nearest; the first at {at}: "
                f"{codes[at]} for {nearest[at]:.3f}"
            )


def stored_parts(folder, layer):
    """Scale, zero point and signed code of each value, by numpy from the file."""
    name, scheme = layer["stored"], layer["scheme"]
    graph = next(g for g in folder.sessions.values() if f"{name}_quantized" in g.initializers)
    count = int(np.prod(layer["shape"]))
    is_unsigned = layer["form"] in ("MatMulNBits", *LOOKED_UP)
    codes = signed_codes(graph, f"{name}_quantized", scheme["dtype"], is_unsigned)[:count]
    scale = numpy_helper.to_array(graph.initializers[f"{name}_scale"]).astype(np.float64)
    blocks = scale.size
    zero_point = np.zeros(blocks)
    if not scheme["symmetric"]:
        rows = scale.shape[0] if scale.ndim > 0 and is_unsigned else 1
        stored = signed_codes(graph, f"{name}_zero_point", scheme["dtype"], is_unsigned)
        zero_point = stored.reshape(rows, -1)[:, : blocks // rows].ravel()
    each = count // blocks
    return np.repeat(scale.ravel(), each), np.repeat(zero_point, each), codes


def signed_codes(graph, name, dtype, is_unsigned):
    """Codes in the order of the file; several a byte below 8 bits, the lowest bits first."""
    data = np.frombuffer(numpy_helper.to_array(graph.initializers[name]).tobytes(), np.uint8)
    if dtype == "int8":
        return data.astype(np.int64) - 128 if is_unsigned else data.view(np.int8).astype(np.int64)
    if not is_unsigned:
        return numpy_helper.to_array(graph.initializers[name]).astype(np.int64).ravel()
    bits = int(dtype.removeprefix("int"))
    parts = [data >> shift & 2**bits - 1 for shift in range(0, 8, bits)]
    return np.stack(parts, axis=1).astype(np.int64).ravel() - 2 ** (bits - 1)

"""How a weight of a Core ML package is stored, what a precision name asks for, and what each form needs.

Written from coremltools' operator definitions and its documents, not from Mixbit's tables.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

SPECS = {"coreml-ios16": 7, "coreml-ios17": 8, "coreml-ios18": 9}
"""The specification version of each target."""

WEIGHT_INPUTS = {
    **{op: {"weight"} for op in ("conv", "conv_transpose", "linear")},
    "matmul": {"x", "y"},
    "gather": {"x"},
    **{
        op: {f"weight_{kind}{back}" for kind in ("ih", "hh") for back in ("", "_back")} for op in ("lstm", "gru", "rnn")
    },
}
"""Operator to its inputs that every precision name is about; other constants may stay as they are."""

SCALAR = np.zeros((), np.int8)


@dataclass(frozen=True)
class Form:
    """How values are stored. `grid`: scales or tables along each axis."""

    kind: str
    bits: int
    grid: tuple = ()
    symmetric: bool = True
    table: str = "float"
    vector: int = 1
    is_sparse: bool = False
    is_cast: bool = False
    is_scaled: bool = False
    """A palette whose values are multiplied by scales of their own, as coremltools writes it."""

    def __str__(self):
        grid = "x".join(map(str, self.grid))
        extra = [] if self.symmetric else ["asymmetric"]
        extra += ["int8 table"] if self.table == "int8" else []
        extra += [f"vectors of {self.vector}"] if self.vector > 1 else []
        extra += ["cast"] * self.is_cast + ["scaled"] * self.is_scaled
        return " ".join(["sparse"] * self.is_sparse + [f"{self.kind}{self.bits}", grid, *extra]).strip()


def form_of(package, weight):
    """The Form of a weight, with the numbers that it is made of."""
    kind, found = None, {}
    for op, inputs, results in package.evaluated(weight):
        if op.type == "const" and results[0].dtype.kind == "f":
            kind, dtype = "float", results[0].dtype
        elif op.type == "cast":
            found["is_cast"] = True
        elif op.type == "constexpr_cast":
            kind, dtype, found["is_cast"] = "float", inputs["source_val"].dtype, True
        elif "shift_scale" in op.type and inputs.get("data", SCALAR).dtype.kind == "f":
            found["is_scaled"] = True
        elif "affine" in op.type or "shift_scale" in op.type:
            kind = "affine"
            parts = inputs
            bits = bits_of(op, "data", "quantized_data", "nonzero_data")
            found |= {"bits": bits, "symmetric": is_symmetric(inputs, bits), "grid": affine_grid(inputs)}
        elif "lut" in op.type:
            if kind == "affine":  # The step before made the table.
                found = {"table": "int8"}
            kind = "palette"
            parts = inputs
            found |= palette_facts(inputs)
        elif "sparse_to_dense" in op.type:
            found["is_sparse"] = True
            if kind is None:
                kind, dtype = "float", inputs["nonzero_data"].dtype
    if kind == "float":
        found["bits"] = dtype.itemsize * 8
        parts = {}
    return Form(kind, **found), parts


def bits_of(op, *names):
    """Of the dtype that the file names, which numpy rounds up to a byte."""
    for name in names:
        if name in op.attributes:
            value = op.attributes[name]
        elif name in op.inputs:
            value = op.inputs[name].arguments[0].value
        else:
            continue
        return {25: 4, 35: 4}.get(value.type.tensorType.dataType, 8)
    raise ValueError(f"{op.type} has no codes")


def is_symmetric(inputs, bits):
    """Zero is the same code in every block, in the middle of the range."""
    offset = inputs.get("zero_point", inputs.get("offset"))
    if offset is None:
        return True
    middle = 0 if offset.dtype == np.int8 else 1 << (bits - 1)
    return bool(((offset == middle) | (offset == middle - (middle > 0))).all() and np.ptp(offset) == 0)


def affine_grid(inputs):
    scale = inputs["scale"]
    if "axis" not in inputs:
        return scale.shape
    grid = [1] * inputs["quantized_data"].ndim
    if scale.ndim == 1:
        grid[int(inputs["axis"])] = scale.size
    return tuple(grid)


def palette_facts(inputs):
    tables = inputs["lut"]
    if "shape" in inputs:
        return {"bits": tables.size.bit_length() - 1, "grid": (1,) * inputs["shape"].size}
    grid, (entries, vector) = tables.shape[:-2], tables.shape[-2:]
    return {"bits": entries.bit_length() - 1, "grid": grid, "vector": vector}


def lowest_spec(form, shape):
    """The first specification version that has an operator for this form."""
    if form.kind == "float" and not form.is_sparse:
        return 7 if form.is_cast and form.bits == 16 else 0
    split = [axis for axis, parts in enumerate(form.grid) if parts > 1]
    if form.kind == "affine" and not form.is_sparse and form.bits == 8:
        whole = all(form.grid[axis] == shape[axis] for axis in split)
        return 7 if len(split) <= 1 and whole else 9
    if form.kind == "palette" and not form.is_sparse:
        plain = form.table == "float" and form.vector == 1 and form.bits != 3
        return 7 if plain and not split else 9
    return 7 if form.kind == "float" else 9


def axes_of(weight, shape, function):
    """(output axis, input axis) by coremltools' rule; None where readers disagree."""
    pairs = all_axes_of(weight, shape, function)
    return pairs.pop() if len(pairs) == 1 else (None, None)


def all_axes_of(weight, shape, function):
    """(output axis, input axis) of each reader."""
    return {axes_in(op, name, len(shape), function) for op, name in weight.uses}


def axes_in(op, name, rank, function):
    if op.type == "conv_transpose":
        return 1, 0
    if op.type == "matmul":
        transposed = op.inputs.get(f"transpose_{name}")
        is_last = (name == "y") != flag(transposed, function)
        return (rank - 1, rank - 2) if is_last else (rank - 2, rank - 1)
    return 0, 1


def flag(argument, function):
    """The boolean that an input is."""
    if argument is None:
        return False
    (binding,) = argument.arguments
    if binding.WhichOneof("binding") == "value":
        value = binding.value
    else:
        value = function.producers[binding.name][0].attributes["val"]
    return bool(value.immediateValue.tensor.bools.values[0])


def holds_weights(weight):
    return all(slot in WEIGHT_INPUTS.get(op.type, ()) for op, slot in weight.uses)


def matches(found, wanted):
    """Zero points that all lie in the middle make an asymmetric form look symmetric; a cast is the program's need."""
    if wanted is None:
        return False
    found = replace(found, is_cast=wanted.is_cast)
    return wanted in (found, replace(found, symmetric=False))


PRECISION = re.compile(
    r"(?:sparse(?P<sparsity>[^+]*)\+)?"
    r"(?:fp(?P<float>16|32)"
    r"|int(?P<affine>\d)(?:/(?P<sharing>tensor|channel|\d+))?(?P<asym>/asym)?"
    r"|palette(?P<palette>\d)(?:/tensor|/g(?P<group>\d+))?(?:x(?P<vector>\d+))?(?P<table>/int8)?(?P<scale>/scale)?)"
)


def asked(precision):
    """The parts of a precision name, by name."""
    match = PRECISION.fullmatch(precision)
    if match is None:
        raise ValueError(f"{precision} is no precision")
    return match.groupdict()


def form_for(precision, shape, axes):
    """The Form that a precision name means for a weight; None where its axes are not known."""
    asks = asked(precision)
    is_sparse = asks["sparsity"] is not None
    if asks["float"]:
        return Form("float", int(asks["float"]), is_sparse=is_sparse)
    output, inputs = axes
    grid = [1] * len(shape)
    if asks["affine"]:
        sharing = asks["sharing"] or ("channel" if asks["affine"] == "8" else "32")
        if sharing != "tensor":
            if output is None:
                return None
            grid[output] = shape[output]
            if sharing != "channel":
                grid[inputs] = shape[inputs] // largest_divisor(shape[inputs], int(sharing))
        return Form("affine", int(asks["affine"]), tuple(grid), asks["asym"] is None, is_sparse=is_sparse)
    vector = int(asks["vector"] or 1)
    if asks["group"] or asks["scale"] or vector > 1:
        if output is None:
            return None
        if asks["scale"]:
            grid[output] = shape[output]
        elif asks["group"]:
            grid[output] = shape[output] // largest_divisor(shape[output], int(asks["group"]))
    return Form(
        "palette",
        int(asks["palette"]),
        tuple(grid),
        table="int8" if asks["table"] else "float",
        vector=vector,
        is_sparse=is_sparse,
    )


def form_of_scheme(scheme, shape, output):
    """The Form that a plan's scheme means for a weight with this output axis."""
    if scheme["kind"] == "sparse":
        return replace(form_of_scheme(scheme["values"], shape, output), is_sparse=True)
    if scheme["kind"] == "float":
        return Form("float", int(scheme["dtype"].removeprefix("float")))
    grid = [1] * len(shape)
    shared = scheme["granularity"]
    if shared["kind"] != "per-tensor":
        axis, size = shared["axis"], shared.get("blockSize", 1)
        grid[axis] = shape[axis] // size
    if scheme["kind"] == "affine":
        bits = int(scheme["dtype"].removeprefix("int"))
        if shared["kind"] == "per-block":
            grid[output] = shape[output]
        return Form("affine", bits, tuple(grid), scheme["symmetric"])
    if scheme["channelScale"]:
        grid[output] = shape[output]
    return Form("palette", scheme["bits"], tuple(grid), table=scheme["table"], vector=scheme["vectorSize"])


def largest_divisor(size, most):
    return next(each for each in range(min(size, most), 0, -1) if size % each == 0)

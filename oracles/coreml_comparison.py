"""Mixbit's packages beside those of coremltools: the same package, the same form."""

import numpy as np

import coreml_forms as forms
import coreml_peer
from coreml_checker import mean_squared_error, values_of
from coreml_program import Package

COMPARED = [
    *(("layers-fp16-ios18", form) for form in ("int8", "int8/tensor", "int8/asym", "int4/16", "int4/channel")),
    *(("layers-fp16-ios18", form) for form in ("palette4", "palette2", "palette6", "palette4/g16")),
    *(("layers-fp16-ios18", form) for form in ("palette4x2", "palette6x2", "palette2x4")),
    *(("layers-fp16-ios18", form) for form in ("sparse50+fp16", "sparse50+int8", "sparse50+palette4")),
    *(("special-fp16", form) for form in ("int8", "int8/asym", "int8/tensor", "palette4")),
    ("layers-fp32-ios17", "int8"),
    ("layers-fp16-ios16", "palette4"),
]

BETTER = {"special-fp16 int8": {"subnormal_weight", "huge_weight", "rows_weight"}}
"""Weights that coremltools, which computes in float16, cannot hold: ours must have a smaller error."""

SLACK = 1e-9
"""Two sums of the same numbers in another order."""

SIZE = 0.01


def check_against_coremltools(source, precision, folder, mixbit):
    """No weight has a larger error, where both have the form, and the bytes are at most 1 % more."""
    name = f"{source.stem}-{precision.replace('/', '_')}"
    theirs, ours = folder / f"theirs-{name}.mlpackage", folder / f"ours-{name}.mlpackage"
    with np.errstate(all="ignore"):
        coreml_peer.compress(source, precision, theirs)
    arguments = ["quantize", str(source), "--precision", precision, "-o", str(ours), "--force", "--json"]
    status, _, error = mixbit(arguments)
    if status != 0:
        yield f"mixbit ended with {status}: {error}"
        return
    better = BETTER.get(f"{source.stem} {precision}", set())
    yield from compare(Package(source), Package(ours), Package(theirs), better)


def compare(source, ours, theirs, better):
    compared, sizes = 0, [0, 0]
    for key, weight in source.weights.items():
        pair = [each.weights.get(key) for each in (ours, theirs)]
        if None in pair:
            continue
        found = [forms.form_of(package, each)[0] for package, each in zip((ours, theirs), pair)]
        if not forms.matches(found[0], found[1]) or (found[0].kind == "float" and not found[0].is_sparse):
            continue
        compared += 1
        errors = [mean_squared_error(source, package, key) for package in (ours, theirs)]
        bound = errors[1] * (1 + SLACK) if np.isfinite(errors[1]) else np.inf
        if not errors[0] <= bound or (weight.name in better and not errors[0] < bound):
            yield f"{weight.name} has the error {errors[0]:.6g}, coremltools {errors[1]:.6g}"
        for at, (package, each) in enumerate(zip((ours, theirs), pair)):
            sizes[at] += stored_bytes(package, each)
    if compared == 0:
        yield "nothing was compared"
    # Fewer they may be.
    if compared and sizes[0] > (1 + SIZE) * sizes[1]:
        yield f"takes {sizes[0]} bytes, coremltools {sizes[1]}"


def stored_bytes(package, weight):
    """Of all blobs that the operators of a weight name; two may name the same."""
    values = [value for op in weight.steps for value in values_of(op)]
    offsets = {each.blobFileValue.offset for each in values if each.WhichOneof("value") == "blobFileValue"}
    return sum(package.blob(offset).bytes for offset in offsets)

"""Whether the stored codes are the best ones: no other code, table entry or mask is nearer to the weight."""

import math

import numpy as np

from coreml_forms import all_axes_of, asked, is_symmetric
from coreml_program import expand

ROUNDING = 1e-6
"""Relative slack: a tie in exact arithmetic may fall either way."""


def check_codes(source, result, key, precision):
    """Compares one weight with what its precision name promises of the values."""
    before = source.dense(source.weights[key]).astype(np.float64)
    weight = result.weights[key]
    after = result.dense(weight).astype(np.float64)
    mask = None
    for op, inputs, _ in result.evaluated(weight):
        if "sparse_to_dense" in op.type:
            mask = stored_mask(inputs, before.shape)
    parts = last_codes(result, weight)
    kept = np.ones(before.shape, bool) if mask is None else mask != 0
    if np.count_nonzero(kept) == 1 and not after.any():
        kept = np.zeros(before.shape, bool)  # No tensor of a program is empty: one zero is stored.
    if mask is not None:
        if after[~kept].any():
            yield f"{weight.name} has values where its mask is zero"
        yield from check_mask(source, key, before, kept, precision)
    if parts is None:
        yield from check_floats(weight, before, after, kept)
    elif "lut" in parts:
        yield from check_indices(weight, parts, before, after, kept)
    else:
        yield from check_affine(weight, parts, before, after, kept)


def stored_mask(inputs, shape):
    if "shape" not in inputs:
        return inputs["mask"]
    return np.unpackbits(inputs["mask"], bitorder="little")[: int(np.prod(shape))].reshape(shape)


def last_codes(result, weight):
    """The inputs of the operator that holds the codes or the indices; None of floats."""
    found = None
    for op, inputs, _ in result.evaluated(weight):
        if any(word in op.type for word in ("affine", "shift_scale", "lut")):
            found = inputs
    return found


def check_floats(weight, before, after, kept):
    """Kept floats are the source's, rounded once to the type they are stored in."""
    rounded = before.astype(np.float16).astype(np.float64)
    wrong = kept & (after != before) & (after != rounded)
    if wrong.any():
        at = np.argwhere(wrong)[0].tolist()
        yield f"{weight.name} at {at} is {after[tuple(at)]!r}, was {before[tuple(at)]!r}"


def check_affine(weight, parts, before, after, kept):
    """Neither neighbour of a code is nearer: the next decoded values are one scale away."""
    data = parts.get("data", parts.get("quantized_data", parts.get("nonzero_data")))
    scale, low, high = parts["scale"], *code_range(weight, parts, data)
    if "axis" in parts and scale.ndim == 1:
        shape = [1] * before.ndim
        shape[int(parts["axis"])] = scale.size
        scale = scale.reshape(shape)
    if scale.ndim < before.ndim:
        scale = scale.reshape((1,) * before.ndim)
    step = expand(scale.astype(np.float64), [a // b for a, b in zip(before.shape, scale.shape)])
    codes = np.zeros(before.shape)
    if data.shape == before.shape:
        codes = data.astype(np.float64)
    else:
        codes[kept] = data
    error = np.abs(before - after)
    slack = rounding_of(before, after, step, parts["scale"].dtype)
    for side in (-1, 1):
        beside = np.abs(before - (after + side * step))
        allowed = kept & (codes + side >= low) & (codes + side <= high)
        wrong = allowed & (beside < error - slack)
        if wrong.any():
            at = tuple(np.argwhere(wrong)[0].tolist())
            yield f"{weight.name} at {list(at)}: {before[at]!r} is stored as {after[at]!r}, the next code is nearer"
            return


def rounding_of(before, after, step, dtype):
    """Only a larger gain is a wrong code: decoded values are rounded to the type of the scale, quotients to float32."""
    info = np.finfo(dtype)
    decoded = (np.abs(after) + np.abs(step)) * float(info.eps) + float(info.smallest_subnormal)
    return decoded + np.abs(before) * float(np.finfo(np.float32).eps)


def code_range(weight, parts, data):
    """Symmetric codes leave out the lowest (or, as unsigned ones, the highest) of their type."""
    is_narrow = any(
        value.type.tensorType.dataType in (25, 35)
        for op in weight.steps
        for value in [
            *op.attributes.values(),
            *(binding.value for each in op.inputs.values() for binding in each.arguments),
        ]
    )
    bits = 4 if is_narrow else 8
    low, high = (0, 2**bits - 1) if data.dtype == np.uint8 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not is_symmetric(parts, bits):
        return low, high
    offset = parts.get("zero_point", parts.get("offset"))
    middle = 0 if offset is None else int(offset.flat[0])
    reach = 2 ** (bits - 1) - 1
    return max(low, middle - reach), min(high, middle + reach)


def check_indices(weight, parts, before, after, kept):
    """No other entry of its table is nearer to a value, or to a vector of values."""
    tables = parts["lut"].astype(np.float64)
    if "shape" in parts:
        tables = tables.reshape((1,) * before.ndim + (tables.size, 1))
    vector = tables.shape[-1]
    if vector > 1:
        axis = int(parts["vector_axis"]) % before.ndim
        before, after = (as_vectors(each, axis, vector) for each in (before, after))
    else:
        before, after = before[..., None], after[..., None]
    grid = tables.shape[:-2]
    for place in np.ndindex(*grid):
        rows = tuple(
            slice(at * (size // parts_), (at + 1) * (size // parts_))
            for at, size, parts_ in zip(place, before.shape, grid)
        )
        inside = kept[rows].reshape(-1) if vector == 1 else slice(None)
        values, found = (each[rows].reshape(-1, vector)[inside] for each in (before, after))
        if not len(values):
            continue
        best = nearest(values, tables[place])
        error = ((values - found) ** 2).sum(axis=1)
        wrong = error > best * (1 + ROUNDING) + 1e-300
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            yield f"{weight.name}: {values[at]} is stored as {found[at]}, an entry at a distance of {best[at]} exists"
            return


def as_vectors(values, axis, size):
    shape = values.shape
    split = (*shape[:axis], shape[axis] // size, size, *shape[axis + 1 :])
    return np.moveaxis(values.reshape(split), axis + 1, -1)


def nearest(values, table):
    """The least squared distance of each row to a row of the table."""
    best = np.full(len(values), np.inf)
    for entry in table:
        np.minimum(best, ((values - entry) ** 2).sum(axis=1), out=best)
    return best


def check_mask(source, key, before, kept, precision):
    """The mask keeps as many values as the name says, and the largest; along the axes of one reader, if they differ."""
    weight = source.weights[key]
    sparsity = asked(precision)["sparsity"]
    if sparsity is None:
        return
    axes = all_axes_of(weight, before.shape, source.functions[weight.function])
    yield from min((list(check_pattern(weight, np.abs(before), kept, sparsity, each)) for each in axes), key=len)


def check_pattern(weight, size, kept, sparsity, axes):
    output, inputs = axes
    if sparsity.startswith("@"):
        wrong = kept != (size > float(sparsity[1:]))
        if (wrong & (size != 0)).any():
            yield f"{weight.name} keeps {int(kept.sum())} values for {sparsity}"
    elif ":" in sparsity:
        stored, group = map(int, sparsity.split(":"))
        yield from check_groups(weight, np.moveaxis(size, inputs, -1), np.moveaxis(kept, inputs, -1), stored, group)
    elif "/" in sparsity:
        percent, run = map(int, sparsity.split("/"))
        yield from check_runs(weight, np.moveaxis(size, output, -1), np.moveaxis(kept, output, -1), run, percent / 100)
    else:
        yield from check_fraction(weight, size, kept, int(sparsity) / 100)


def check_fraction(weight, size, kept, zeros):
    dropped, wanted = int((~kept).sum()), zeros_wanted(size, zeros)
    if dropped != wanted:
        yield f"{weight.name} drops {dropped} of {size.size} values, not {wanted}"
    if kept.any() and (~kept).any() and size[~kept].max() > size[kept].min():
        yield f"{weight.name} drops {size[~kept].max()} and keeps {size[kept].min()}"


def zeros_wanted(size, zeros):
    """The share that is asked for, and no fewer than there are."""
    return max(math.floor(size.size * zeros + 0.5), int((size == 0).sum()))


def check_groups(weight, size, kept, stored, group):
    whole = size.shape[-1] // group * group
    parts = [each[..., :whole].reshape(-1, group) for each in (size, kept)]
    if parts[1].sum(axis=1).max(initial=0) > stored:
        yield f"{weight.name} keeps more than {stored} of {group}"
    few = (parts[1].sum(axis=1) < stored) & ((parts[0] > 0).sum(axis=1) >= stored)
    if few.any():
        yield f"{weight.name} keeps fewer than {stored} of {group}"
    dropped = np.where(parts[1], 0, parts[0]).max(axis=1)
    least = np.where(parts[1], parts[0], np.inf).min(axis=1)
    if (dropped > least).any():
        yield f"{weight.name} drops a larger value than it keeps"


def check_runs(weight, size, kept, run, zeros):
    """Zeros are never stored: not in runs that are kept, and runs of them are not kept."""
    starts = range(0, size.shape[-1], run)  # The last run may be shorter.
    sizes = np.stack([np.sqrt((size[..., at : at + run] ** 2).sum(axis=-1)) for at in starts])
    stored = np.stack([kept[..., at : at + run].any(axis=-1) for at in starts])
    whole = np.stack([(kept | (size == 0))[..., at : at + run].all(axis=-1) for at in starts])
    if (stored & ~whole).any():
        yield f"{weight.name} has runs of {run} channels that are zero in part"
    dropped, wanted = int((~stored).sum()), zeros_wanted(sizes, zeros)
    if dropped != wanted:
        yield f"{weight.name} drops {dropped} of {stored.size} runs, not {wanted}"
    if stored.any() and (~stored).any() and sizes[~stored].max() > sizes[stored].min() * (1 + ROUNDING):
        yield f"{weight.name} drops a run of {sizes[~stored].max()} and keeps one of {sizes[stored].min()}"

"""Core ML packages that coremltools makes from seeded weights, for the oracles.

    python oracles/coreml_packages.py <folder> [name...]

Every package is small. Together they have each operator with a weight, in float16 and float32 programs of
iOS 15 to 18, weights that operators share, two functions, a state, weights that are compressed already, activations of
8 bits, and weights whose values are hard to store.
"""

import contextlib
import logging
import os
import shutil
import sys
import zlib
from pathlib import Path

import numpy as np

with contextlib.redirect_stderr(open(os.devnull, "w")):  # It warns of what only macOS has.
    import coremltools as ct
    import coremltools.optimize.coreml as cto
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types

logging.disable(logging.WARNING)
os.environ.setdefault("TQDM_DISABLE", "1")

IOS15, IOS16, IOS17, IOS18 = (
    ct.target.iOS15,
    ct.target.iOS16,
    ct.target.iOS17,
    ct.target.iOS18,
)


class Weights:
    """Made-up weights, each from a seed of its own name."""

    def __init__(self, package, dtype):
        self.package = package
        self.dtype = dtype

    def values(self, name, shape, spread=0.05, dtype=None):
        seed = zlib.crc32(f"{self.package}/{name}".encode())
        rng = np.random.default_rng(seed)
        # Heavy tails, as trained weights have, and channels of unlike size.
        values = rng.standard_t(4, shape) * spread
        values *= rng.uniform(0.3, 2, (shape[0],) + (1,) * (len(shape) - 1))
        return values.astype(dtype or self.dtype)

    def const(self, name, shape, **options):
        return mb.const(val=self.values(name, shape, **options), name=name)

    def vector(self, name, size, dtype=None):
        return self.values(name, (size,), dtype=dtype)


def program(inputs, opset, dtype):
    """Makes a MIL program of a function from float inputs of `dtype` to one value or several."""
    # Before iOS 16 the interface of a model has no float16.
    outside = types.fp32 if opset == IOS15 or dtype == np.float32 else types.fp16
    specs = [mb.TensorSpec(shape, dtype=outside if kind == "float" else types.int32) for shape, kind in inputs.values()]

    def decorate(function):
        def body(*values):
            inner = [
                mb.cast(x=value, dtype="fp16")
                if kind == "float" and outside == types.fp32 and dtype == np.float16
                else value
                for value, (_, kind) in zip(values, inputs.values())
            ]
            results = function(*inner)
            if outside == types.fp32 and dtype == np.float16:
                return tuple(mb.cast(x=each, dtype="fp32") for each in results)
            return results

        names = ", ".join(inputs)
        scope = {"body": body}
        exec(f"def named({names}): return body({names})", scope)  # The builder reads argument names.
        return mb.program(input_specs=specs, opset_version=opset)(scope["named"])

    return decorate


def convert(mil, opset):
    """A model of exactly this program: no pass changes it."""
    return ct.convert(
        mil,
        convert_to="mlprogram",
        minimum_deployment_target=opset,
        pass_pipeline=ct.PassPipeline.EMPTY,
        skip_model_load=True,
    )


def layers(name, opset, dtype):
    """Every operator that has a weight, once or more."""
    weights = Weights(name, dtype)
    inputs = {"x": ((1, 32, 12, 12), "float"), "ids": ((1, 6), "int")}

    @program(inputs, opset, dtype)
    def mil(x, ids):
        image = convolutions(weights, x)
        rows = mb.transpose(x=mb.reshape(x=image, shape=[1, 48, 36]), perm=[0, 2, 1])
        return products(weights, rows), recurrent(weights, ids, opset)

    return convert(mil, opset)


def convolutions(weights, x):
    same = {"pad_type": "same"}
    x = mb.conv(x=x, weight=weights.const("conv.weight", (64, 32, 3, 3)), bias=weights.vector("conv.bias", 64), **same)
    x = mb.relu(x=x)
    x = mb.conv(x=x, weight=weights.const("depthwise.weight", (64, 1, 5, 5)), groups=64, **same)
    x = mb.conv(x=x, weight=weights.const("grouped.weight", (64, 16, 3, 3)), groups=4, **same)
    x = mb.conv(x=x, weight=weights.const("strided.weight", (64, 64, 2, 2)), strides=[2, 2])
    x = mb.conv_transpose(
        x=x,
        weight=weights.const("transposed.weight", (64, 48, 2, 2)),
        strides=[2, 2],
        output_shape=[1, 48, 12, 12],
    )
    x = mb.conv_transpose(x=x, weight=weights.const("transposed.grouped.weight", (48, 12, 3, 3)), groups=4, **same)
    # 20 channels: nothing usual divides it.
    x = mb.conv(x=x, weight=weights.const("odd.weight", (20, 48, 1, 1)))
    x = mb.conv(x=x, weight=weights.const("even.weight", (48, 20, 1, 1)), strides=[2, 2])
    line = mb.reshape(x=x, shape=[1, 48, 36])
    line = mb.conv(x=line, weight=weights.const("line.weight", (48, 48, 5)), **same)
    return mb.reshape(x=line, shape=[1, 48, 6, 6])


def products(weights, x):
    """`x` has the shape (1, 36, 48)."""
    x = mb.linear(x=x, weight=weights.const("linear.weight", (96, 48)), bias=weights.vector("linear.bias", 96))
    x = mb.gelu(x=x, mode="EXACT")
    x = mb.matmul(x=x, y=weights.const("matmul.y", (96, 128)))
    x = mb.matmul(x=x, y=weights.const("matmul.y.transposed", (64, 128)), transpose_y=True)
    x = mb.add(x=x, y=weights.const("positions", (1, 36, 64)))
    x = mb.matmul(x=weights.const("matmul.x", (1, 40, 36)), y=x)
    x = mb.matmul(x=weights.const("matmul.x.transposed", (1, 40, 32)), y=x, transpose_x=True)
    x = mb.matmul(x=x, y=weights.const("matmul.batched", (4, 64, 32)))
    x = mb.reshape(x=x, shape=[1, 32, 128])
    return mb.linear(x=x, weight=weights.const("head.weight", (10, 128)))


def recurrent(weights, ids, opset):
    """Before iOS 17 recurrent operators take float32 only."""
    table = weights.const("embedding.weight", (500, 64))
    x = mb.transpose(x=mb.gather(x=table, indices=ids, axis=0), perm=[1, 0, 2])
    inner = weights.dtype
    if opset in (IOS15, IOS16):
        x, inner = mb.cast(x=x, dtype="fp32"), np.float32
    size = 32
    zeros = np.zeros((1, 2 * size), inner)
    weight = {
        f"{kind}{back}": weights.const(f"lstm.{kind}{back}", (4 * size, width), dtype=inner)
        for back in ("", "_back")
        for kind, width in (("weight_ih", 64), ("weight_hh", size))
    }
    bias = {name: weights.vector(f"lstm.{name}", 4 * size, inner) for name in ("bias", "bias_back")}
    x, _, _ = mb.lstm(
        x=x, initial_h=zeros, initial_c=zeros, **weight, **bias, direction="bidirectional", output_sequence=True
    )
    x, _ = mb.gru(
        x=x,
        initial_h=zeros[:, :size],
        weight_ih=weights.const("gru.weight_ih", (3 * size, 2 * size), dtype=inner),
        weight_hh=weights.const("gru.weight_hh", (3 * size, size), dtype=inner),
        bias=weights.vector("gru.bias", 3 * size, inner),
        output_sequence=True,
    )
    return mb.cast(x=x, dtype="fp16") if inner != weights.dtype else x


def special(name, opset, dtype):
    """Values that float16 arithmetic cannot compress: tiny, huge, zero, one sign, one value."""
    weights = Weights(name, dtype)
    scaled = {
        "ordinary": 1,
        "subnormal": 1e-6,
        "tiny": 3e-4,
        "huge": 40000,
        "zero": 0,
    }
    if dtype == np.float32:
        scaled |= {"beyond.small": 1e-20, "beyond.large": 1e20}

    @program({"x": ((4, 256), "float")}, opset, dtype)
    def mil(x):
        outputs = []
        for label, scale in scaled.items():
            unit = weights.values(label, (64, 256), dtype=np.float32)
            outputs.append(linear(x, f"{label}.weight", unit / np.abs(unit).max() * scale, dtype))
        positive = np.abs(weights.values("positive", (64, 256), dtype=np.float32)) + 1
        outputs.append(linear(x, "positive.weight", positive, dtype))
        outputs.append(linear(x, "constant.weight", np.full((64, 256), 0.7), dtype))
        outputs.append(linear(x, "rows.weight", unlike_rows(weights), dtype))
        few = np.take([-0.5, -0.25, 0.0, 0.125, 0.75], np.arange(64 * 256).reshape(64, 256) % 5)
        outputs.append(linear(x, "few.weight", few, dtype))
        return tuple(outputs)

    return convert(mil, opset)


def linear(x, name, values, dtype):
    return mb.linear(x=x, weight=mb.const(val=values.astype(dtype), name=name))


def unlike_rows(weights):
    """Rows of zeros, of one sign, with one outlier, and of sizes from 1e-7 to 6e4."""
    rows = weights.values("rows", (64, 256), dtype=np.float32)
    rows *= np.logspace(-6, 4, 64, dtype=np.float32)[:, None]
    rows[::8] = 0
    rows[1::8] = np.abs(rows[1::8])
    rows[2::8] = -np.abs(rows[2::8])
    rows[3::8, 17] = 60000
    return np.clip(rows, -65000, 65000)


def shared(name, opset, dtype):
    """One constant in several operators: of one mind about its axes, and not."""
    weights = Weights(name, dtype)

    @program({"x": ((1, 8, 64), "float"), "ids": ((1, 8), "int")}, opset, dtype)
    def mil(x, ids):
        tied = weights.const("tied.weight", (200, 64))
        twice = weights.const("twice.weight", (64, 64))
        torn = weights.const("torn.weight", (64, 64))
        x = mb.add(x=x, y=mb.gather(x=tied, indices=ids, axis=0))
        x = mb.linear(x=mb.relu(x=mb.linear(x=x, weight=twice)), weight=twice)
        # Its output axis is 0 in one and 1 in the other.
        x = mb.matmul(x=mb.linear(x=x, weight=torn), y=torn)
        return (mb.linear(x=x, weight=tied),)

    return convert(mil, opset)


def same_blob(name, opset, dtype, folder):
    """Two constants whose values are one blob of weight.bin."""
    weights = Weights(name, dtype)

    @program({"x": ((1, 8, 64), "float")}, opset, dtype)
    def mil(x):
        values = weights.values("first.weight", (64, 64))
        x = mb.linear(x=x, weight=mb.const(val=values, name="first.weight"))
        x = mb.linear(x=mb.relu(x=x), weight=mb.const(val=values + 1, name="second.weight"))
        return (mb.linear(x=x, weight=weights.const("third.weight", (32, 64))),)

    model = convert(mil, opset)
    spec = model.get_spec()
    (function,) = spec.mlProgram.functions.values()
    (block,) = function.block_specializations.values()
    consts = {op.outputs[0].name: op for op in block.operations if op.type == "const"}
    first, second = (consts[key].attributes["val"] for key in ("first_weight", "second_weight"))
    second.blobFileValue.offset = first.blobFileValue.offset
    path = folder / f"{name}.mlpackage"
    shutil.rmtree(path, ignore_errors=True)
    ct.utils.save_spec(spec, str(path), weights_dir=model.weights_dir)


def functions(name, opset, dtype, folder):
    """Two functions: a body that they share, and a head that each has."""
    weights = Weights(name, dtype)
    parts = []
    for label in ("first", "second"):

        @program({"x": ((1, 8, 64), "float")}, opset, dtype)
        def mil(x):
            x = mb.linear(x=x, weight=weights.const("body.weight", (128, 64)))
            values = weights.values(f"{label}.weight", (32, 128))
            return (mb.linear(x=mb.relu(x=x), weight=mb.const(val=values, name="head.weight")),)

        parts.append((label, folder / f".{name}.{label}.mlpackage"))
        save(convert(mil, opset), parts[-1][1])
    descriptor = ct.utils.MultiFunctionDescriptor()
    for label, path in parts:
        descriptor.add_function(str(path), src_function_name="main", target_function_name=label)
    descriptor.default_function_name = "first"
    target = folder / f"{name}.mlpackage"
    shutil.rmtree(target, ignore_errors=True)
    ct.utils.save_multifunction(descriptor, str(target))
    for _, path in parts:
        shutil.rmtree(path)


def states(name, opset, dtype):
    """A cache that the model updates."""
    weights = Weights(name, dtype)
    specs = [mb.TensorSpec((1, 1, 64), types.fp16), mb.StateTensorSpec((1, 16, 64), types.fp16)]

    @mb.program(input_specs=specs, opset_version=opset)
    def mil(x, cache):
        row = mb.linear(x=x, weight=weights.const("key.weight", (64, 64)))
        before = mb.read_state(input=cache)
        after = mb.slice_update(x=before, update=row, begin=[0, 3, 0], end=[1, 4, 64])
        after = mb.coreml_update_state(state=cache, value=after)
        return mb.linear(x=after, weight=weights.const("out.weight", (48, 64)))

    return convert(mil, opset)


def branches(name, opset, dtype):
    """Weights inside the branches of a condition and the body of a loop."""
    weights = Weights(name, dtype)

    @program({"x": ((1, 64), "float"), "steps": ((1,), "int")}, opset, dtype)
    def mil(x, steps):
        def long():
            return mb.linear(x=x, weight=weights.const("long.weight", (64, 64)))

        def short():
            return mb.matmul(x=x, y=outer)

        def goes_on(left, _):
            return mb.squeeze(x=mb.greater(x=left, y=0))

        def step(left, value):
            value = mb.linear(x=value, weight=weights.const("step.weight", (64, 64)))
            return mb.sub(x=left, y=1), mb.matmul(x=value, y=outer)

        outer = weights.const("outer.weight", (64, 64))
        y = mb.cond(pred=mb.squeeze(x=mb.greater(x=steps, y=3)), _true_fn=long, _false_fn=short)
        _, y = mb.while_loop(_cond=goes_on, _body=step, loop_vars=(steps, y))
        return (mb.linear(x=y, weight=weights.const("last.weight", (48, 64))),)

    return convert(mil, opset)


def small(name, opset, dtype):
    """Weights of a few values: some are written into the program, not into weight.bin."""
    weights = Weights(name, dtype)

    @program({"x": ((1, 3), "float")}, opset, dtype)
    def mil(x):
        x = mb.linear(x=x, weight=weights.const("six.weight", (2, 3)))
        x = mb.linear(x=x, weight=weights.const("ten.weight", (5, 2)))
        return (mb.linear(x=x, weight=weights.const("thirty.weight", (6, 5))),)

    return convert(mil, opset)


def compressed(name, opset, dtype):
    """Weights that coremltools has compressed, each its own way, beside float ones."""
    weights = Weights(name, dtype)
    later = opset == IOS18
    labels = [
        "kept",
        "affine",
        "asymmetric",
        "palette",
        "sparse",
        "palette3",
        "int4",
        "groups",
        "vector",
        "table",
        "both",
    ]
    labels = labels if later else labels[:5]

    @program({"x": ((4, 128), "float")}, opset, dtype)
    def mil(x):
        return tuple(mb.linear(x=x, weight=weights.const(f"{label}.weight", (96, 128)), name=label) for label in labels)

    model = convert(mil, opset)
    affine, palette, prune = cto.OpLinearQuantizerConfig, cto.OpPalettizerConfig, cto.OpMagnitudePrunerConfig
    steps = [
        (cto.palettize_weights, {"palette": palette(mode="uniform", nbits=4)}, False),
        (cto.prune_weights, {"sparse": prune(target_sparsity=0.6)}, False),
    ]
    linear_steps = {"affine": affine(), "asymmetric": affine(mode="linear", dtype="uint8")}
    if later:
        group = {"granularity": "per_grouped_channel", "group_size": 16}
        linear_steps["int4"] = affine(dtype="int4", granularity="per_block", block_size=32)
        steps[0][1].update(
            palette3=palette(mode="uniform", nbits=3),
            groups=palette(mode="uniform", nbits=6, **group),
            vector=palette(mode="kmeans", nbits=4, cluster_dim=2, **group),
            table=palette(mode="uniform", nbits=8),
        )
        steps[1][1]["both"] = prune(target_sparsity=0.4)
        steps.append((cto.palettize_weights, {"both": palette(mode="uniform", nbits=4)}, True))
        tables = {"table": affine(granularity="per_tensor", weight_threshold=0)}
        steps.append((cto.linear_quantize_weights, tables, True))
    steps.append((cto.linear_quantize_weights, linear_steps, False))
    for apply, by_name, joint in steps:
        config = cto.OptimizationConfig(op_name_configs=by_name)
        model = apply(model, config, joint_compression=joint) if joint else apply(model, config)
    return model


def activations(name, opset, dtype):
    """Values of 8 bits between operators, and weights behind an ordinary `dequantize`."""
    weights = Weights(name, dtype)

    def through(x, scale, zero=None, codes="int8"):
        """What coremltools writes around operators whose activations it quantizes."""
        options = {} if zero is None else {"zero_point": np.dtype(codes).type(zero)}
        q = mb.quantize(input=x, scale=dtype(scale), output_dtype=codes, **options)
        return mb.dequantize(input=q, scale=dtype(scale), **options)

    def stored(label, shape, axis=None, codes="int8"):
        """A weight as integers, with scales and zero points of an axis or of all values."""
        values = weights.values(label, shape, dtype=np.float32)
        along = tuple(at for at in range(len(shape)) if at != axis) if axis is not None else None
        scale = np.abs(values).max(axis=along, keepdims=axis is not None) / 127
        q = np.clip(np.rint(values / scale), -127, 127) + (0 if codes == "int8" else 127)
        options = {} if axis is None else {"axis": axis}
        if codes != "int8":
            options["zero_point"] = np.full(shape[axis], 127, codes)
        data = mb.const(val=q.astype(codes), name=label)
        return mb.dequantize(
            input=data,
            scale=np.squeeze(scale).astype(dtype),
            name=f"{label}.dense",
            **options,
        )

    @program({"x": ((1, 16, 8, 8), "float")}, opset, dtype)
    def mil(x):
        x = through(x, 0.03)
        x = mb.conv(x=x, weight=weights.const("conv.weight", (32, 16, 3, 3)), pad_type="same")
        x = through(mb.relu(x=x), 0.02, 0, "uint8")
        y = mb.conv(x=x, weight=stored("stored.conv", (32, 32, 1, 1), 0), pad_type="same")
        x = through(mb.add(x=x, y=through(y, 0.05, 3)), 0.06, -5)
        x = mb.reshape(
            x=mb.avg_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid"),
            shape=[1, 512],
        )
        x = through(mb.linear(x=x, weight=weights.const("linear.weight", (64, 512))), 0.04)
        x = mb.matmul(x=x, y=stored("stored.columns", (64, 64), 1, "uint8"))
        return (mb.matmul(x=x, y=stored("stored.whole", (64, 48))),)

    return convert(mil, opset)


def save(model, path):
    shutil.rmtree(path, ignore_errors=True)
    model.save(str(path))


HALF, SINGLE = np.float16, np.float32
IN_FOLDER = {"same-blob": same_blob, "functions": functions}
PACKAGES = {
    **{
        f"layers-fp{bits}-ios{version}": (layers, target, dtype)
        for version, target in ((15, IOS15), (16, IOS16), (17, IOS17), (18, IOS18))
        for bits, dtype in ((16, HALF), (32, SINGLE))
    },
    "special-fp16": (special, IOS16, HALF),
    "special-fp32": (special, IOS16, SINGLE),
    "shared-ios16": (shared, IOS16, HALF),
    "shared-ios18": (shared, IOS18, HALF),
    "same-blob": (same_blob, IOS16, HALF),
    "functions": (functions, IOS18, HALF),
    "states": (states, IOS18, HALF),
    "branches-ios16": (branches, IOS16, HALF),
    "branches-ios18": (branches, IOS18, HALF),
    "small": (small, IOS17, HALF),
    "activations-ios17": (activations, IOS17, HALF),
    "activations-ios18": (activations, IOS18, HALF),
    "activations-fp32": (activations, IOS17, SINGLE),
    "compressed-ios16": (compressed, IOS16, HALF),
    "compressed-ios18": (compressed, IOS18, HALF),
    "compressed-fp32": (compressed, IOS18, SINGLE),
}
"""Name to the function that builds it, the oldest system that it runs on, and the type of its numbers."""


def build(name, folder):
    """Writes one package, unless it is there, and returns its path."""
    path = Path(folder) / f"{name}.mlpackage"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    make, opset, dtype = PACKAGES[name]
    if name in IN_FOLDER:
        make(name, opset, dtype, path.parent)
    else:
        save(make(name, opset, dtype), path)
    return path


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    folder, *names = arguments
    for name in names or PACKAGES:
        path = build(name, folder)
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        print(f"{name}: {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The programs and values of a Core ML package, read without Mixbit and without MIL's own operators.

Bytes of weight.bin are unpacked here, and constexpr operators computed by their equations, so that a check
never compares a program with itself. The file format is that of coremltools' mlmodel/src/MILBlob/Blob.
"""

import contextlib
import copy
import os
import struct
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

with contextlib.redirect_stderr(open(os.devnull, "w")):  # It warns of what only macOS has.
    import coremltools as ct

DTYPES = {
    1: "bool",
    2: "string",
    10: "float16",
    11: "float32",
    12: "float64",
    21: "int8",
    22: "int16",
    23: "int32",
    24: "int64",
    25: "int4",
    31: "uint8",
    32: "uint16",
    33: "uint32",
    34: "uint64",
    35: "uint4",
    36: "uint2",
    37: "uint1",
    38: "uint6",
    39: "uint3",
}
"""MIL.proto's DataType."""

BLOB_DTYPES = {
    1: "float16",
    2: "float32",
    3: "uint8",
    4: "int8",
    6: "int16",
    7: "uint16",
    8: "int4",
    9: "uint1",
    10: "uint2",
    11: "uint4",
    12: "uint3",
    13: "uint6",
    14: "int32",
    15: "uint32",
}
"""BlobDataType.hpp's own numbers."""

SUB_BYTE = {"int4": 4, "uint1": 1, "uint2": 2, "uint3": 3, "uint4": 4, "uint6": 6}


@dataclass(frozen=True)
class Blob:
    """One record of weight.bin."""

    offset: int
    dtype: str
    bytes: int
    data: int
    padding_bits: int


@dataclass(frozen=True)
class Weight:
    """A value that comes from const and constexpr operators alone, as one operator reads it."""

    function: str
    name: str
    steps: tuple
    """The operators that make it, first to last."""
    uses: tuple = field(compare=False)
    """Pairs: the operator that reads it, and the input."""

    @property
    def is_compressed(self):
        return any(step.type.startswith("constexpr_") for step in self.steps)


class Package:
    def __init__(self, path):
        self.path = Path(path)
        self.spec = ct.utils.load_spec(str(path))
        weights = self.path / "Data/com.apple.CoreML/weights/weight.bin"
        self.bytes = weights.read_bytes() if weights.exists() else b""
        self.values, self.computed = {}, {}

    def copy(self):
        """Another package of the same bytes and an equal program, to be changed."""
        other = copy.copy(self)
        other.spec = type(self.spec)()
        other.spec.CopyFrom(self.spec)
        other.values, other.computed = {}, {}
        for name in ("functions", "weights"):
            other.__dict__.pop(name, None)
        return other

    def forget(self):
        """Gives back the values that were unpacked; they are unpacked again when they are asked for."""
        self.values.clear()
        self.computed.clear()

    @property
    def size(self):
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    @cached_property
    def functions(self):
        return {name: Function(self, name, it) for name, it in self.spec.mlProgram.functions.items()}

    @cached_property
    def weights(self):
        """(function, name of the first operator that reads it, its input) to Weight, floats of rank 2 up."""
        found = {}
        for function in self.functions.values():
            for weight in function.weights():
                operator, name = weight.uses[0]
                found[function.name, output_name(operator), name] = weight
        return found

    def blob(self, offset):
        sentinel, dtype, size, data, padding = struct.unpack_from("<IIQQQ", self.bytes, offset)
        if sentinel != 0xDEADBEEF:
            raise ValueError(f"no blob starts at {offset}")
        return Blob(offset, BLOB_DTYPES[dtype], size, data, padding)

    def blobs(self):
        """All records, one after the other, from the bytes alone."""
        at = 64
        while at < len(self.bytes):
            blob = self.blob(at)
            yield blob
            at = -(-(blob.data + blob.bytes) // 64) * 64

    def value(self, value):
        """A constant as numpy has it: sub-byte integers as int8 or uint8, strings as str."""
        dtype, shape = tensor_type(value.type)
        if value.WhichOneof("value") == "blobFileValue":
            offset = value.blobFileValue.offset
            key = (offset, dtype, shape)
            if key not in self.values:
                blob = self.blob(offset)
                if blob.dtype != dtype:
                    raise ValueError(f"blob {offset} holds {blob.dtype}, not {dtype}")
                data = self.bytes[blob.data : blob.data + blob.bytes]
                self.values[key] = from_bytes(data, dtype, shape)
            return self.values[key]
        return immediate(value.immediateValue, dtype, shape)

    def dense(self, weight):
        """The decoded values of a weight."""
        *_, (_, _, results) = self.evaluated(weight)
        return results[0]

    def evaluated(self, weight):
        """(operator, its inputs, its results) of all that makes a weight, first to last."""
        key = weight.function, weight.name
        if key not in self.computed:
            self.computed[key] = list(evaluate(self, weight.steps))
        return self.computed[key]


class Function:
    def __init__(self, package, name, spec):
        self.package = package
        self.name = name
        self.spec = spec
        self.block = spec.block_specializations[spec.opset]
        self.all = list(operators(self.block))
        self.producers = {output.name: (op, index) for op in self.all for index, output in enumerate(op.outputs)}

    def operators(self):
        return self.all

    def is_constant(self, op):
        """A const, a constexpr, or a cast of one."""
        if op is None or op.type != "cast":
            return op is not None and (op.type == "const" or op.type.startswith("constexpr_"))
        return self.is_constant(self.producers.get(op.inputs["x"].arguments[0].name, (None,))[0])

    def steps(self, name):
        """The operators that make a constant, first to last."""
        op, _ = self.producers[name]
        found = {}
        for argument in op.inputs.values():
            for binding in argument.arguments:
                if binding.name:
                    found |= {step.outputs[0].name: step for step in self.steps(binding.name)}
        return (*found.values(), op)

    def weights(self):
        uses = {}
        for op in self.operators():
            if self.is_constant(op):
                continue
            for name, argument in op.inputs.items():
                for binding in argument.arguments:
                    producer, _ = self.producers.get(binding.name, (None, 0))
                    if self.is_constant(producer):
                        uses.setdefault(binding.name, []).append((op, name))
        for name, readers in uses.items():
            op, index = self.producers[name]
            dtype, shape = tensor_type(op.outputs[index].type)
            if dtype in ("float16", "float32") and len(shape) >= 2:
                yield Weight(self.name, name, self.steps(name), tuple(readers))


def operators(block):
    for op in block.operations:
        yield op
        for inner in op.blocks:
            yield from operators(inner)


def output_name(op):
    return op.outputs[0].name if op.outputs else op.type


def tensor_type(value_type):
    """(dtype, shape); a dimension that is not known is None."""
    kind = value_type.WhichOneof("type")
    if kind == "stateType":
        return tensor_type(value_type.stateType.wrappedType)
    tensor = value_type.tensorType
    shape = tuple(
        each.constant.size if each.WhichOneof("dimension") == "constant" else None for each in tensor.dimensions
    )
    return DTYPES.get(tensor.dataType, str(tensor.dataType)), shape


def from_bytes(data, dtype, shape):
    count = int(np.prod(shape, dtype=np.int64))
    if dtype in SUB_BYTE:
        return unpack(data, dtype, count).reshape(shape)
    values = np.frombuffer(data, np.dtype(dtype).newbyteorder("<"))
    if values.size != count:
        raise ValueError(f"{values.size} values, not {count}")
    return values.reshape(shape)


def unpack(data, dtype, count):
    """A stream of `bits` an element, the lowest bit first; elements cross bytes."""
    bits = SUB_BYTE[dtype]
    if len(data) != -(-count * bits // 8):
        raise ValueError(f"{len(data)} bytes for {count} values of {dtype}")
    stream = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    if stream[count * bits :].any():
        raise ValueError("bits behind the last value are not zero")
    places = 1 << np.arange(bits, dtype=np.int16)
    values = (stream[: count * bits].reshape(count, bits) * places).sum(axis=1)
    if dtype == "int4":
        values = np.where(values > 7, values - 16, values)
        return values.astype(np.int8)
    return values.astype(np.uint8)


def immediate(value, dtype, shape):
    tensor = value.tensor
    kind = tensor.WhichOneof("value")
    if kind == "bytes":
        return from_bytes(tensor.bytes.values, dtype, shape)
    held = list(getattr(tensor, kind).values)
    if dtype == "string":
        return np.array(held, dtype=object).reshape(shape)
    if len(held) == 1 and shape != () and int(np.prod(shape)) != 1:
        raise ValueError("one value for a tensor of several")
    return np.array(held, dtype=dtype).reshape(shape)


def evaluate(package, steps):
    """(operator, its inputs, its results) of a chain of constexpr operators, from their definitions."""
    known = {}
    for op in steps:
        inputs = arguments(package, op, known)
        results = DECODERS[op.type](inputs)
        results = results if isinstance(results, tuple) else (results,)
        known.update(zip((output.name for output in op.outputs), results, strict=True))
        yield op, inputs, results


def arguments(package, op, results):
    """Input name to values: iOS 16 keeps them in attributes, iOS 18 in inputs."""
    found = {name: package.value(value) for name, value in op.attributes.items() if name not in ("name", "docString")}
    for name, argument in op.inputs.items():
        (binding,) = argument.arguments
        if binding.WhichOneof("binding") == "value":
            found[name] = package.value(binding.value)
        else:
            found[name] = results[binding.name]
    return found


def affine(inputs):
    """(data - offset) * scale, exactly, rounded once."""
    data, scale = inputs["data"], inputs["scale"]
    if "offset" in inputs and inputs["offset"].dtype.kind == "f":
        raise ValueError("offsets that are floats are not checked here")
    offset = inputs.get("offset", np.zeros(scale.shape, np.int8))
    spread = [full // few for full, few in zip(data.shape, scale.shape, strict=True)]
    # At most 24 bits times 24: a double holds every product.
    exact = (data.astype(np.float64) - expand(offset, spread)) * expand(scale, spread).astype(np.float64)
    return exact.astype(scale.dtype)


def affine_ios16(inputs):
    data = inputs["quantized_data"]
    axis = int(inputs["axis"])
    vectors = {"data": data}
    for name, key in (("scale", "scale"), ("zero_point", "offset")):
        part = inputs[name]
        shape = [1] * data.ndim
        if part.ndim == 1:
            shape[axis] = part.size
        vectors[key] = part.reshape(shape)
    # One of the two can be a scalar.
    both = np.broadcast_shapes(vectors["scale"].shape, vectors["offset"].shape)
    for key in ("scale", "offset"):
        vectors[key] = np.broadcast_to(vectors[key], both)
    return affine(vectors)


def expand(values, spread):
    for axis, times in enumerate(spread):
        values = np.repeat(values, times, axis)
    return values


def palette(inputs):
    indices, tables = inputs["indices"], inputs["lut"]
    entries, vector = tables.shape[-2:]
    if indices.max(initial=0) >= entries:
        raise ValueError(f"index {indices.max()} of a table of {entries}")
    # The table of each index, counted in row-major order.
    numbers = np.arange(tables[..., 0, 0].size).reshape(tables.shape[:-2])
    spread = [full // few for full, few in zip(indices.shape, numbers.shape, strict=True)]
    found = tables.reshape(-1, entries, vector)[expand(numbers, spread), indices]
    if vector == 1:
        return found[..., 0]
    axis = int(inputs["vector_axis"]) % indices.ndim
    shape = list(indices.shape)
    shape[axis] *= vector
    return np.moveaxis(found, -1, axis + 1).reshape(shape)


def palette_ios16(inputs):
    shape = tuple(int(size) for size in inputs["shape"])
    bits = inputs["lut"].size.bit_length() - 1
    stream = np.unpackbits(inputs["indices"], bitorder="little")[: int(np.prod(shape)) * bits]
    indices = (stream.reshape(-1, bits) * (1 << np.arange(bits))).sum(axis=1)
    return inputs["lut"][indices].reshape(shape)


def sparse(inputs):
    """Scatters the stored values in row-major order; the rest is zero."""
    mask, stored = inputs["mask"], inputs["nonzero_data"]
    values = np.zeros(mask.shape, stored.dtype)
    if np.count_nonzero(mask) != stored.size:
        raise ValueError(f"{stored.size} values for {np.count_nonzero(mask)} places")
    values[mask != 0] = stored
    return values


def sparse_ios16(inputs):
    shape = tuple(int(size) for size in inputs["shape"])
    count = int(np.prod(shape))
    bits = np.unpackbits(inputs["mask"], bitorder="little")
    return sparse({"mask": bits[:count].reshape(shape), "nonzero_data": inputs["nonzero_data"]})


def palette_to_sparse(inputs):
    mask = inputs["indices_mask"]
    indices = sparse({"mask": mask, "nonzero_data": inputs["indices_nonzero_data"]})
    values = palette({**inputs, "indices": indices})
    for axis, size in enumerate(values.shape):
        mask = np.repeat(mask, size // mask.shape[axis], axis)
    return mask, values[mask != 0]


def affine_to_sparse(inputs):
    mask = inputs["data_mask"]
    codes = sparse({"mask": mask, "nonzero_data": inputs["nonzero_data"]})
    return mask, affine({**inputs, "data": codes})[mask != 0]


DECODERS = {
    "const": lambda inputs: inputs["val"],
    "cast": lambda inputs: inputs["x"].astype({"fp16": np.float16, "fp32": np.float32}[str(inputs["dtype"])]),
    "constexpr_cast": lambda inputs: inputs["source_val"].astype(np.float32),
    "constexpr_affine_dequantize": affine_ios16,
    "constexpr_blockwise_shift_scale": affine,
    "constexpr_lut_to_dense": lambda inputs: (palette_ios16 if "shape" in inputs else palette)(inputs),
    "constexpr_sparse_to_dense": lambda inputs: (sparse_ios16 if "shape" in inputs else sparse)(inputs),
    "constexpr_lut_to_sparse": palette_to_sparse,
    "constexpr_sparse_blockwise_shift_scale": affine_to_sparse,
}

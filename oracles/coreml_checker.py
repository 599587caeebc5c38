"""What must hold of a Core ML package that was written from another; each check yields its problems.

coremltools judges what it can: loading, type inference, the values of constexpr operators. It does not see
a wrong count of blobs, a wrong type of a constexpr result, or an interface unlike the program; those are
checked here.
"""

import contextlib
import io
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from coreml_forms import SPECS, form_of, lowest_spec
from coreml_program import BLOB_DTYPES, DTYPES, SUB_BYTE, output_name, tensor_type

with contextlib.redirect_stderr(io.StringIO()):
    import coremltools as ct
    from coremltools.converters.mil.frontend.milproto.load import load as load_program
    from coremltools.converters.mil.mil import program as symbols

FIRST_SYMBOL = 1_000_000

IOS16_ATTRIBUTES = {
    "constexpr_affine_dequantize": {"quantized_data", "zero_point", "scale", "axis"},
    "constexpr_lut_to_dense": {"indices", "lut", "shape"},
    "constexpr_sparse_to_dense": {"nonzero_data", "mask", "shape"},
    "constexpr_cast": {"source_val", "output_dtype"},
}


DOCUMENTED_DEFAULTS = {"gru": {"reset_after": False}}
"""Defaults that coremltools' documents name and its operators do not fill in."""


def loaded(package):
    """The program as coremltools rebuilds it: every operator's types are inferred again.

    A package that coremltools wrote may name its own symbols (`is58`), and it has no second symbol of a name: those of
    the program before are forgotten, and new ones are counted from where no package has any.
    """
    symbols.k_used_symbols.clear()
    symbols.k_num_internal_syms = FIRST_SYMBOL
    model = ct.models.MLModel(str(package.path), skip_model_load=True)
    version = package.spec.specificationVersion
    program = ct.models.utils._convert_model_spec_to_pymil_prog(model, version, load_program)
    program.validate()
    return program


def check_decoding(package, program, ours):
    """Every weight decodes to the same bits by coremltools, by the equations, and by Mixbit.

    ours: (function, operator, input) to float values. coremltools cannot materialize a table that an operator makes.
    """
    theirs = materialized(program)
    for weight in package.weights.values():
        key = weight.function, weight.name
        values = package.dense(weight)
        dtype, shape = output_type(package, weight)
        if (values.dtype.name, values.shape) != (dtype, shape):
            yield f"{weight.name} decodes to {values.dtype}{values.shape}, but is declared {dtype}{shape}"
        if not np.isfinite(values).all():
            yield f"{weight.name} has values that are not finite"
        if key in theirs:
            yield from differences(f"{weight.name} by coremltools", theirs[key], values)
        elif not any("blockwise" in step.type for step in weight.steps[:-1]):
            yield f"coremltools has no value of {weight.name}"
        if ours is None:
            continue
        for op, slot in weight.uses:
            place = weight.function, output_name(op), slot
            if place not in ours:
                yield f"Mixbit found no weight {place}"
            else:
                yield from differences(f"{weight.name} by Mixbit", ours[place], values)


def differences(what, found, values):
    if found.shape != values.shape:
        yield f"{what} has shape {found.shape}, not {values.shape}"
        return
    same = np.equal(found, values) | (np.isnan(found) & np.isnan(values))
    wrong = np.flatnonzero(~same)
    if wrong.size:
        at = wrong[0]
        yield (
            f"{what}: {wrong.size} of {values.size} values differ, the first at {at}: "
            f"{found.flat[at]!r} is not {values.flat[at]!r}"
        )


def materialized(program):
    """(function, name) to values of constants, and of what constexpr operators give by coremltools."""
    found = {}
    for name, function in program.functions.items():
        for op in walk(function):
            if op.op_type == "const":
                found[name, op.outputs[0].name] = op.val.val
            elif op.op_type.startswith("constexpr_"):
                with contextlib.suppress(AttributeError):  # A table that another operator makes.
                    values = op.materialized_val_inference()
                    values = values if isinstance(values, tuple) else (values,)
                    found |= {(name, out.name): each for out, each in zip(op.outputs, values)}
    return {key: values for key, values in found.items() if isinstance(values, np.ndarray)}


def walk(block):
    for op in block.operations:
        yield op
        for inner in op.blocks:
            yield from walk(inner)


def output_type(package, weight):
    op, index = package.functions[weight.function].producers[weight.name]
    return tensor_type(op.outputs[index].type)


def check_saved_again(package, program):
    """coremltools writes the program that it read: the same operators, with the same values."""
    with tempfile.TemporaryDirectory(prefix="mixbit-coreml-") as folder:
        model = ct.models.MLModel(str(package.path), skip_model_load=True)
        copy = Path(folder) / "copy.mlpackage"
        model.save(str(copy))
        again = type(package)(copy)
        if again.spec != package.spec:
            yield "coremltools saves another specification than it loaded"
        if again.bytes != package.bytes:
            yield "coremltools saves other weights than it loaded"
        if len(program.functions) == 1:  # Its converter takes one function.
            yield from check_rebuilt(package, program, Path(folder) / "rebuilt.mlpackage")


def check_rebuilt(package, program, path):
    """From the objects of coremltools, not from the bytes that they were made of."""
    (function,) = package.functions.values()
    try:
        model = ct.converters.mil.converter.mil_convert(
            program,
            convert_to="mlprogram",
            convert_from="milinternal",
            specification_version=package.spec.specificationVersion,
            compute_units=ct.ComputeUnit.ALL,
            model_description=package.spec.description,
            pass_pipeline=ct.PassPipeline.EMPTY,
            skip_model_load=True,
        )
        model.save(str(path))
    except Exception as error:  # noqa: BLE001: whatever coremltools says of the package
        yield f"coremltools cannot write the program again: {type(error).__name__}: {error}"
        return
    rebuilt = type(package)(path)
    after = rebuilt.weights
    kinds = [op.type for op in function.operators() if op.type != "const"]
    if kinds != [op.type for op in rebuilt.functions["main"].operators() if op.type != "const"]:
        yield "coremltools writes other operators than it read"
    for (_, reader, slot), weight in package.weights.items():
        if (found := after.get(("main", reader, slot))) is None:
            yield f"coremltools loses the weight {weight.name}"
            continue
        yield from differences(f"{weight.name}, saved again", rebuilt.dense(found), package.dense(weight))


def check_structure(package, source=None):
    """What coremltools accepts though it is wrong. What the source has too is not held against the result."""
    inherited = set() if source is None else kinds_of_problems(source)
    for kind, problem in structure(package):
        if kind not in inherited:
            yield problem


@cache
def kinds_of_problems(source):
    return {kind for kind, _ in structure(source)}


def structure(package):
    """(kind, problem); a kind covers the same problem in other places."""
    yield from check_blobs(package)
    for function in package.functions.values():
        yield from (("interface", problem) for problem in check_interface(package, function))
        for weight in function.weights():
            yield from check_types(package, weight)
            yield from (("references", problem) for problem in check_references(function, weight))


def check_blobs(package):
    if not package.bytes:
        return
    count, version = np.frombuffer(package.bytes[:8], "<u4")
    if version != 2 or any(package.bytes[8:64]):
        yield "header", "the header of weight.bin is not that of version 2"
    blobs = list(package.blobs())
    if count != len(blobs):
        yield "count", f"weight.bin says {count} blobs and has {len(blobs)}"
    used = referenced(package)
    at = 64
    for blob in blobs:
        if blob.data != blob.offset + 64:
            yield "place", f"blob {blob.offset} has its data at {blob.data}"
        if any(package.bytes[at : blob.offset]):
            yield "gap", f"bytes before blob {blob.offset} are not zero"
        if any(package.bytes[blob.offset + 32 : blob.data]):
            yield "reserved", f"reserved bytes of blob {blob.offset} are not zero"
        if blob.offset not in used:
            yield "unused", f"nothing uses blob {blob.offset}"
        at = blob.data + blob.bytes
    if at != len(package.bytes):
        yield "end", f"weight.bin has {len(package.bytes) - at} bytes behind its last blob"
    missing = used.keys() - {blob.offset for blob in blobs}
    if missing:
        yield "missing", f"no blob at {min(missing)}"
    for offset, (dtype, shape) in used.items():
        yield from check_blob(package.blob(offset), dtype, shape)


def check_blob(blob, dtype, shape):
    """Before iOS 18 nothing wrote the bits of padding."""
    if blob.dtype != dtype:
        yield "dtype", f"blob {blob.offset} is {blob.dtype}, not {dtype}"
    if dtype in SUB_BYTE:
        padding = -int(np.prod(shape)) * SUB_BYTE[dtype] % 8
        if blob.padding_bits != padding:
            yield "padding", f"blob {blob.offset} has {blob.padding_bits} bits of padding, not {padding}"
    elif blob.padding_bits:
        yield "reserved", f"blob {blob.offset} has bits of padding"


def referenced(package):
    """Offset to (dtype, shape) of every value that lies in weight.bin."""
    found = {}
    for function in package.functions.values():
        for op in function.operators():
            for value in values_of(op):
                if value.WhichOneof("value") == "blobFileValue":
                    found[value.blobFileValue.offset] = tensor_type(value.type)
    return found


def values_of(op):
    yield from op.attributes.values()
    for argument in op.inputs.values():
        for binding in argument.arguments:
            if binding.WhichOneof("binding") == "value":
                yield binding.value


def check_interface(package, function):
    """The description says what the program has."""
    description = package.spec.description
    if description.functions:
        found = [each for each in description.functions if each.name == function.name]
        if len(found) != 1:
            yield f"the description has function {function.name} {len(found)} times"
            return
        description = found[0]
    outputs = [each.name for each in description.output]
    if sorted(outputs) != sorted(function.block.outputs):
        yield f"{function.name} gives {list(function.block.outputs)}, the description says {outputs}"
    known = {each.name: tensor_type(each.type) for each in function.spec.inputs}
    for each in [*description.input, *description.state]:
        kind = each.type.WhichOneof("Type")
        if kind == "stateType":
            array = each.type.stateType.arrayType
        elif kind == "multiArrayType":
            array = each.type.multiArrayType
        else:
            continue
        shape = tuple(array.shape)
        if each.name not in known or known[each.name][1] != shape:
            yield f"input {each.name} is {shape} in the description, {known.get(each.name)} in the program"
    if f"CoreML{package.spec.specificationVersion - 1}" != function.spec.opset:
        yield f"{function.name} has the operators of {function.spec.opset}"


def check_types(package, weight):
    """The declared type of every constexpr result is what it computes."""
    function = package.functions[weight.function]
    yield from check_immediates(weight)
    for op, _, results in package.evaluated(weight):
        for output, values in zip(op.outputs, results, strict=True):
            dtype, shape = tensor_type(output.type)
            is_mask = dtype == "uint1" and values.dtype == np.uint8
            is_packed = dtype in SUB_BYTE and values.dtype in (np.int8, np.uint8)
            if shape != values.shape or (dtype != values.dtype.name and not is_mask and not is_packed):
                yield "type", f"{output.name} is declared {dtype}{shape} and is {values.dtype}{values.shape}"
        if function.spec.opset < "CoreML8" and op.type in IOS16_ATTRIBUTES:
            names = set(op.attributes) - {"name"}
            if names != IOS16_ATTRIBUTES[op.type] or op.inputs:
                yield "attributes", f"{op.outputs[0].name} has the attributes {sorted(names)}"
        elif op.type != "const" and op.type != "constexpr_affine_dequantize" and set(op.attributes) != {"name"}:
            yield "attributes", f"{op.outputs[0].name} has attributes in {function.spec.opset}"
        if op.type == "constexpr_affine_dequantize" and op.attributes["quantized_data"].type.tensorType.dataType != 31:
            yield "signed", f"{op.outputs[0].name} has signed bytes, which GPU and Neural Engine read wrong"


def check_immediates(weight):
    """Arrays of ten and more values lie in weight.bin, as coremltools writes them; the program stays small."""
    for op in weight.steps:
        for value in values_of(op):
            dtype, shape = tensor_type(value.type)
            in_file = dtype in BLOB_DTYPES.values() and dtype not in ("int32", "uint32")
            if in_file and value.WhichOneof("value") == "immediateValue" and int(np.prod(shape)) >= 10:
                yield "immediate", f"{weight.name} has {dtype}{shape} in the program, not in weight.bin"


def check_references(function, weight):
    """A constexpr takes literal values, or what another constexpr makes; nothing is used before it is made."""
    order = {output.name: at for at, op in enumerate(function.operators()) for output in op.outputs}
    for op in weight.steps:
        for argument in op.inputs.values():
            if len(argument.arguments) != 1:
                yield f"an input of {op.outputs[0].name} has {len(argument.arguments)} values"
            for binding in argument.arguments:
                if binding.name and order[binding.name] >= order[op.outputs[0].name]:
                    yield f"{op.outputs[0].name} comes before {binding.name}, which it uses"
                if binding.name and function.producers[binding.name][0].type == "const":
                    yield f"{op.outputs[0].name} takes the const {binding.name} by name"


def check_spec(source, result, target):
    """The lowest version that has an operator for each form, and never below the source's."""
    needed = source.spec.specificationVersion
    for weight in result.weights.values():
        form, _ = form_of(result, weight)
        needed = max(needed, lowest_spec(form, output_type(result, weight)[1]))
    if target == "coreml-ios18" and is_any_changed(source, result):
        needed = max(needed, SPECS[target])  # Its operators are those of iOS 18 throughout.
    found = result.spec.specificationVersion
    if found != needed:
        yield f"specification version {found}, though {needed} is enough"
    if target is not None and found > max(SPECS[target], source.spec.specificationVersion):
        yield f"specification version {found} for {target}"


def is_any_changed(source, result):
    """Whether a weight is stored in another form or has other values; operators may have the names of another version."""
    for key in source.weights.keys() & result.weights.keys():
        before, after = source.weights[key], result.weights[key]
        if form_of(source, before)[0] != form_of(result, after)[0]:
            return True
        if not np.array_equal(source.dense(before), result.dense(after), equal_nan=True):
            return True
    return False


def check_unchanged(source, result, program=None):
    """Everything but the weights is what it was: interface, operators, their order, other constants.

    A newer operator set may write out a parameter that it brought, if it has coremltools' default.
    """
    if strip(result.spec) != strip(source.spec):
        yield "something besides the functions has changed"
    if set(result.functions) != set(source.functions):
        yield f"has the functions {sorted(result.functions)}"
        return
    for name, before in source.functions.items():
        after = result.functions[name]
        if list(before.spec.inputs) != list(after.spec.inputs):
            yield f"the inputs of {name} have changed"
        if list(before.block.outputs) != list(after.block.outputs):
            yield f"the outputs of {name} have changed"
        defaults = {} if program is None else default_inputs(program.functions[name])
        yield from check_operators(before, after, defaults)


def strip(spec):
    """The specification without its version and its functions, which have checks of their own."""
    copy = type(spec)()
    copy.CopyFrom(spec)
    copy.specificationVersion = 0
    copy.mlProgram.functions.clear()
    return copy


def default_inputs(function):
    """First output to the defaults of its operator's inputs."""
    return {
        op.outputs[0].name: DOCUMENTED_DEFAULTS.get(op.op_type, {}) | dict(op.default_inputs().items())
        for op in walk(function)
        if op.outputs
    }


def check_operators(before, after, defaults):
    def working(function):
        return [op for op in function.operators() if not function.is_constant(op)]

    pairs = list(zip(working(before), working(after)))
    if len(working(before)) != len(working(after)):
        yield f"{before.name} has {len(working(after))} operators, not {len(working(before))}"
    for was, now in pairs:
        if (was.type, list(was.outputs)) != (now.type, list(now.outputs)):
            yield f"{was.type} {output_name(was)} became {now.type} {output_name(now)}"
            continue
        if was.inputs.keys() - now.inputs.keys():
            yield f"{output_name(was)} has the inputs {sorted(now.inputs)}"
            continue
        for slot in now.inputs.keys() - was.inputs.keys():
            default = defaults.get(output_name(was), {}).get(slot)
            value = constant_input(after, now, slot)
            if before.spec.opset == after.spec.opset or value is None or value != default:
                yield f"{output_name(was)} got the input {slot}, {value}; its default is {default}"
        for slot in was.inputs:
            yield from check_input(before, after, was, now, slot)


def constant_input(function, op, slot):
    """The value of an input that is a constant, else None."""
    (binding,) = op.inputs[slot].arguments
    producer, _ = function.producers.get(binding.name, (None, 0))
    if producer is None or producer.type != "const":
        return None
    return function.package.value(producer.attributes["val"]).item()


def check_input(before, after, was, now, slot):
    for old, new in zip(was.inputs[slot].arguments, now.inputs[slot].arguments, strict=True):
        if old.WhichOneof("binding") == "value":
            if old != new:
                yield f"{slot} of {output_name(was)} has another value"
            continue
        made, _ = before.producers.get(old.name, (None, 0))
        if not before.is_constant(made):
            if old.name != new.name:
                yield f"{slot} of {output_name(was)} is {new.name}, not {old.name}"
            continue
        dtype, shape = tensor_type(made.outputs[0].type)
        if dtype in ("float16", "float32") and len(shape) >= 2:
            continue  # A weight: compared with its values.
        other, _ = after.producers.get(new.name, (None, 0))
        if other is None or made.type != "const" or other.type != "const":
            yield f"{slot} of {output_name(was)} is no const any more"
            continue
        value, again = before.package.value(made.attributes["val"]), after.package.value(other.attributes["val"])
        if old.name != new.name or value.dtype != again.dtype or not np.array_equal(value, again):
            yield f"{slot} of {output_name(was)} has another constant"


def check_weights(source, result):
    """Each weight is there again, in the shape and type that its reader had."""
    missing = source.weights.keys() - result.weights.keys()
    for function, reader, slot in sorted(missing):
        yield f"{slot} of {reader} in {function} is no weight any more"
    for key in source.weights.keys() & result.weights.keys():
        before, after = source.weights[key], result.weights[key]
        types = output_type(source, before), output_type(result, after)
        if types[0] != types[1]:
            yield f"{before.name} was {types[0]} and is {types[1]}"
        uses = [{(output_name(op), slot) for op, slot in each.uses} for each in (before, after)]
        if uses[0] != uses[1]:
            yield f"{before.name} has other readers"


def mean_squared_error(source, result, key):
    """In doubles, of what a weight decodes to."""
    before = source.dense(source.weights[key]).astype(np.float64)
    after = result.dense(result.weights[key]).astype(np.float64)
    return float(np.mean((before - after) ** 2))


def check_dtypes(package):
    """Every type that the file names is known here."""
    for offset, (dtype, _) in referenced(package).items():
        if dtype not in DTYPES.values():
            yield f"blob {offset} has the type {dtype}"

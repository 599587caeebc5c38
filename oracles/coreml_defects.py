"""Whether the checks of Core ML packages see defects: each is made in a sound package, and must be found.

coremltools' own compressed package must pass first; a check that finds nothing in a broken one is worth
nothing.
"""

import shutil
import struct

import coreml_checker as checker
from coreml_codes import check_codes
from coreml_program import output_name


SOUND = "compressed-ios18"
"""The package that defects are made in."""


def check_checks(sound):
    """Yields each defect that no check sees, and each problem of the sound package."""
    yield from problems(sound, sound)
    for name, damage in DEFECTS.items():
        broken = damaged(sound, damage)
        if not list(problems(sound, broken)):
            yield f"no check sees {name}"


def check_verify(sound, folder, mixbit):
    """Yields each defect of the structure that `mixbit verify` does not see, and what it says of a sound package."""
    status, output, error = mixbit(["verify", str(sound.path), "--json"])
    if status != 0:
        yield f"verify ended with {status} for a sound package: {error or output[:200]}"
    for name in STRUCTURAL:
        path = folder / f"broken-{name.replace(' ', '-')}.mlpackage"
        save(damaged(sound, DEFECTS[name]), path)
        status, output, error = mixbit(["verify", str(path), "--json"])
        if status not in (1, 2):
            yield f"verify ends with {status} for {name}: {error}"


def save(package, path):
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(package.path, path)
    data = path / "Data/com.apple.CoreML"
    (data / "model.mlmodel").write_bytes(package.spec.SerializeToString())
    (data / "weights/weight.bin").write_bytes(package.bytes)


def damaged(sound, damage):
    broken = sound.copy()
    damage(broken)
    return broken


def problems(source, result):
    try:
        yield from checker.check_structure(result)
        yield from checker.check_spec(source, result, None)
        yield from checker.check_unchanged(source, result)
        yield from checker.check_weights(source, result)
        for key in source.weights.keys() & result.weights.keys():
            if result.weights[key].name != "table_weight_palettized":  # Its table was rounded afterwards.
                yield from check_codes(source, result, key, "fp16")
    except (ValueError, KeyError, IndexError, struct.error) as error:
        yield f"{type(error).__name__}: {error}"


def block(package):
    (function,) = package.spec.mlProgram.functions.values()
    return function.block_specializations[function.opset]


def operator(package, name):
    return next(op for op in block(package).operations if op.outputs and output_name(op) == name)


def overwrite(package, at, data):
    package.bytes = package.bytes[:at] + data + package.bytes[at + len(data) :]


def blob_of(package, name, slot):
    argument = operator(package, name).inputs[slot].arguments[0]
    return package.blob(argument.value.blobFileValue.offset)


def count_of_blobs(package):
    overwrite(package, 0, struct.pack("<I", 7))


def sentinel(package):
    overwrite(package, 64, b"\0\0\0\0")


def type_of_a_blob(package):
    blob = blob_of(package, "affine_weight_quantized", "data")
    overwrite(package, blob.offset + 4, struct.pack("<I", 3))


def bits_of_padding(package):
    blob = blob_of(package, "both_weight_sparsified_nonzero_data_0_palettized_0", "indices_nonzero_data")
    overwrite(package, blob.offset + 24, struct.pack("<Q", 4 if blob.padding_bits != 4 else 0))


def bytes_between_blobs(package):
    overwrite(package, package.blob(64).offset + 40, b"\1")


def bytes_at_the_end(package):
    package.bytes += b"\0" * 64


def type_of_a_result(package):
    operator(package, "affine_weight_quantized").outputs[0].type.tensorType.dimensions[0].constant.size = 95


def name_of_an_output(package):
    package.spec.description.output[0].name = "other"


def shape_of_an_input(package):
    package.spec.description.input[0].type.multiArrayType.shape[0] += 1


def version(package):
    package.spec.specificationVersion = 10


def operator_set(package):
    (function,) = package.spec.mlProgram.functions.values()
    function.block_specializations["CoreML7"].CopyFrom(block(package))
    function.opset = "CoreML7"


def a_code(package):
    blob = blob_of(package, "affine_weight_quantized", "data")
    before = package.bytes[blob.data]
    overwrite(package, blob.data, bytes([(before + 1) % 256]))


def an_index(package):
    blob = blob_of(package, "palette_weight_palettized", "indices")
    overwrite(package, blob.data, bytes([package.bytes[blob.data] ^ 0x11]))


def a_mask(package):
    blob = blob_of(package, "sparse_weight_sparsified", "mask")
    overwrite(package, blob.data, bytes([package.bytes[blob.data] ^ 3]))


def a_float(package):
    name = operator(package, "kept_weight")
    blob = package.blob(name.attributes["val"].blobFileValue.offset)
    overwrite(package, blob.data, bytes([package.bytes[blob.data] ^ 1]))


def a_bias(package):
    blob = package.blob(operator(package, "kept_bias_0").attributes["val"].blobFileValue.offset)
    overwrite(package, blob.data, b"\1")


def an_operator(package):
    operator(package, "kept").type = "matmul"


def names_of_readers(package):
    inputs = operator(package, "kept").inputs
    inputs["weight"].arguments[0].name = "affine_weight_quantized"


def order_of_operators(package):
    operations = block(package).operations
    names = [op.outputs[0].name for op in operations]
    at = names.index("both_weight_sparsified")
    moved = type(operations[at])()
    moved.CopyFrom(operations[at])
    del operations[at]
    operations.insert(0, moved)


def a_removed_output(package):
    del block(package).outputs[0]


def metadata(package):
    package.spec.description.metadata.author = "someone"


DEFECTS = {
    each.__name__.replace("_", " "): each
    for each in (
        count_of_blobs,
        sentinel,
        type_of_a_blob,
        bits_of_padding,
        bytes_between_blobs,
        bytes_at_the_end,
        type_of_a_result,
        name_of_an_output,
        shape_of_an_input,
        version,
        operator_set,
        a_code,
        an_index,
        a_mask,
        a_float,
        a_bias,
        an_operator,
        names_of_readers,
        order_of_operators,
        a_removed_output,
        metadata,
    )
}

STRUCTURAL = [
    "count of blobs",
    "sentinel",
    "type of a blob",
    "bits of padding",
    "type of a result",
    "name of an output",
    "shape of an input",
    "operator set",
    "a mask",
    "order of operators",
    "a removed output",
]
"""Defects that a package shows without its source; the first, and those of types and of the interface, coremltools misses."""

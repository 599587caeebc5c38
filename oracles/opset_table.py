"""Compares operator-history.ts and runtime-facts.ts with onnx's schemas and ONNX Runtime's kernels.

A set is `compatible` only if every input, output, attribute, default and type of the set before is
still there. Run with onnx and onnxruntime installed: python oracles/opset_table.py
"""

import pathlib
import re
import sys
from collections import defaultdict

import onnxruntime.capi.onnxruntime_pybind11_state as runtime
from onnx import defs, helper

NEWEST = 25
FOLDER = pathlib.Path(__file__).parent.parent / "packages/core/src/formats/onnx/opset"

# The signature stayed, the meaning or what must be given changed: read from the texts.
MEANING = {
    ("Attention", 24),
    ("Attention", 25),
    ("Gemm", 7),
    ("GroupNormalization", 21),
    ("PRelu", 7),
    ("Resize", 13),
    ("Resize", 18),
    ("RoiAlign", 16),
    ("Split", 18),
}
# Functions whose bodies call an operator that lost its kernel.
FUNCTIONS = {"Bernoulli": "RandomUniformLike"}
# An attribute may now be left out in favour of another one.
SAME = {("Constant", 11)}


def histories():
    found = defaultdict(list)
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.since_version <= NEWEST:
            found[schema.name].append(schema)
    return {name: sorted(s, key=lambda x: x.since_version) for name, s in sorted(found.items())}


def types(schema, value):
    constraints = {c.type_param_str: set(c.allowed_type_strs) for c in schema.type_constraints}
    return constraints.get(value.type_str, {value.type_str})


def attributes(schema):
    def default(a):
        return helper.get_attribute_value(a.default_value) if a.default_value.name else None

    return {n: (str(a.type), a.required, default(a)) for n, a in schema.attributes.items()}


def values_kept(old, new, old_values, new_values):
    if len(new_values) < len(old_values):
        return False
    for before, after in zip(old_values, new_values):
        option = (before.option.name, after.option.name)
        if before.option != after.option and option != ("Single", "Optional"):
            return False
        if types(old, before) - types(new, after):
            return False
    return all(extra.option.name == "Optional" for extra in new_values[len(old_values) :])


def is_compatible(old, new):
    before, after = attributes(old), attributes(new)
    return (
        not new.deprecated
        and values_kept(old, new, old.inputs, new.inputs)
        and values_kept(old, new, old.outputs, new.outputs)
        and not (len(new.inputs) > len(old.inputs) and before.keys() - after.keys())
        and all(after.get(name) == fact for name, fact in before.items())
        and not any(after[name][1] for name in after.keys() - before.keys())
        # Inputs that changed places keep neither name nor meaning.
        and not (old.name == "Resize" and new.since_version == 11)
    )


def table(path):
    numbers = lambda text: [int(n) for n in re.findall(r"\d+", text)]
    rows = re.findall(
        r"^  (\w+): \{ first: (\d+), compatible: \[(.*?)\], changed: \[(.*?)\] \},$", path, re.M
    )
    return {name: (int(first), numbers(c), numbers(x)) for name, first, c, x in rows}


def expected(schemas):
    compatible, changed = [], []
    for old, new in zip(schemas, schemas[1:]):
        key = (new.name, new.since_version)
        alike = key in SAME or (is_compatible(old, new) and key not in MEANING)
        (compatible if alike else changed).append(new.since_version)
    return (schemas[0].since_version, compatible, changed)


def lost_kernels(all_schemas):
    ranges = defaultdict(set)
    for kernel in runtime.get_all_opkernel_def():
        if kernel.provider == "CPUExecutionProvider" and kernel.domain == "":
            ranges[kernel.op_name].add(tuple(kernel.version_range))

    def runs(name, version):
        # An open range counts only for its first version: a later one may mean something else.
        return any(a == version or a <= version <= b < 10**6 for a, b in ranges[name])

    lost = {}
    for name, schemas in all_schemas.items():
        newest = schemas[-1]
        versions = [s.since_version for s in schemas]
        is_function = newest.has_function or newest.has_context_dependent_function
        if newest.deprecated or is_function or runs(name, versions[-1]):
            continue
        ran = [v for v in versions if runs(name, v)]
        if ran:
            lost[name] = next(v for v in versions if v > ran[-1])
    return lost | {name: lost[used] for name, used in FUNCTIONS.items()}


def check_table():
    """Yields a sentence for each difference."""
    schemas = histories()
    ours = table((FOLDER / "operator-history.ts").read_text())
    theirs = {name: expected(s) for name, s in schemas.items()}
    if not theirs:
        yield "onnx has no schemas"
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield f"{name}: we say {ours.get(name)}, onnx {theirs.get(name)}"
    text = (FOLDER / "runtime-facts.ts").read_text()
    gaps = {name: int(v) for name, v in re.findall(r"^  \['(\w+)', (\d+)\],$", text, re.M)}
    lost = lost_kernels(schemas)
    if gaps != lost:
        yield f"kernels: we say {gaps}, ONNX Runtime {lost}"


def main():
    problems = list(check_table())
    print("\n".join(problems) or "the operators and the lost kernels agree")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

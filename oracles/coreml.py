"""Checks the Core ML packages that Mixbit writes with coremltools, form by form and target by target.

    python oracles/coreml.py [--all [--target ios16]...] [--keep <folder>] [--only <text in the name>] [<package>...]

Without --all, the part that runs in CI. Packages that are named are taken beside those that
coreml_packages.py builds; MIXBIT_COREML_PACKAGES may name a folder of more. Prints `ok <name>` or
`FAIL <name>: why` a check.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

sys.dont_write_bytecode = True
os.environ["TQDM_DISABLE"] = "1"

import numpy as np

import coreml_checker as checker
import coreml_defects
import coreml_forms as forms
from coreml_codes import check_codes
from coreml_comparison import COMPARED, check_against_coremltools
from coreml_packages import PACKAGES, build
from coreml_program import Package
from reporting import report

ROOT = Path(__file__).resolve().parent.parent

FORMS = [
    *("int8", "int8/tensor", "int8/32", "int8/asym", "int8/tensor/asym", "int8/16/asym"),
    *("int4", "int4/tensor", "int4/channel", "int4/16", "int4/asym", "int4/channel/asym"),
    *("palette1", "palette2", "palette3", "palette4", "palette6", "palette8"),
    *("palette2/g4", "palette4/g16", "palette4/g1", "palette3/g8", "palette6/g32"),
    *("palette4/g8x2", "palette2x4", "palette4/int8", "palette4/g16/int8", "palette4/scale"),
    *("sparse50+fp16", "sparse75+fp16", "sparse2:4+fp16", "sparse1:4+fp16", "sparse50/4+fp16"),
    *("sparse@0.05+fp16", "sparse50+int8", "sparse2:4+int8", "sparse50+int4/channel"),
    *("sparse50+int8/asym", "sparse50+palette4", "sparse75+palette4/g4", "sparse50+palette4/int8"),
    *("fp16", "fp32"),
]
"""Every kind of form; each is written from every package and for every target."""

TARGETS = {"none": None, **{f"ios{version}": f"coreml-ios{version}" for version in (16, 17, 18)}}

FEW = ["int8", "int4", "palette4/g16", "palette3", "sparse50+int8", "sparse50+palette4"]
PLAIN = ["int8", "int8/asym", "int8/tensor", "palette4", "palette6", "palette1", "sparse50+fp16", "sparse2:4+fp16"]

CI = [
    *(("layers-fp16-ios18", form, None) for form in FORMS),
    *(("layers-fp16-ios16", form, None) for form in PLAIN),
    *(("layers-fp32-ios15", form, None) for form in [*PLAIN, "fp16", "int4", "palette4/g16"]),
    *(
        ("layers-fp16-ios15", form, target)
        for form in FEW
        for target in ("coreml-ios16", "coreml-ios17", "coreml-ios18")
    ),
    *(("layers-fp32-ios17", form, "coreml-ios17") for form in ("int8", "int4", "palette6/g32", "fp16")),
    *((name, form, None) for name in ("special-fp16", "special-fp32") for form in [*FEW, "int8/asym", "int4/asym"]),
    *(
        (name, form, None)
        for name in ("shared-ios16", "shared-ios18", "same-blob")
        for form in ("int8", "palette4", "int4")
    ),
    *(
        (name, form, None)
        for name in ("functions", "states", "small", "branches-ios16")
        for form in ("int8", "palette4", "sparse50+int4")
    ),
    *((name, form, None) for name in ("compressed-ios16", "compressed-ios18") for form in ("int8", "palette4", "int4")),
    *((name, "decompress", None) for name in PACKAGES if name.startswith(("compressed", "layers-fp16-ios18"))),
]
"""What runs in CI: each form once, each package, each target."""

VERIFIED = [*FEW, "decompress", "mixed"]
"""Forms whose packages `mixbit verify` looks at too; more would take longer than it tells."""

MIXED = ["--precision", "fp16", "--layer", "*conv_weight=int4", "--layer", "*linear*weight=int8"]
MIXED += ["--layer", "*matmul*=sparse50+palette4", "--layer", "*embedding*=palette6/g50"]


@dataclass(frozen=True)
class Case:
    """One package that Mixbit writes."""

    source: Path
    precision: str
    target: str | None

    @property
    def name(self):
        target = "" if self.target is None else f" for {self.target.removeprefix('coreml-')}"
        return f"coreml {self.source.stem} {self.precision}{target}"

    def output(self, folder):
        return folder / f"{self.name.replace('/', '_').replace(' ', '-')}.mlpackage"

    def command(self, output):
        if self.precision == "decompress":
            return ["convert", str(self.source), "--decompress", "-o", str(output), "--force"]
        # As many of these run at once as there are processors; more threads change no byte.
        written = ["-o", str(output), "--force", "--json", "--workers", "1"]
        return ["quantize", str(self.source), *self.options(), *written]

    def options(self):
        options = MIXED if self.precision == "mixed" else ["--precision", self.precision]
        return options if self.target is None else [*options, "--target", self.target]


def mixbit(arguments):
    """(exit status, standard output, last line of standard error)"""
    command = ["node", str(ROOT / "packages/mixbit/bin/mixbit.js"), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.returncode, run.stdout, (run.stderr.strip().splitlines() or [""])[-1]


def write(case, folder):
    """What Mixbit said; it never overwrites the source."""
    return mixbit(case.command(case.output(folder)))


def dump(outputs):
    """Lets Mixbit decode the weights of all packages in one process."""
    if not outputs:
        return
    pairs = [[str(path), str(path.with_suffix(".f32"))] for path in outputs]
    command = ["node", str(ROOT / "oracles/coreml-dump.mjs"), *chain.from_iterable(pairs)]
    for line in subprocess.run(command, capture_output=True, text=True, check=False).stderr.splitlines():
        print(line, file=sys.stderr)


def dumped(path):
    """(function, operator, input) to the values that Mixbit decodes."""
    entries = json.loads(path.with_suffix(".f32.json").read_text())
    values = np.fromfile(path.with_suffix(".f32"), "<f4")
    found = {}
    for each in entries:
        start = each["offset"] // 4
        count = int(np.prod(each["shape"], dtype=np.int64))
        place = each["function"], each["output"], each["input"]
        found[place] = values[start : start + count].reshape(each["shape"])
    return found


def check_case(case, folder, said):
    """Everything that must hold of a written package."""
    status, _, error = said
    if status != 0:
        yield f"mixbit ended with {status}: {error}"
        return
    source, result = Package(case.source), Package(case.output(folder))
    yield from check_result(source, result, case.target)
    if case.precision == "decompress":
        yield from check_decompressed(source, result)
    else:
        yield from check_forms(case, source, result)
    if case.precision in VERIFIED:
        status, said, error = mixbit(["verify", str(result.path), "--json"])
        if status != 0:
            yield f"verify ends with {status}: {error or said[:300]}"


def check_result(source, result, target):
    """What holds of every package, whatever its weights became."""
    program = checker.loaded(result)
    yield from checker.check_decoding(result, program, dumped(result.path))
    yield from checker.check_structure(result, source)
    yield from checker.check_dtypes(result)
    yield from checker.check_unchanged(source, result, program)
    yield from checker.check_weights(source, result)
    yield from checker.check_spec(source, result, target)
    yield from checker.check_saved_again(result, program)


def planned(case):
    """Weight name to what the plan says of it."""
    status, output, error = mixbit(["plan", str(case.source), *case.options(), "--json"])
    if status != 0:
        raise ValueError(f"mixbit plan ended with {status}: {error}")
    return {each["layer"].removeprefix("model."): each for each in json.loads(output)["layers"]}


def check_forms(case, source, result):
    """Each weight has the form that was asked for, unless the plan says which it has instead, and why."""
    others = {}
    for key, weight in sorted(source.weights.items()):
        after = result.weights.get(key)
        if after is None or not forms.holds_weights(weight):
            continue  # check_weights says what is missing.
        found, _ = forms.form_of(result, after)
        shape = checker.output_type(source, weight)[1]
        axes = forms.axes_of(weight, shape, source.functions[weight.function])
        wanted = None if case.precision == "mixed" else forms.form_for(case.precision, shape, axes)
        if forms.matches(found, wanted):
            yield from check_codes(source, result, key, case.precision)
        else:
            others[key] = found, wanted, shape, axes[0] or 0
    plan = planned(case) if others else {}
    for key, (found, wanted, shape, output) in others.items():
        weight = source.weights[key]
        layer = plan.get(weight.name) or plan.get(f"{weight.function}/{weight.name}")
        if layer is None:
            yield f"{weight.name} is {found}, not {wanted}, and no plan has it"
        elif not forms.matches(found, forms.form_of_scheme(layer["scheme"], shape, output)):
            yield f"{weight.name} is {found}, not {layer['scheme']} as planned"
        elif wanted is not None and all(reason.endswith(" by precision") for reason in layer["reasons"]):
            yield f"{weight.name} is {found}, not {wanted}, for no reason: {layer['reasons']}"


def check_decompressed(source, result):
    """Plain constants with the same values."""
    for key, weight in source.weights.items():
        after = result.weights.get(key)
        if after is None:
            continue
        if after.is_compressed:
            yield f"{after.name} is still compressed"
        yield from checker.differences(after.name, result.dense(after), source.dense(weight))


def check_rewritten(paths, folder, only):
    """Packages that are read and written again: as they are, and raised to the operators of iOS 18."""
    for name, check, options in (
        ("untouched", same_packages, []),
        ("raised", check_raised, ["--spec", str(forms.SPECS["coreml-ios18"])]),
    ):
        pairs = [(path, folder / f"{name}-{path.name}") for path in paths if only in f"coreml {name} {path.stem}"]
        if not pairs:
            continue
        arguments = [*options, *(str(each) for pair in pairs for each in pair)]
        command = ["node", str(ROOT / "oracles/coreml-rewrite.mjs"), *arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        dump([copy for _, copy in pairs if copy.exists()])
        for source, copy in pairs:
            yield report(f"coreml {name} {source.stem}", check, source, copy, run.stderr)


def check_raised(source, result, said):
    """Other operators of the same weights; the values are the same bits."""
    if not result.exists():
        yield why_not(source, said)
        return
    before, after = Package(source), Package(result)
    yield from check_result(before, after, "coreml-ios18")
    for key, weight in before.weights.items():
        yield from checker.differences(weight.name, after.dense(after.weights[key]), before.dense(weight))


def why_not(source, said):
    lines = [line for line in said.splitlines() if line.startswith(str(source))]
    return f"was not written: {lines[:1] or said[-200:]}"


def same_packages(source, copy, said):
    if not copy.exists():
        yield why_not(source, said)
        return
    before, after = Package(source), Package(copy)
    if before.spec != after.spec:
        yield "the program is another"
    if before.bytes != after.bytes:
        yield "weight.bin has other bytes"
    files = [sorted(str(each.relative_to(path)) for each in path.rglob("*")) for path in (source, copy)]
    if files[0] != files[1]:
        yield f"has the files {files[1]}"


def cases(folder, targets, more):
    """The part for CI where no targets are named."""
    if targets is None:
        for name, form, target in CI:
            yield Case(build(name, folder), form, target)
        yield Case(build("layers-fp16-ios17", folder), "mixed", None)
        return
    sources = [*(build(name, folder) for name in PACKAGES), *more]
    for source in sources:
        yield Case(source, "decompress", None)
        if source.stem.startswith("layers"):
            yield Case(source, "mixed", None)
        for form in FORMS:
            for target in targets:
                yield Case(source, form, TARGETS[target])


def check_coreml(folder, targets=None, more=(), only=""):
    """Reports each check; whether it passed."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [case for case in cases(folder, targets, more) if only in case.name]
    results = []
    if only in "coreml checks see defects":
        results.append(report("coreml checks see defects", coreml_defects.check_checks, folder, build))
    if only in "coreml verify sees defects":
        results.append(report("coreml verify sees defects", coreml_defects.check_verify, folder, build, mixbit))
    sources = [*(build(name, folder) for name in PACKAGES), *more]
    results += list(check_rewritten(sources, folder, only))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        said = list(threads.map(lambda case: write(case, folder), wanted))
    dump([case.output(folder) for case, (status, _, _) in zip(wanted, said) if status == 0])
    results += [report(case.name, check_case, case, folder, each) for case, each in zip(wanted, said)]
    for name, form in COMPARED:
        title = f"coreml against coremltools, {name} {form}"
        if only in title:
            results.append(report(title, check_against_coremltools, build(name, folder), form, folder, mixbit))
    return results


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--target", action="append", choices=TARGETS)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args(arguments)
    targets = (options.target or list(TARGETS)) if options.all else None
    more = [*options.packages, *packages_in(os.environ.get("MIXBIT_COREML_PACKAGES"))]
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mixbit-coreml-")))
        results = check_coreml(folder, targets, more, options.only)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


def packages_in(folder):
    return [] if folder is None else sorted(Path(folder).glob("*.mlpackage"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

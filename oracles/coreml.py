"""Checks the Core ML packages that Mixbit writes with coremltools, form by form and target by target.

    python oracles/coreml.py [--all [--target ios16]...] [--keep <folder>] [--only <text in the name>] [<package>...]

Without --all, the part that runs in CI. Packages that are named are taken beside those that
coreml_packages.py builds; MIXBIT_COREML_PACKAGES may name a folder of more. Prints `ok <name>` or
`FAIL <name>: why` a check. Each package has a process of its own, as many at once as --jobs says.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

sys.dont_write_bytecode = True
os.environ["TQDM_DISABLE"] = "1"

import coreml_checker as checker
import coreml_defects
import coreml_forms as forms
from apart import run_apart
from coreml_cases import TARGETS, VERIFIED, Source, cases_of
from coreml_codes import check_codes
from coreml_comparison import COMPARED, check_against_coremltools
from coreml_mixbit import Mixbit
from coreml_packages import PACKAGES, build
from coreml_program import Package
from reporting import report


class Checks:
    """The checks of all that is written from one package. Results with the same bytes are looked at once."""

    def __init__(self, source, folder, mixbit):
        self.source, self.folder, self.mixbit = source, folder, mixbit
        self.known = {}

    def check_case(self, case):
        """Everything that must hold of a package written in a form."""
        output = self.folder / case.file
        plan, ours = self.mixbit.write(self.source.path, case.settings, output)
        result = Package(output)
        bits = hash_of(result.path)
        yield from self.once((bits,), check_result, self.source, result, ours)
        yield from checker.check_spec(self.source, result, case.target)
        if plan is None:
            yield from check_decompressed(self.source, result)
        else:
            yield from self.check_forms(case, result, plan, bits)
        if case.precision in VERIFIED:
            yield from self.once((bits, "verify"), self.check_verified, result)

    def once(self, key, check, *arguments):
        if key not in self.known:
            self.known[key] = list(check(*arguments))
        return self.known[key]

    def check_verified(self, result):
        status, said, error = self.mixbit.run(["verify", str(result.path), "--json"])
        if status != 0:
            yield f"verify ends with {status}: {error or said[:300]}"

    def check_forms(self, case, result, plan, bits):
        """Each weight has the form that was asked for, unless the plan says which it has instead, and why."""
        layers = {each["layer"].removeprefix("model."): each for each in plan}
        aliases = names_of_blobs(self.source)
        for key, weight in sorted(self.source.weights.items()):
            after = result.weights.get(key)
            if after is None or not forms.holds_weights(weight):
                continue  # check_weights says what is missing.
            layer = next((layers[name] for name in aliases[weight.function, weight.name] if name in layers), None)
            if layer is not None and layer.get("kept"):
                yield from check_kept(self.source, result, key, layer)
                continue
            found, _ = forms.form_of(result, after)
            shape = checker.output_type(self.source, weight)[1]
            axes = forms.axes_of(weight, shape, self.source.functions[weight.function])
            wanted = None if case.precision == "mixed" else forms.form_for(case.precision, shape, axes)
            if forms.matches(found, wanted):
                yield from self.once((bits, case.precision, key), check_codes, self.source, result, key, case.precision)
                continue
            yield from check_planned(weight, found, wanted, layer, shape, axes[0] or 0)

    def check_rewritten(self, title, spec):
        """A package that is read and written again: as it is, or raised to the operators of a version."""
        output = self.folder / f"{title.replace(' ', '-')}.mlpackage"
        ours = self.mixbit.rewrite(self.source.path, spec, output)
        if spec is None:
            yield from same_packages(self.source, Package(output))
        else:
            yield from check_raised(self.source, Package(output), ours, spec)


def hash_of(package):
    """Of the names and bytes of all files."""
    found = hashlib.sha256()
    for path in sorted(each for each in package.rglob("*") if each.is_file()):
        found.update(f"{path.relative_to(package)} {path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def check_result(source, result, ours):
    """What holds of every package, whatever its weights became."""
    program = checker.loaded(result)
    yield from checker.check_decoding(result, program, ours)
    yield from checker.check_structure(result, source)
    yield from checker.check_dtypes(result)
    yield from checker.check_unchanged(source, result, program)
    yield from checker.check_weights(source, result)
    yield from checker.check_saved_again(result, program)


def names_of_blobs(source):
    """(function, weight) to the names that a plan may have for it: its own, and those of others with its bytes."""
    groups = {}
    for weight in source.weights.values():
        values = [value for op in weight.steps for value in checker.values_of(op)]
        offsets = {each.blobFileValue.offset for each in values if each.WhichOneof("value") == "blobFileValue"}
        groups.setdefault(frozenset(offsets) or weight.name, []).append(weight)
    return {
        (weight.function, weight.name): [
            name for each in (weight, *group) for name in (each.name, f"{each.function}/{each.name}")
        ]
        for group in groups.values()
        for weight in group
    }


def check_kept(source, result, key, layer):
    """A weight that was compressed already stays as it is, and the plan says so."""
    before, after = source.weights[key], result.weights[key]
    if not before.is_compressed or not layer["reasons"]:
        yield f"{before.name} is kept, though it is {layer['form']}: {layer['reasons']}"
    forms_of = [forms.form_of(package, weight)[0] for package, weight in ((source, before), (result, after))]
    if forms_of[0] != forms_of[1]:
        yield f"{before.name} is kept, but was {forms_of[0]} and is {forms_of[1]}"
    yield from checker.differences(f"{before.name}, which is kept,", result.dense(after), source.dense(before))


def check_planned(weight, found, wanted, layer, shape, output):
    """A weight that has another form than was asked for: the plan has it, with a reason."""
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


def check_raised(source, result, ours, spec):
    """Other operators of the same weights; the values are the same bits."""
    yield from check_result(source, result, ours)
    if result.spec.specificationVersion != spec:
        yield f"specification version {result.spec.specificationVersion}, not {spec}"
    for key, weight in source.weights.items():
        yield from checker.differences(weight.name, result.dense(result.weights[key]), source.dense(weight))


def same_packages(source, copy):
    if source.spec != copy.spec:
        yield "the program is another"
    if source.bytes != copy.bytes:
        yield "weight.bin has other bytes"
    files = [sorted(str(each.relative_to(path)) for each in path.rglob("*")) for path in (source.path, copy.path)]
    if files[0] != files[1]:
        yield f"has the files {files[1]}"


def checks_of(source, targets):
    """Title to what is done with the Checks of this package."""
    found = {
        f"coreml untouched {source.name}": lambda checks, title: checks.check_rewritten(title, None),
        f"coreml raised {source.name}": lambda checks, title: checks.check_rewritten(
            title, forms.SPECS["coreml-ios18"]
        ),
    }
    for case in cases_of(source, targets):
        found[case.name] = lambda checks, _, case=case: checks.check_case(case)
    for name, form in COMPARED:
        if name == source.name:
            title = f"coreml against coremltools, {name} {form}"
            found[title] = lambda checks, _, form=form: check_against_coremltools(
                checks.source.path, form, checks.folder, checks.mixbit.run
            )
    if source.name == coreml_defects.SOUND:
        found["coreml checks see defects"] = lambda checks, _: coreml_defects.check_checks(checks.source)
        found["coreml verify sees defects"] = lambda checks, _: coreml_defects.check_verify(
            checks.source, checks.folder, checks.mixbit.run
        )
    return found


def check_source(folder, targets, only, keeps, source):
    """Reports each check of one package; whether it passed."""
    wanted = {title: check for title, check in checks_of(source, targets).items() if only in title}
    if not wanted:
        return []
    results = []
    with Mixbit() as mixbit, scratch_in(folder):
        path = build(source.name, folder) if source.path is None else source.path
        checks = Checks(Package(path), folder / f"from-{source.name}", mixbit)
        for title, check in wanted.items():
            checks.folder.mkdir(exist_ok=True)
            results.append(report(title, check, checks, title))
            if not keeps:
                shutil.rmtree(checks.folder)
    return results


@contextlib.contextmanager
def scratch_in(folder):
    """coremltools removes its temporary packages when its process ends as usual, which one that was forked does not."""
    with tempfile.TemporaryDirectory(dir=folder) as tempfile.tempdir:
        yield


def check_coreml(folder, targets=None, more=(), only="", keeps=False, jobs=None):
    """Reports each check; whether it passed. What was written is kept in `folder`, or removed once it is checked."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [*map(Source, PACKAGES), *(Source(path.stem, path) for path in more)]
    # What takes longest begins first.
    sources.sort(key=lambda source: len(checks_of(source, targets)), reverse=True)
    results = []
    run = partial(check_source, folder, targets, only, keeps)
    for source, found in run_apart(sources, run, jobs or os.cpu_count()):
        if found is None:
            found = [report(f"coreml process of {source.name}", lambda: ["it ended before its checks did"])]
        results += found
    return results


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--target", action="append", choices=TARGETS)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--jobs", type=int)
    options = parser.parse_args(arguments)
    targets = (options.target or list(TARGETS)) if options.all else None
    more = [*options.packages, *packages_in(os.environ.get("MIXBIT_COREML_PACKAGES"))]
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mixbit-coreml-")))
        results = check_coreml(folder, targets, more, options.only, options.keep is not None, options.jobs)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


def packages_in(folder):
    return [] if folder is None else sorted(Path(folder).glob("*.mlpackage"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

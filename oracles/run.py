"""Checks what Mixbit writes with the peers' own readers. Needs oracles/requirements.txt.

    python oracles/run.py              makes the model folders first (oracles/make.mjs)
    python oracles/run.py <folder>     looks at folders that make.mjs made there before

Prints `ok <name>` or `FAIL <name>: why` a check, and last `N passed, N failed`.
"""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

sys.dont_write_bytecode = True

import against_float
import bytes_on_disk
import checker
import corpus_sample
import decoding
import opset_table
import resizing
import running
import vqa_scores
from coreml import check_coreml
from model_folder import model_folders
from reporting import report
from task_metrics import check_task_metrics

ROOT = Path(__file__).resolve().parent.parent

FOLDER_CHECKS = {
    "onnx-checker": checker.check_graphs,
    "decoding": decoding.check_decoding,
    "floats": against_float.check_floats,
    "nearness": against_float.check_nearness,
    "codes": against_float.check_codes,
    "running": partial(running.check_running, root=ROOT),
    "sizes": bytes_on_disk.check_sizes,
    "overhead": bytes_on_disk.check_overhead,
    "external-data": bytes_on_disk.check_external_data,
    "manifest": bytes_on_disk.check_manifest,
}

FORMS = {
    "initializer",
    "initializer + Cast",
    "DequantizeLinear",
    "MatMulNBits",
    "GatherBlockQuantized",
    "GatherBlockQuantized + MatMulNBits",
    "Gather + Mul",
    "Gather + Sub + Mul",
    "Gather + Sub + Mul + MatMulNBits",
}
"""Forms that the folders must have between them, so that no check passes for want of work."""


def main(arguments):
    if len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    results = [
        report("vqa-scores", vqa_scores.check_scores, ROOT),
        report("resizing", resizing.check_resizing, ROOT),
        report("opset-table", opset_table.check_table),
        *check_metrics(),
        *check_corpus(),
    ]
    if arguments:
        results += check_models(Path(arguments[0]))
    else:
        with tempfile.TemporaryDirectory(prefix="mixbit-oracles-") as name:
            subprocess.run(["node", "oracles/make.mjs", name], cwd=ROOT, check=True)
            results += check_models(Path(name))
            results += check_coreml(Path(name) / "coreml")
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


def check_metrics():
    """Compares the metrics of tasks; one result a check."""
    checks = []

    def collect():
        checks.extend(check_task_metrics())
        if not checks:
            yield "nothing was compared"

    results = [report("task-metrics", collect)]
    return results + [report(f"task-metrics {name}", list, problems) for name, problems in checks]


def check_corpus():
    """Takes a sample of real files through every mode; one result a file and mode."""
    checks = []

    def collect():
        checks.extend(corpus_sample.check_sample())
        if not checks:
            yield "no file was looked at"

    results = [report("corpus", collect)]
    return results + [report(f"corpus {name}", list, problems) for name, problems in checks]


def check_models(path):
    folders = model_folders(path)
    results = [report("forms", check_forms, folders)]
    for folder in folders:
        for name, check in FOLDER_CHECKS.items():
            results.append(report(f"{name} {folder.name}", check, folder))
    return results


def check_forms(folders):
    missing = FORMS - {layer["form"] for folder in folders for layer in folder.layers}
    if missing:
        yield f"no folder has {', '.join(sorted(missing))}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

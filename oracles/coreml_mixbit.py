"""Mixbit in one process of its own, for as many packages as are asked for."""

import json
import subprocess
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


class Mixbit:
    """`coreml-mixbit.mjs`, started at the first request; a context manager, which ends it."""

    def __init__(self):
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()

    def run(self, arguments):
        """(exit status, standard output, last line of standard error) of a command line."""
        said = self.ask({"run": arguments})
        return said["status"], said["stdout"], (said["stderr"].strip().splitlines() or [""])[-1]

    def write(self, source, settings, output):
        """Writes a package with these settings, decompressed where they are None: (its plan's layers, its values)."""
        return self.written({"write": str(source), "settings": settings}, output)

    def rewrite(self, source, spec, output):
        """Writes a package as it is, or raised to a version: its values."""
        _, values = self.written({"rewrite": str(source), "spec": spec}, output)
        return values

    def written(self, request, output):
        path = output.with_suffix(".f32")
        answer = self.ask({**request, "output": str(output), "values": str(path)})
        values = np.fromfile(path, "<f4")
        path.unlink()
        return answer["plan"], by_place(answer["entries"], values)

    def ask(self, request):
        if self.process is None:
            command = ["node", str(ROOT / "oracles/coreml-mixbit.mjs")]
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.process.stdin.write(f"{json.dumps(request)}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            status, self.process = self.process.wait(), None  # The next request starts another.
            raise RuntimeError(f"Mixbit ended with {status}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


def by_place(entries, values):
    """(function, operator, input) to the values that Mixbit decodes."""
    found = {}
    for each in entries:
        start = each["offset"] // 4
        count = int(np.prod(each["shape"], dtype=np.int64))
        place = each["function"], each["output"], each["input"]
        found[place] = values[start : start + count].reshape(each["shape"])
    return found

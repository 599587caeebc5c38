"""Takes a sample of real ONNX files through every mode, as CI does; oracles/README.md has the whole corpus.

    npm run build && python oracles/corpus_sample.py
"""

import subprocess
import tempfile
from pathlib import Path

import corpus_checker
import fetch_models

ROOT = Path(__file__).resolve().parent.parent


def check_sample():
    """Name and problems of each file and mode; a file that is far from its float model is a problem."""
    with tempfile.TemporaryDirectory(prefix="mixbit-corpus-") as name:
        folder = Path(name)
        files = fetch_models.fetch(folder / "models", only_sample=True)
        command = ["node", "oracles/corpus.mjs", folder / "out", *files]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        for verdicts in (corpus_checker.run_verdicts, corpus_checker.written_verdicts):
            for file, verdict, why in verdicts(folder / "out"):
                yield file, [] if verdict == "ok" else [f"{verdict}: {why}"]


if __name__ == "__main__":
    failed = 0
    for file, problems in check_sample():
        failed += len(problems)
        print(f"FAIL {file}: {problems[0]}" if problems else f"ok {file}", flush=True)
    raise SystemExit(1 if failed else 0)

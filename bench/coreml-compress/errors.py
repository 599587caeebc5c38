"""How far the weights of compressed Core ML packages are from those of their source.

    python errors.py <source> <package>...

Prints a JSON list, one entry a package: bytes of its files, mean squared error over all weights, and how
many of them are compressed. Decodes with the oracles' own reader.
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "oracles"))

from coreml_program import Package


def measured(source, package):
    squared, values, compressed = 0.0, 0, 0
    for key, weight in source.weights.items():
        result = package.weights[key]
        before = source.dense(weight).astype(np.float32)
        difference = package.dense(result).astype(np.float32) - before
        squared += float(np.sum(np.square(difference, dtype=np.float32), dtype=np.float64))
        values += before.size
        compressed += result.is_compressed
        package.forget()
        source.forget()
    return {"bytes": package.size, "mse": squared / values, "compressed": compressed}


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    source = Package(arguments[0])
    print(json.dumps([measured(source, Package(path)) for path in arguments[1:]]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

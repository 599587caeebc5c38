"""Compresses a Core ML package with coremltools, and says what that took.

    python peer.py <package> <precision> <output>

The precision is one of Mixbit's names. Prints JSON: seconds of the compression alone and of the whole
process, seconds of all processors, and the largest resident set in bytes.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

STARTED = time.perf_counter()
os.environ["TQDM_DISABLE"] = "1"
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "oracles"))

import coreml_peer


def main(arguments):
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    source, precision, output = arguments
    loaded = time.perf_counter()
    coreml_peer.compress(source, precision, output)
    ended = time.perf_counter()
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    usage = {
        "compressSeconds": ended - loaded,
        "seconds": ended - STARTED,
        "cpuSeconds": sum(each.ru_utime + each.ru_stime for each in usages),
        "peakBytes": max(each.ru_maxrss for each in usages) * (1 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(usage))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Palettes and pruning by coremltools, for bench/palette.mjs: jobs on stdin, results on stdout."""

import contextlib
import json
import sys
import time

import numpy as np
from coremltools.optimize import _utils
from coremltools.optimize.coreml._quantization_passes import palettize_weights, prune_weights


def main():
    request = json.load(sys.stdin)
    weight = np.fromfile(request["path"], np.float16).reshape(request["shape"])
    with contextlib.redirect_stdout(sys.stderr):
        results = [run(weight, job, request["runs"]) for job in request["jobs"]]
    json.dump(results, sys.stdout)


def run(weight, job, runs):
    if job is None:
        return None
    times = []
    for _ in range(runs):
        started = time.process_time()
        try:
            compressed = compress(weight, job)
        except ModuleNotFoundError:
            return None
        times.append((time.process_time() - started) * 1000)
    error = weight.astype(np.float64) - decode(compressed).reshape(weight.shape).astype(np.float64)
    return {"ms": min(times), "mse": float(np.square(error).mean())}


def compress(weight, job):
    if "sparsity" in job:
        return prune_weights.compress_by_magnitude(weight, job["sparsity"])
    if "zerosOf" in job:
        return prune_weights.compress_by_nm_sparsity(weight, job["zerosOf"], 1)
    return palettize_weights.blockwise_compress(
        weight,
        "KMEANS",
        job["bits"],
        [job["group"], 0],
        cluster_dim=job.get("vector", 1),
        channel_axis=0,
    )


def decode(params):
    if isinstance(params, _utils.SparseParamsIos16):
        return prune_weights.decompress(params)
    return palettize_weights.decompress(params)


if __name__ == "__main__":
    main()

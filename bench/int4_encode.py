"""int4 by ONNX Runtime's quantizers, for bench/int4-encode.mjs: job on stdin, results on stdout."""

import json
import sys
import time

import numpy as np
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    DefaultWeightOnlyQuantizer,
)
from onnxruntime.quantization.neural_compressor.weight_only import quant_tensor_k_quant_cpu


def main():
    request = json.load(sys.stdin)
    matrices = [
        np.fromfile(job["path"], np.float32).reshape(job["rows"], job["cols"])
        for job in request["jobs"]
    ]
    # The quantizer takes what MatMul takes: (inputs, outputs).
    turned = [np.ascontiguousarray(matrix.T) for matrix in matrices]
    block, runs = request["block"], request["runs"]
    results = []
    for symmetric in (True, False):
        config = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=symmetric, bits=4)
        quantizer = DefaultWeightOnlyQuantizer(config)
        seconds, parts = timed(runs, lambda: [quantizer.qbits_block_quant(m) for m in turned])
        decoded = [decode(*part, block, symmetric) for part in parts]
        name = f"ONNX Runtime default, {'symmetric' if symmetric else 'asymmetric'}"
        sizes = [p.nbytes + s.nbytes + (0 if symmetric else z.nbytes) for p, s, z in parts]
        results.append(result(name, seconds, sizes, matrices, decoded))
    seconds, parts = timed(runs, lambda: [quant_tensor_k_quant_cpu(m, 4, block) for m in matrices])
    # As it is stored: float32 scales, packed codes and zero points.
    decoded = [
        (codes - zero.astype(np.float64)) * scale.astype(np.float32).astype(np.float64)
        for codes, scale, zero in parts
    ]
    sizes = [codes.size / 2 + scale.size * 4 + zero.size / 2 for codes, scale, zero in parts]
    results.append(result("ONNX Runtime k_quant, asymmetric", seconds, sizes, matrices, decoded))
    json.dump(results, sys.stdout)


def timed(runs, work):
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        parts = work()
        times.append(time.perf_counter() - started)
    return min(times), parts


def decode(packed, scales, zero_points, block, symmetric):
    rows, blocks, _ = packed.shape
    codes = nibbles(packed).reshape(rows, blocks, block)
    zeros = nibbles(zero_points).reshape(rows, -1)[:, :blocks, None] if not symmetric else 8
    return (codes - zeros) * scales.reshape(rows, blocks, 1).astype(np.float64)


def nibbles(data):
    return np.stack([data & 15, data >> 4], axis=-1).astype(np.float64)


def result(name, seconds, sizes, matrices, decoded):
    error = sum(
        float(np.square(matrix.astype(np.float64).ravel() - values.ravel()).sum())
        for matrix, values in zip(matrices, decoded)
    )
    return {
        "name": f"{name}, fp32 scales",
        "seconds": seconds,
        "bytes": float(sum(sizes)),
        "squaredError": error,
    }


if __name__ == "__main__":
    main()

"""Writes a Core ML package of a given size from made-up float16 weights, for measuring.

    python make_package.py <package> [megabytes, 420 by default]

Its layers are those of a transformer of width 1024, six weights a block of 25 MB: four of 1024 x 1024, one
of 4096 x 1024 and one of 1024 x 4096. Rows differ in size and one value in a thousand is ten times as large,
as in trained weights.
"""

import contextlib
import os
import shutil
import sys

os.environ["TQDM_DISABLE"] = "1"

import numpy as np

with contextlib.redirect_stderr(open(os.devnull, "w")):  # It warns of what only macOS has.
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types

WIDTH = 1024
BLOCK = (("query", 1, 1), ("key", 1, 1), ("value", 1, 1), ("out", 1, 1), ("up", 4, 1), ("down", 1, 4))
BLOCK_BYTES = 2 * WIDTH * WIDTH * sum(rows * cols for _, rows, cols in BLOCK)


def weight(rng, rows, cols):
    values = rng.standard_normal((rows, cols), dtype=np.float32)
    values *= rng.uniform(0.01, 0.06, (rows, 1)).astype(np.float32)
    values[rng.random((rows, cols), dtype=np.float32) < 1e-3] *= 10
    return values.astype(np.float16)


def build(blocks):
    rng = np.random.default_rng(2026)

    @mb.program(input_specs=[mb.TensorSpec((1, 8, WIDTH), types.fp16)], opset_version=ct.target.iOS18)
    def program(x):
        for block in range(blocks):
            for name, rows, cols in BLOCK:
                values = weight(rng, rows * WIDTH, cols * WIDTH)
                const = mb.const(val=values, name=f"blocks_{block}_{name}_weight")
                x = mb.linear(x=x, weight=const, name=f"blocks_{block}_{name}")
                if name == "up":
                    x = mb.gelu(x=x, mode="EXACT")
        return x

    return ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS18,
        pass_pipeline=ct.PassPipeline.EMPTY,
        skip_model_load=True,
    )


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    path, megabytes = arguments[0], float((arguments[1:] or ["420"])[0])
    blocks = -(-int(megabytes * 1e6) // BLOCK_BYTES)
    shutil.rmtree(path, ignore_errors=True)
    build(blocks).save(path)
    print(f"{blocks * len(BLOCK)} layers, {blocks * BLOCK_BYTES / 1e6:.0f} MB of weights")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

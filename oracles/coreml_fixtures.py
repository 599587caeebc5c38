"""The Core ML packages of fixtures/coreml-nano, made by coremltools from seeded weights.

    python oracles/coreml_fixtures.py <folder>

`float.mlpackage` has a convolution, a linear layer, a table and an LSTM in float16, as coremltools converts
them for iOS 17; `compressed.mlpackage` is what it makes of that: integers, two palettes and a sparse table.
"""

import sys
from pathlib import Path

import numpy as np
from coreml_packages import IOS17, Weights, convert, cto, mb, program, save

NAME = "coreml-nano"


def float_model():
    weights = Weights(NAME, np.float16)
    inputs = {"image": ((1, 4, 8, 8), "float"), "ids": ((1, 5), "int")}

    @program(inputs, IOS17, np.float16)
    def mil(image, ids):
        x = mb.conv(
            x=image,
            weight=weights.const("conv.weight", (16, 4, 3, 3)),
            bias=weights.vector("conv.bias", 16),
            pad_type="same",
            name="conv",
        )
        x = mb.reduce_mean(x=mb.relu(x=x), axes=[2, 3])
        x = mb.linear(x=x, weight=weights.const("linear.weight", (24, 16)), name="linear")
        rows = mb.gather(x=weights.const("table.weight", (48, 24)), indices=ids, axis=0, name="rows")
        rows = mb.transpose(x=mb.add(x=rows, y=x), perm=[1, 0, 2])
        zeros = np.zeros((1, 16), np.float16)
        _, last, _ = mb.lstm(
            x=rows,
            initial_h=zeros,
            initial_c=zeros,
            weight_ih=weights.const("lstm.weight_ih", (64, 24)),
            weight_hh=weights.const("lstm.weight_hh", (64, 16)),
            bias=weights.vector("lstm.bias", 64),
            name="lstm",
        )
        return (last,)

    return convert(mil, IOS17)


def compressed_model():
    small = {"weight_threshold": 0}
    affine, palette, prune = cto.OpLinearQuantizerConfig, cto.OpPalettizerConfig, cto.OpMagnitudePrunerConfig
    steps = (
        (cto.linear_quantize_weights, {"conv_weight": affine(**small)}),
        (cto.palettize_weights, {"linear_weight": palette(mode="uniform", nbits=4, **small)}),
        (cto.prune_weights, {"table_weight": prune(target_sparsity=0.5, **small)}),
        (cto.palettize_weights, {"lstm_weight_ih": palette(mode="uniform", nbits=6, **small)}),
    )
    model = float_model()
    for apply, by_name in steps:
        model = apply(model, cto.OptimizationConfig(op_name_configs=by_name))
    return model


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    save(float_model(), folder / "float.mlpackage")
    save(compressed_model(), folder / "compressed.mlpackage")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

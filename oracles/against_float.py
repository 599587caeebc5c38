"""Quantized weights are near the float weights of the same model: nothing is swapped or turned."""

import numpy as np

LEAST_SQNR_DB = {"float16": 60, "bfloat16": 40, "int8": 10, "int4": 6}
"""The worst layers of fastvlm-nano have 16 dB (int8 per tensor) and 9.9 dB (int4 per channel); a
swapped axis gives about -3 dB."""


def check_nearness(folder, reference):
    values = {name.split("/", 1)[1]: array for name, array in folder.decoded.items()}
    floats = {name.split("/", 1)[1]: array for name, array in reference.decoded.items()}
    if values.keys() != floats.keys():
        yield f"other layers than in {reference.name}: {sorted(values.keys() ^ floats.keys())[:3]}"
        return
    for layer in folder.layers:
        name, dtype = layer["layer"], layer["scheme"]["dtype"]
        x, y = floats[name].astype(np.float64), values[name].astype(np.float64)
        if x.shape != y.shape:
            yield f"{name} has shape {y.shape}, its float weight {x.shape}"
            continue
        noise = np.square(x - y).sum()
        sqnr = np.inf if noise == 0 else 10 * np.log10(np.square(x).sum() / noise)
        if sqnr < LEAST_SQNR_DB.get(dtype, np.inf):
            yield f"{name} ({dtype}) is {sqnr:.1f} dB from its float weight"

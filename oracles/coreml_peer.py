"""The same packages, compressed by coremltools itself: what Mixbit's are compared with."""

import contextlib
import os
import re

from coreml_forms import asked

with contextlib.redirect_stderr(open(os.devnull, "w")):
    import coremltools as ct
    import coremltools.optimize.coreml as cto


def compress(source, precision, path):
    """Writes what coremltools makes of a package for a precision name; it skips what it cannot do."""
    model = ct.models.MLModel(str(source), skip_model_load=True)
    for apply, config, joint in steps(precision):
        config = cto.OptimizationConfig(global_config=config)
        model = apply(model, config, joint_compression=True) if joint else apply(model, config)
    model.save(str(path))


def steps(precision):
    asks = asked(precision)
    is_sparse = asks["sparsity"] is not None
    if is_sparse:
        yield cto.prune_weights, pruning(asks["sparsity"]), False
    if asks["affine"]:
        yield cto.linear_quantize_weights, linear(asks), is_sparse
    if asks["palette"]:
        yield cto.palettize_weights, palette(asks), is_sparse
        if asks["table"]:
            table = cto.OpLinearQuantizerConfig(granularity="per_tensor", weight_threshold=0)
            yield cto.linear_quantize_weights, table, True


def linear(asks):
    bits, sharing = asks["affine"], asks["sharing"] or ("channel" if asks["affine"] == "8" else "32")
    options = {"granularity": f"per_{sharing}"}
    if sharing.isdigit():
        options = {"granularity": "per_block", "block_size": int(sharing)}
    mode = "linear" if asks["asym"] else "linear_symmetric"
    return cto.OpLinearQuantizerConfig(mode=mode, dtype=f"int{bits}", weight_threshold=0, **options)


def palette(asks):
    options = {}
    if asks["group"]:
        options = {"granularity": "per_grouped_channel", "group_size": int(asks["group"])}
    return cto.OpPalettizerConfig(
        mode="kmeans",
        nbits=int(asks["palette"]),
        cluster_dim=int(asks["vector"] or 1),
        enable_per_channel_scale=asks["scale"] is not None,
        weight_threshold=0,
        **options,
    )


def pruning(sparsity):
    if sparsity.startswith("@"):
        return cto.OpThresholdPrunerConfig(
            threshold=float(sparsity[1:]), minimum_sparsity_percentile=1e-9, weight_threshold=0
        )
    match = re.fullmatch(r"(\d+)(?:([:/])(\d+))?", sparsity)
    first, separator, second = match.groups()
    if separator == ":":  # Its ratio counts zeros.
        ratio = (int(second) - int(first), int(second))
        return cto.OpMagnitudePrunerConfig(n_m_ratio=ratio, weight_threshold=0)
    options = {} if separator is None else {"block_size": int(second)}
    return cto.OpMagnitudePrunerConfig(target_sparsity=int(first) / 100, weight_threshold=0, **options)

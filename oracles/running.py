"""The graphs as written run in ONNX Runtime and answer as PyTorch did with the float checkpoint."""

import numpy as np
import onnxruntime

from model_folder import read_safetensors

EXACT = 1e-4
"""Largest error of a float32 graph, relative to the largest value of the output."""

LEAST_SQNR_DB = {"float32": 40, "float16": 40, "int8": 14, "int4": 3, "int2": 0}
"""By the narrowest weight of the folder; noise as strong as the signal has 0 dB. Copies of the
checkpoint in other bits are other models: bfloat16 has 49 dB."""


def check_running(folder, root):
    golden = read_safetensors(root / "fixtures/fastvlm-nano/reference/golden.safetensors")
    for name, found, expected in outputs(folder, golden):
        if found.shape != expected.shape:
            yield f"{name} has shape {found.shape}, PyTorch's {expected.shape}"
        elif not np.isfinite(found).all():
            yield f"{name} is not finite"
        else:
            yield from problems_of_output(folder, name, found, expected)


def problems_of_output(folder, name, found, expected):
    error = np.abs(found - expected).max() / np.abs(expected).max()
    if folder.name == "fp32" and error > EXACT:
        yield f"{name} is {error:.1e} from PyTorch's"
    noise = np.square(found - expected).sum()
    sqnr = np.inf if noise == 0 else 10 * np.log10(np.square(expected).sum() / noise)
    least = min(LEAST_SQNR_DB[layer["scheme"]["dtype"]] for layer in folder.layers)
    if sqnr < least:
        yield f"{name} is {sqnr:.1f} dB from PyTorch's"


def outputs(folder, golden):
    """(name, value, golden value) of every output that PyTorch's program kept."""
    yield "image_features", *run(folder, "vision_encoder", golden, ["pixel_values"])
    yield "inputs_embeds", *run(folder, "embed_tokens", golden, ["input_ids"])
    session = open_session(folder, "decoder_model_merged")
    embeds = golden["decoder_inputs_embeds"]
    length = embeds.shape[1]
    feeds = {
        "inputs_embeds": embeds,
        "attention_mask": np.ones((1, length), np.int64),
        "position_ids": np.arange(length, dtype=np.int64)[None],
        "num_logits_to_keep": np.array(0, np.int64),
    }
    for entry in session.get_inputs():
        if entry.name.startswith("past_key_values."):
            _, heads, _, size = entry.shape
            feeds[entry.name] = np.zeros((1, heads, 0, size), np.float32)
    wanted = {entry.name for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    found = dict(zip(names, session.run(names, {k: v for k, v in feeds.items() if k in wanted})))
    for name in ("logits", "present.0.key", "present.0.value"):
        yield name, found[name], golden[name]


def run(folder, session, golden, inputs):
    opened = open_session(folder, session)
    [output] = [entry.name for entry in opened.get_outputs()]
    [found] = opened.run([output], {name: golden[name] for name in inputs})
    return found, golden[output]


def open_session(folder, name):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        folder.path / folder.manifest["sessions"][name],
        options,
        providers=["CPUExecutionProvider"],
    )

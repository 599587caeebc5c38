"""A model folder that Mixbit wrote, its weights as Mixbit decodes them, and its checkpoint."""

import json
from functools import cached_property
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx

STORED_NAMES = {"text_encoder.weight": "embed_tokens.weight"}
"""The graphs name the token table after its session; every other layer keeps its name."""


CHECKPOINT_PREFIXES = {
    "text_encoder.": "model.embed_tokens.",
    "vision_encoder.": "model.vision_tower.vision_tower.model.",
    "fusion_layers.": "model.mm_projector.",
    "decoder.lm_head.": "lm_head.",
    "decoder.": "model.",
}

DTYPES = {"F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16, "I64": np.int64}


def model_folders(path):
    """The folders that make.mjs wrote, in its order."""
    folders = {}
    for entry in json.loads((path / "models.json").read_text()):
        folder = ModelFolder(path / "models" / entry["name"], Path(entry["checkpoint"]))
        folders[entry["name"]] = folder
        folder.reference = folders[entry["reference"]]
    return list(folders.values())


class ModelFolder:
    reference = None
    """The folder that holds the same checkpoint in float32."""

    def __init__(self, path, checkpoint):
        self.path = Path(path)
        self.name = self.path.name
        self.checkpoint = checkpoint
        self.plan = json.loads((self.path / "plan.json").read_text())
        self.manifest = json.loads((self.path / "mixbit.json").read_text())
        self.layers = [
            layer | {"stored": STORED_NAMES.get(layer["layer"], layer["layer"])}
            for layer in self.plan["layers"]
        ]

    @cached_property
    def sessions(self):
        """Session name to graph, weights loaded."""
        return {
            name: GraphFile(self.path / path) for name, path in self.manifest["sessions"].items()
        }

    @cached_property
    def decoded(self):
        """`<session>/<layer>` to float32 values, by Mixbit's own reader and kernels."""
        return read_safetensors(self.path.with_name(f"{self.name}.decoded.safetensors"))

    @cached_property
    def values(self):
        """Layer to its float32 values: of the first session that holds it."""
        values = {}
        for name, array in self.decoded.items():
            values.setdefault(name.split("/", 1)[1], array)
        return values


class GraphFile:
    """An ONNX file with what is needed to cut pieces out of it."""

    def __init__(self, path):
        self.path = path
        self.model = onnx.load(path)
        self.graph = self.model.graph
        self.initializers = {tensor.name: tensor for tensor in self.graph.initializer}
        self.producers = {out: node for node in self.graph.node for out in node.output if out}

    def consumers(self, value):
        return [node for node in self.graph.node if value in node.input]

    def piece(self, outputs, inputs):
        """A model of the nodes that make `outputs`, cut off at `inputs` (name to value info)."""
        wanted, names, initializers = list(outputs), set(), {}
        while wanted:
            value = wanted.pop()
            if value == "" or value in inputs:
                continue
            if value in self.initializers:
                initializers[value] = self.initializers[value]
                continue
            node = self.producers[value]
            if node.output[0] not in names:
                names.add(node.output[0])
                wanted.extend(node.input)
        graph = onnx.helper.make_graph(
            [node for node in self.graph.node if node.output[0] in names],
            "piece",
            list(inputs.values()),
            [onnx.helper.make_empty_tensor_value_info(name) for name in outputs],
            list(initializers.values()),
        )
        return onnx.helper.make_model(
            graph,
            opset_imports=list(self.model.opset_import),
            ir_version=self.model.ir_version,
        )


def checkpoint_name(layer):
    for prefix, original in CHECKPOINT_PREFIXES.items():
        if layer.startswith(prefix):
            return original + layer[len(prefix) :]
    raise ValueError(f"{layer} belongs to no component")


def read_safetensors(path):
    """Tensors by name, views of the file's bytes. https://huggingface.co/docs/safetensors"""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        values = np.frombuffer(data[start + first : start + last], DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors

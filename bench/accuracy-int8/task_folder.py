"""The folder of one task: model.onnx, calibration and evaluation inputs as .npy (the first axis counts the samples),
labels.npy where there are some, and task.json.
"""

import json
import os
import shutil

import numpy as np
import onnx


def write_task(out, name, model, calibration, evaluation, labels=None, metric="softmax", transformer=False):
    """Writes one task.

    model: path or ModelProto. calibration, evaluation: {input: array (samples, ...)}. labels: one class a sample, or
    (samples, places of the output) with -1 where nothing is judged.
    """
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    if isinstance(model, str):
        shutil.copyfile(model, os.path.join(folder, "model.onnx"))
    else:
        onnx.save(model, os.path.join(folder, "model.onnx"))
    for part, arrays in (("calibration", calibration), ("evaluation", evaluation)):
        for i, values in enumerate(arrays.values()):
            np.save(os.path.join(folder, f"{part}-{i}.npy"), np.ascontiguousarray(values))
        inputs = {key: f"{part}-{i}.npy" for i, key in enumerate(arrays)}
        with open(os.path.join(folder, f"{part}.json"), "w") as file:
            json.dump({"kind": "tensors", "inputs": inputs}, file)
    if labels is not None:
        np.save(os.path.join(folder, "labels.npy"), np.asarray(labels, dtype=np.int64))
    with open(os.path.join(folder, "task.json"), "w") as file:
        json.dump({"labels": labels is not None, "metric": metric, "transformer": transformer}, file)
    print(name, {key: values.shape for key, values in evaluation.items()}, flush=True)

"""onnx's own checker, with full and strict shape inference."""

import onnx


def check_graphs(folder):
    for session, path in folder.manifest["sessions"].items():
        try:
            onnx.checker.check_model(str(folder.path / path), full_check=True)
            model = onnx.load(folder.path / path)
            inferred = onnx.shape_inference.infer_shapes(
                model, check_type=True, strict_mode=True, data_prop=True
            )
        except Exception as error:  # noqa: BLE001: every complaint is a finding here
            yield f"{session}: {error}"
            continue
        # onnx has no rules for ONNX Runtime's own operators, so nothing is known after them.
        if all(node.domain == "" for node in model.graph.node):
            yield from unknown_values(session, inferred.graph)


def unknown_values(session, graph):
    known = {info.name: info.type.tensor_type for info in [*graph.value_info, *graph.output]}
    for node in graph.node:
        for name in node.output:
            if name not in known or not known[name].HasField("shape"):
                yield f"{session}: no shape is inferred for {name} of {node.op_type}"

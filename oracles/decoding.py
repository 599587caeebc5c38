"""Every weight, as the standard's or the runtime's own operators decode it, equals our decode."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def check_decoding(folder):
    """All of them bit for bit; 0 and -0 count as equal."""
    seen = set()
    for session, graph in folder.sessions.items():
        for layer in folder.layers:
            name = layer["layer"]
            for way, values in decodings(graph, layer["stored"]):
                seen.add(name)
                problem = difference(values, folder.decoded[f"{session}/{name}"])
                if problem is not None:
                    yield f"{session}/{name} through {way}: {problem}"
    for layer in folder.layers:
        if layer["layer"] not in seen:
            yield f"no session uses {layer['layer']}"


def difference(values, decoded):
    values = values.reshape(decoded.shape) if values.size == decoded.size else values
    if values.shape != decoded.shape:
        return f"has shape {values.shape}, not {decoded.shape}"
    if not np.isfinite(decoded).all():
        return "decodes to values that are not finite"
    wrong = np.flatnonzero(values != decoded)
    if wrong.size == 0:
        return None
    at = wrong[0]
    return (
        f"{wrong.size} of {decoded.size} values differ, the first at {at}: "
        f"{values.flat[at]!r} is not {decoded.flat[at]!r}"
    )


def decodings(graph, name):
    """(way, float32 values) for every operator that reads a layer's stored values."""
    if name in graph.initializers:
        tensor = graph.initializers[name]
        yield "initializer", numpy_helper.to_array(tensor).astype(np.float32)
    codes = f"{name}_quantized"
    for node in graph.consumers(codes):
        way = node.op_type
        if way == "DequantizeLinear":
            yield way, evaluate(graph.piece([name], {}), {})
            yield f"{way} in ONNX Runtime", run_constant(graph, name)
        elif way == "MatMulNBits":
            yield way, run_matmul(graph, node)
        elif way == "GatherBlockQuantized":
            rows = graph.initializers[codes].dims[0]
            yield way, run_gather(graph, node, rows)
        elif way == "Gather":
            ids = node.input[1]
            model = looked_up(graph, ids)
            feeds = {ids: np.arange(graph.initializers[codes].dims[0])}
            yield way, evaluate(model, feeds)
            yield f"{way} in ONNX Runtime", run_model(model, feeds)
        else:
            raise ValueError(f"{codes} is read by {way}")


def evaluate(model, feeds):
    """onnx's reference implementation: the specification as a program."""
    [values] = ReferenceEvaluator(model).run(None, feeds)
    if values.dtype != np.float32:
        raise ValueError(f"decodes to {values.dtype}")
    return values


def looked_up(graph, ids):
    """A model of what a table's graph makes of every row, of standard operators alone."""
    [output] = [info.name for info in graph.graph.output]
    inputs = {ids: helper.make_tensor_value_info(ids, TensorProto.INT64, [None])}
    model = graph.piece([output], inputs)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
    return model


def run_matmul(graph, node):
    """Identity times the matrix, in ONNX Runtime: every output is one product, so exact."""
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    values = run_node(
        graph,
        node,
        TensorProto.FLOAT,
        np.eye(attributes["K"], dtype=np.float32),
        input_index=0,
        accuracy_level=1,
    )
    return values.T


def run_gather(graph, node, rows):
    return run_node(graph, node, TensorProto.INT64, np.arange(rows), input_index=1)


def run_constant(graph, name):
    """What the nodes before `name` make of stored values alone."""
    model = graph.piece([name], {})
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return run_model(model, {})


def run_node(graph, node, elem_type, values, input_index, **attributes):
    """Runs a copy of one node, with the nodes that make its scales, optimisation off."""
    name = node.input[input_index]
    info = helper.make_tensor_value_info(name, elem_type, [None] * values.ndim)
    model = graph.piece([node.output[0]], {name: info})
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)
    )
    for copy in model.graph.node:
        if copy.output[0] == node.output[0]:
            for key, value in attributes.items():
                set_attribute(copy, key, value)
    return run_model(model, {name: values})


def run_model(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    [result] = session.run(None, feeds)
    return result


def set_attribute(node, key, value):
    for attribute in list(node.attribute):
        if attribute.name == key:
            node.attribute.remove(attribute)
    node.attribute.append(onnx.helper.make_attribute(key, value))

"""What lies on disk: sizes as planned, offsets in order, nothing twice and nothing unused."""

import hashlib

import onnx
from onnx.external_data_helper import uses_external_data

INLINE_LIMIT = 1024
"""Initializers that are no weights (shapes, constants) may have this many bytes."""

PARTS = {"codes": "_quantized", "scales": "_scale", "zeroPoints": "_zero_point"}


def check_sizes(folder):
    """Codes, scales and zero points take exactly what the plan says, in every session."""
    known = set()
    for session, path in folder.manifest["sessions"].items():
        tensors = stored_tensors(folder.path / path)
        for layer in folder.layers:
            name = layer["stored"]
            if name not in tensors and f"{name}_quantized" not in tensors:
                continue
            known.add(name)
            for part, expected in layer["bytes"].items():
                key = name if part == "codes" and name in tensors else name + PARTS[part]
                found = tensors.pop(key)["bytes"] if key in tensors else 0
                if found != expected:
                    yield f"{session}/{name}: {part} take {found} bytes, planned {expected}"
        for name, tensor in tensors.items():
            if tensor["bytes"] > INLINE_LIMIT:
                yield f"{session}: {name} has {tensor['bytes']} bytes and is in no plan"
    for layer in folder.layers:
        if layer["stored"] not in known:
            yield f"{layer['layer']} is planned but not written"
    planned = sum(sum(layer["bytes"].values()) for layer in folder.layers)
    if planned != folder.plan["bytes"]:
        yield f"the plan's layers take {planned} bytes, its total says {folder.plan['bytes']}"


def check_overhead(folder):
    """A session takes at most 5 % + 64 kB more than the weights that it holds itself."""
    for session, path in folder.manifest["sessions"].items():
        graph = folder.path / path
        tensors = stored_tensors(graph)
        own = {graph.name, f"{graph.name}_data"}
        weights = sum(t["bytes"] for t in tensors.values() if t["location"] in own | {None})
        size = sum(f.stat().st_size for f in graph.parent.iterdir() if f.name in own)
        if size > weights * 1.05 + 64_000:
            yield f"{session} takes {size} bytes for weights of {weights}"


def check_external_data(folder):
    """External tensors lie inside their file, aligned, apart, with no bytes that none uses."""
    regions = {}
    for session, path in folder.manifest["sessions"].items():
        graph = folder.path / path
        for name, tensor in stored_tensors(graph).items():
            if tensor["location"] is None:
                continue
            label = f"{session}/{name}"
            yield from problems_of_entry(label, tensor)
            file = graph.parent / tensor["location"]
            regions.setdefault(file, {}).setdefault((tensor["offset"], tensor["bytes"]), label)
    for file, parts in regions.items():
        yield from problems_of_file(file, parts)


def problems_of_entry(label, tensor):
    if set(tensor["keys"]) != {"location", "offset", "length"}:
        yield f"{label} has the keys {tensor['keys']}"
    if "/" in tensor["location"] or tensor["location"].startswith("."):
        yield f"{label} lies in {tensor['location']}"
    alignment = 4096 if tensor["bytes"] >= 2**20 else 64
    if tensor["offset"] % alignment != 0:
        yield f"{label} starts at {tensor['offset']}, which is not on {alignment}"
    if tensor["expected"] is not None and tensor["bytes"] != tensor["expected"]:
        yield f"{label} has {tensor['bytes']} bytes, its shape takes {tensor['expected']}"


def problems_of_file(file, parts):
    """`parts`: (offset, length) to label. The same region twice is one table that is shared."""
    end, before = 0, "the start"
    for (offset, length), label in sorted(parts.items()):
        if offset < end:
            yield f"{label} overlaps {before} in {file.name}"
        if offset - end >= 4096:
            yield f"{offset - end} bytes before {label} in {file.name} belong to none"
        end, before = offset + length, label
    if file.stat().st_size != end:
        yield f"{file.name} has {file.stat().st_size} bytes, its tensors end at {end}"


def check_manifest(folder):
    """mixbit.json lists every model file, with its size and hash."""
    listed = {entry["path"]: entry for entry in folder.manifest["files"]}
    found = {
        file.relative_to(folder.path).as_posix(): file for file in folder.path.glob("onnx/**/*")
    }
    for path in sorted(set(listed) ^ set(found)):
        yield f"{path} is {'listed' if path in listed else 'there'} only"
    for path in sorted(set(listed) & set(found)):
        data = found[path].read_bytes()
        if listed[path]["bytes"] != len(data):
            yield f"{path} has {len(data)} bytes, listed {listed[path]['bytes']}"
        if listed[path]["sha256"] != hashlib.sha256(data).hexdigest():
            yield f"{path} has another hash than listed"


def stored_tensors(path):
    """Initializer name to where it lies and how many bytes it takes."""
    model = onnx.load(path, load_external_data=False)
    return {tensor.name: stored(tensor) for tensor in model.graph.initializer}


def stored(tensor):
    if not uses_external_data(tensor):
        size = len(tensor.raw_data) or expected_bytes(tensor)
        return {"location": None, "offset": 0, "bytes": size}
    entries = [(entry.key, entry.value) for entry in tensor.external_data]
    values = dict(entries)
    return {
        "location": values["location"],
        "offset": int(values["offset"]),
        "bytes": int(values["length"]),
        "keys": [key for key, _ in entries],
        "expected": expected_bytes(tensor),
    }


def expected_bytes(tensor):
    count = 1
    for size in tensor.dims:
        count *= size
    name = onnx.TensorProto.DataType.Name(tensor.data_type)
    bits = {"FLOAT": 32, "FLOAT16": 16, "BFLOAT16": 16, "INT64": 64, "INT8": 8, "UINT8": 8}
    bits |= {"INT2": 2, "INT4": 4, "UINT4": 4, "INT32": 32, "BOOL": 8}
    return (count * bits[name] + 7) // 8

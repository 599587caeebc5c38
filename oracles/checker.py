"""onnx's own checker, with full and strict shape inference."""

import onnx


def check_graphs(folder):
    for session, path in folder.manifest["sessions"].items():
        try:
            onnx.checker.check_model(str(folder.path / path), full_check=True)
        except Exception as error:  # noqa: BLE001: every complaint is a finding here
            yield f"{session}: {error}"

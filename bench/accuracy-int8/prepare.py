"""Makes the models and data of the comparison: one folder a task (see task_folder.py).

    python prepare.py <folder with the zoo, or -> <folder of pictures> <output folder>

Models come from Python packages (rapidocr-onnxruntime, nudenet, magika) and, where it is there, from a folder with
mnist.onnx, mobilenet_v1_0.25_224.onnx, pretrainedResnet.tflite and their data.
"""

import functools
import glob
import importlib.util
import json
import os
import random
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw, ImageFont

import task_folder

zoo, pictures, out = sys.argv[1:4]
write_task = functools.partial(task_folder.write_task, out)


def package_file(package, path):
    spec = importlib.util.find_spec(package)
    return os.path.join(os.path.dirname(spec.origin), path)


def input_name(path):
    graph = onnx.load(path).graph
    constants = {tensor.name for tensor in graph.initializer}
    return [value.name for value in graph.input if value.name not in constants][0]


def split(values, count):
    return values[:count], values[count:]


def mnist():
    model = os.path.join(zoo, "onnx/mnist.onnx")
    x = np.fromfile(os.path.join(zoo, "data/mnist-first1000.u8"), np.uint8).reshape(1000, 1, 1, 28, 28).astype(np.float32)
    y = np.fromfile(os.path.join(zoo, "data/mnist-first1000-labels.u8"), np.uint8)
    name = input_name(model)
    write_task("mnist", model, {name: x[:100]}, {name: x[100:]}, y[100:])


def resnet8(path):
    """The float ResNet of MLPerf Tiny, operator by operator: NHWC and OHWI become NCHW and OIHW."""
    import tflite

    model = tflite.Model.GetRootAs(open(path, "rb").read(), 0)
    graph = model.Subgraphs(0)
    nodes, constants, renamed = [], [], {}

    def name(index):
        return renamed.get(index, f"t{index}")

    def values(index):
        tensor = graph.Tensors(index)
        return np.frombuffer(model.Buffers(tensor.Buffer()).DataAsNumpy(), np.float32).reshape(tensor.ShapeAsNumpy())

    def constant(label, array):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(array.astype(np.float32)), label))
        return label

    def activated(kind, output, op, inputs, **attributes):
        target = output if kind == 0 else output + "_linear"
        nodes.append(helper.make_node(op, inputs, [target], name=output + "_" + op, **attributes))
        if kind != 0:
            nodes.append(helper.make_node("Relu", [target], [output], name=output + "_Relu"))

    for at in range(graph.OperatorsLength()):
        operator = graph.Operators(at)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        ins, result = operator.InputsAsNumpy(), operator.OutputsAsNumpy()[0]
        table = operator.BuiltinOptions()
        if kind == tflite.BuiltinOperator.CONV_2D:
            options = tflite.Conv2DOptions()
            options.Init(table.Bytes, table.Pos)
            weight = values(ins[1]).transpose(0, 3, 1, 2)
            activated(options.FusedActivationFunction(), name(result), "Conv",
                      [name(ins[0]), constant(f"w{ins[1]}", weight), constant(f"b{ins[2]}", values(ins[2]))],
                      strides=[options.StrideH(), options.StrideW()], auto_pad="SAME_UPPER",
                      kernel_shape=list(weight.shape[2:]))
        elif kind == tflite.BuiltinOperator.ADD:
            options = tflite.AddOptions()
            options.Init(table.Bytes, table.Pos)
            activated(options.FusedActivationFunction(), name(result), "Add", [name(ins[0]), name(ins[1])])
        elif kind == tflite.BuiltinOperator.AVERAGE_POOL_2D:
            nodes.append(helper.make_node("GlobalAveragePool", [name(ins[0])], [name(result)], name="pool"))
        elif kind == tflite.BuiltinOperator.RESHAPE:
            nodes.append(helper.make_node("Flatten", [name(ins[0])], [name(result)], name="flatten"))
        elif kind == tflite.BuiltinOperator.FULLY_CONNECTED:
            nodes.append(helper.make_node("Gemm", [name(ins[0]), constant("fc", values(ins[1])), constant("fcb", values(ins[2]))],
                                          [name(result)], name="fc", transB=1))
        elif kind == tflite.BuiltinOperator.SOFTMAX:
            renamed[result] = name(ins[0])
        else:
            raise SystemExit(f"{path}: operator {kind} is not read here")
    x = helper.make_tensor_value_info(name(graph.Inputs(0)), TensorProto.FLOAT, [1, 3, 32, 32])
    y = helper.make_tensor_value_info(name(graph.Outputs(0)), TensorProto.FLOAT, [1, 10])
    made = helper.make_model(helper.make_graph(nodes, "resnet8", [x], [y], constants),
                             opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made)
    return made, x.name


def cifar():
    model, name = resnet8(os.path.join(zoo, "tflite/pretrainedResnet.tflite"))
    x = np.fromfile(os.path.join(zoo, "data/cifar10-first1000.u8"), np.uint8).reshape(1000, 1, 32, 32, 3)
    x = x.transpose(0, 1, 4, 2, 3).astype(np.float32)
    y = json.load(open(os.path.join(zoo, "data/cifar10-first1000-labels.json")))
    write_task("cifar-resnet8", model, {name: x[:100]}, {name: x[100:]}, y[100:])


def photos(size, limit, scale, mean):
    """Pictures as (N, 1, 3, size, size), RGB."""
    files = sorted(glob.glob(os.path.join(pictures, "**/*.jpg"), recursive=True)
                   + glob.glob(os.path.join(pictures, "**/*.png"), recursive=True))
    chosen = random.Random(1).sample(files, min(limit, len(files)))
    rows = [np.asarray(Image.open(file).convert("RGB").resize((size, size))) for file in chosen]
    return ((np.stack(rows).astype(np.float32) - mean) * scale).transpose(0, 3, 1, 2)[:, None]


def mobilenet():
    model = os.path.join(zoo, "onnx/mobilenet_v1_0.25_224.onnx")
    name = input_name(model)
    calibration, evaluation = split(photos(224, 250, 1 / 127.5, 127.5), 50)
    write_task("mobilenet-v1-0.25", model, {name: calibration}, {name: evaluation}, metric="probabilities")


def nudenet():
    model = package_file("nudenet", "320n.onnx")
    calibration, evaluation = split(photos(320, 150, 1 / 255, 0), 50)
    write_task("yolov8n", model, {"images": calibration}, {"images": evaluation}, metric="boxes")


WORDS = "stone river quiet lamp seven garden orange violin market window paper train copper cloud bridge".split()


def text_lines(count, seed, width=320, height=48, flip=False):
    """Rendered lines of made-up text, and for `flip` whether each stands on its head."""
    rng = random.Random(seed)
    rows, labels = [], []
    for _ in range(count):
        line = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 3)))
        if rng.random() < 0.4:
            line = f"{rng.randint(1, 99999)} {line.upper()}"
        paper, ink = rng.randint(150, 255), rng.randint(0, 90)
        picture = Image.new("RGB", (width, height), (paper, paper, max(0, paper - rng.randint(0, 40))))
        font = ImageFont.load_default(rng.randint(18, 30))
        ImageDraw.Draw(picture).text((rng.randint(2, 30), rng.randint(2, 12)), line, fill=(ink, ink, ink), font=font)
        x = np.asarray(picture).astype(np.float32)
        x = x + np.random.default_rng(rng.randint(0, 2**31)).normal(0, rng.uniform(0, 25), x.shape)
        up = int(flip and rng.random() < 0.5)
        labels.append(up)
        rows.append(np.clip(x[::-1, ::-1] if up else x, 0, 255))
    values = (np.stack(rows).astype(np.float32) / 255 - 0.5) / 0.5
    return values.transpose(0, 3, 1, 2)[:, None], labels


def ocr():
    folder = os.path.join(os.path.dirname(importlib.util.find_spec("rapidocr_onnxruntime").origin), "models")
    # More would take ONNX Runtime's histograms of this model beyond 13 GB.
    calibration, _ = text_lines(16, 1)
    evaluation, _ = text_lines(150, 2)
    write_task("ocr-recognition", os.path.join(folder, "ch_PP-OCRv4_rec_infer.onnx"),
               {"x": calibration}, {"x": evaluation}, metric="probabilities")
    calibration, _ = text_lines(60, 3, 192, 48, True)
    evaluation, labels = text_lines(400, 4, 192, 48, True)
    write_task("ocr-orientation", os.path.join(folder, "ch_ppocr_mobile_v2.0_cls_infer.onnx"),
               {"x": calibration}, {"x": evaluation}, labels, metric="probabilities")
    pages = np.concatenate([text_lines(1, 100 + i, 320, 320)[0] for i in range(40)])
    scenes = photos(320, 60, 1 / 127.5, 127.5)
    mixed = np.concatenate([pages, scenes])[np.random.default_rng(0).permutation(100)]
    calibration, evaluation = split(mixed, 30)
    write_task("ocr-detection", os.path.join(folder, "ch_PP-OCRv4_det_infer.onnx"),
               {"x": calibration}, {"x": evaluation}, metric="bernoulli")


def magika():
    """Contents of files: the first and last 1,024 bytes after white space, 256 pads."""
    model = package_file("magika", "models/standard_v3_3/model.onnx")
    roots = [os.path.dirname(os.__file__), os.path.dirname(np.__file__), pictures]
    files = sorted(f for root in roots for f in glob.glob(os.path.join(root, "**/*.*"), recursive=True) if os.path.isfile(f))
    chosen = random.Random(3).sample(files, 300)
    rows = []
    for file in chosen:
        data = open(file, "rb").read()
        head, tail = data[:4096].lstrip()[:1024], data[-4096:].rstrip()[-1024:]
        rows.append(list(head) + [256] * (1024 - len(head)) + [256] * (1024 - len(tail)) + list(tail))
    values = np.asarray(rows, dtype=np.int32)[:, None]
    calibration, evaluation = split(values, 60)
    write_task("magika", model, {"bytes": calibration}, {"bytes": evaluation}, metric="probabilities")


os.makedirs(out, exist_ok=True)
tasks = [nudenet, ocr, magika]
if zoo != "-":
    tasks = [mnist, cifar, mobilenet] + tasks
for task in tasks:
    try:
        task()
    except Exception as error:  # a model that cannot be had is left out, and said so
        print(f"left out: {task.__name__}: {error!r}", flush=True)

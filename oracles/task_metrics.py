"""Mixbit's task metrics against scikit-learn, pycocotools and scipy, on random but likely predictions.

    python oracles/task_metrics.py [<built core>]

Prints one ok or FAIL line a check; the exit status is the number of failures (1 at most).
Needs node, and numpy, scikit-learn, scipy and pycocotools beside requirements.txt.
"""

import contextlib
import copy
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1e-6


def as_list(array):
    return np.asarray(array).tolist()


def coco_scene(rng, pictures, categories, density, crowd):
    """Objects and detections: some on objects, some beside them, some invented, many equal scores."""
    truths, found = [], []
    for picture in range(pictures):
        for _ in range(rng.poisson(density)):
            size = np.exp(rng.uniform(np.log(6), np.log(300), 2)).round(2)
            corner = rng.uniform(0, 640 - size).round(2)
            box = [*as_list(corner), *as_list(size)]
            truth = {
                "picture": picture,
                "category": int(rng.integers(categories)),
                "box": box,
                "area": float(size[0] * size[1] * rng.uniform(0.4, 1.0)),
                "isCrowd": bool(rng.random() < crowd),
            }
            truths.append(truth)
            for _ in range(rng.choice([0, 1, 1, 1, 2])):
                noise = rng.normal(0, 0.08, 4) * np.tile(size, 2)
                shifted = np.asarray(box) + noise
                shifted[2:] = np.maximum(shifted[2:], 1)
                category = truth["category"] if rng.random() < 0.85 else int(rng.integers(categories))
                found.append(detection(rng, picture, category, shifted))
        for _ in range(rng.poisson(density / 2)):
            box = [*rng.uniform(0, 500, 2), *rng.uniform(4, 140, 2)]
            found.append(detection(rng, picture, int(rng.integers(categories)), box))
    # Boxes on a grid, many of them twice: overlaps that are equal, and equal to a threshold.
    for _ in range(pictures * 2):
        picture, category = int(rng.integers(pictures)), int(rng.integers(categories))
        box = [float(edge) for edge in (rng.integers(3) * 20, rng.integers(3) * 20, 40, 40)]
        for _ in range(rng.integers(1, 3)):
            truths.append({"picture": picture, "category": category, "box": box, "area": 1600.0, "isCrowd": bool(rng.random() < crowd)})
        shorter = [*box[:3], float(rng.choice([20, 24, 30, 36, 40]))]
        found.append({"picture": picture, "category": category, "box": shorter, "score": 0.6})
    # COCO's corner cases: exactly 1 overlap, exactly the edges of the area ranges.
    for side in (32, 96):
        box = [10.0, 10.0, float(side), float(side)]
        truths.append({"picture": 0, "category": 0, "box": box, "area": float(side * side), "isCrowd": False})
        found.append({"picture": 0, "category": 0, "box": box, "score": 0.5})
    return truths, found


def detection(rng, picture, category, box):
    score = rng.beta(2, 3)
    return {
        "picture": picture,
        "category": category,
        "box": as_list(box),
        "score": float(np.round(score, 2) if rng.random() < 0.5 else score),
    }


def crowded_picture(rng):
    """Over 100 detections of one category in one picture, so that maxDets counts."""
    truths, found = coco_scene(rng, 2, 1, 60, 0.1)
    return truths, found * 3


def coco_reference(truths, found, pictures, categories):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": 7 + 3 * i} for i in range(pictures)],
            "categories": [{"id": 1 + c, "name": str(c)} for c in range(categories)],
            "annotations": [
                {
                    "id": i + 1,
                    "image_id": 7 + 3 * each["picture"],
                    "category_id": 1 + each["category"],
                    "bbox": each["box"],
                    "area": each["area"],
                    "iscrowd": int(each["isCrowd"]),
                }
                for i, each in enumerate(truths)
            ],
        }
        truth.createIndex()
        results = [
            {
                "image_id": 7 + 3 * each["picture"],
                "category_id": 1 + each["category"],
                "bbox": each["box"],
                "score": each["score"],
            }
            for each in found
        ]
        run = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats


COCO_NAMES = "ap ap50 ap75 apSmall apMedium apLarge ar1 ar10 ar100 arSmall arMedium arLarge".split()


def coco_checks():
    cases = {
        "30 pictures, 5 categories": (1, 30, 5, 4, 0.08),
        "many small pictures, rare categories": (2, 120, 40, 1.5, 0.02),
        "crowds": (3, 40, 3, 6, 0.5),
        "no crowd": (4, 20, 2, 8, 0.0),
    }
    for name, (seed, pictures, categories, density, crowd) in cases.items():
        rng = np.random.default_rng(seed)
        truths, found = coco_scene(rng, pictures, categories, density, crowd)
        yield coco_check(name, truths, found, pictures, categories)
    truths, found = crowded_picture(np.random.default_rng(5))
    yield coco_check("over 100 detections a picture", truths, found, 2, 1)


def coco_check(name, truths, found, pictures, categories):
    def compare(ours):
        stats = coco_reference(truths, found, pictures, categories)
        for key, official in zip(COCO_NAMES, stats):
            value = -1 if ours[key] is None else ours[key]
            yield key, value, official
        if ours["interval"] is not None:
            inside = ours["interval"]["low"] <= ours["ap"] <= ours["interval"]["high"]
            yield "the interval holds the value", int(inside), 1

    entry = {"metric": "coco", "truths": truths, "found": found, "pictures": pictures, "interval": pictures < 50}
    return f"COCO mAP, {name}", entry, compare


def top_k_checks():
    from sklearn.metrics import accuracy_score, top_k_accuracy_score

    rng = np.random.default_rng(11)
    for classes, samples in ((10, 2000), (1000, 300)):
        labels = rng.integers(classes, size=samples)
        scores = rng.normal(size=(samples, classes)).astype(np.float32)
        scores[np.arange(samples), labels] += rng.exponential(1.5, samples).astype(np.float32)

        def compare(ours, scores=scores, labels=labels, classes=classes):
            every = np.arange(classes)
            yield "top-1", ours["top1"]["value"], top_k_accuracy_score(labels, scores, k=1, labels=every)
            yield "top-5", ours["top5"], top_k_accuracy_score(labels, scores, k=5, labels=every)
            yield "the best five", same(ours["best"], np.argsort(-scores, 1, kind="stable")[:, :5]), 1

        yield f"top-k, {classes} classes", top_k_entry(scores, labels), compare

    # Quantized scores tie; equal scores then count in order of their index, as argmax has it.
    labels = rng.integers(10, size=3000)
    tied = rng.integers(-4, 4, size=(3000, 10)).astype(np.float32)

    def compare_tied(ours):
        order = np.argsort(-tied, 1, kind="stable")
        ranks = np.argmax(order == labels[:, None], 1)
        yield "top-1 is argmax", ours["top1"]["value"], accuracy_score(labels, tied.argmax(1))
        yield "ranks", same(ours["ranks"], ranks), 1
        yield "top-5", ours["top5"], np.mean(ranks < 5)

    yield "top-k, tied scores", top_k_entry(tied, labels), compare_tied


def top_k_entry(scores, labels):
    return {"metric": "top-k", "scores": as_list(scores), "labels": as_list(labels)}


def same(ours, reference):
    return int(np.array_equal(np.asarray(ours), np.asarray(reference)))


def spearman_checks():
    from scipy.stats import pearsonr, spearmanr

    rng = np.random.default_rng(21)
    quality = rng.uniform(0, 5, 1379)
    sides = {
        "STS-like, gold in fifths": (np.round(quality * 5) / 5, np.tanh(quality / 4) + rng.normal(0, 0.2, 1379)),
        "falling, both with ties": (rng.integers(0, 6, 400), -rng.integers(0, 4, 400)),
        "two values": (np.repeat([0, 1], 50), rng.normal(size=100)),
    }
    for name, (x, y) in sides.items():

        def compare(ours, x=x, y=y):
            yield "Spearman", ours["spearman"], spearmanr(x, y).statistic
            yield "Pearson", ours["pearson"], pearsonr(x, y).statistic
            yield "the interval is that of its formula", ours["interval"]["low"], bonett_wright(x, y)

        yield f"rank correlation, {name}", {"metric": "spearman", "x": as_list(x), "y": as_list(y)}, compare


def bonett_wright(x, y):
    from scipy.stats import norm, spearmanr

    r = spearmanr(x, y).statistic
    return np.tanh(np.arctanh(r) - norm.ppf(0.975) * np.sqrt((1 + r * r / 2) / (len(x) - 3)))


def cosine_checks():
    from scipy.spatial.distance import cosine

    rng = np.random.default_rng(31)
    x, y = rng.normal(size=(2, 384)).astype(np.float32)

    def compare(ours):
        yield "cosine", ours, 1 - cosine(x.astype(float), y.astype(float))

    yield "cosine similarity", {"metric": "cosine", "x": as_list(x), "y": as_list(y)}, compare


def perplexity_checks():
    from scipy.special import log_softmax

    rng = np.random.default_rng(41)
    vocabulary, windows = 211, []
    for scored in (31, 31, 16, 7):
        tokens = rng.integers(vocabulary, size=32)
        logits = (rng.normal(size=(32, vocabulary)) * 4).astype(np.float32)
        logits[np.arange(31), tokens[1:]] += 5
        windows.append((logits, tokens, scored))

    def compare(ours):
        losses = []
        for logits, tokens, scored in windows:
            log_p = log_softmax(logits.astype(float), axis=1)
            losses += [-log_p[at - 1, tokens[at]] for at in range(32 - scored, 32)]
        yield "perplexity", ours["value"], np.exp(np.mean(losses))
        yield "the interval holds it", int(ours["low"] <= ours["value"] <= ours["high"]), 1

    data = [
        {"logits": as_list(logits.ravel()), "tokens": as_list(tokens), "scored": scored}
        for logits, tokens, scored in windows
    ]
    yield "perplexity", {"metric": "perplexity", "windows": data, "vocabulary": vocabulary}, compare


def nms_reference(boxes, scores, classes, iou, most):
    """ultralytics' non_max_suppression with torchvision's nms on the CPU, in numpy's float32."""
    moved = boxes + (classes[:, None] * 7680).astype(np.float32)
    order = np.argsort(-scores, kind="stable")[:30000]
    area = (moved[:, 2] - moved[:, 0]) * (moved[:, 3] - moved[:, 1])
    gone, kept = np.zeros(len(boxes), bool), []
    for i in order:
        if gone[i]:
            continue
        kept.append(int(i))
        low = np.maximum(moved[i, :2], moved[:, :2])
        high = np.minimum(moved[i, 2:], moved[:, 2:])
        sides = np.maximum(np.float32(0), high - low)
        shared = sides[:, 0] * sides[:, 1]
        gone |= shared / (area[i] + area - shared) > iou
    return kept[:most]


def suppress_checks():
    for seed, count, categories in ((51, 3000, 80), (52, 1500, 1), (53, 800, 3)):
        rng = np.random.default_rng(seed)
        centers = rng.uniform(0, 640, (40, 2))[rng.integers(40, size=count)]
        corner = centers + rng.normal(0, 6, (count, 2))
        sides = rng.uniform(20, 120, (count, 2))
        boxes = np.hstack([corner, corner + sides]).astype(np.float32)
        scores = rng.beta(1, 4, count).astype(np.float32)
        scores[::7] = np.float32(0.25)
        classes = rng.integers(categories, size=count)
        options = {"iou": 0.7, "mostFound": 300}

        def compare(ours, boxes=boxes, scores=scores, classes=classes):
            yield "kept boxes", same(ours, nms_reference(boxes, scores, classes, 0.7, 300)), 1

        entry = {
            "metric": "suppress",
            "boxes": as_list(boxes.ravel()),
            "scores": as_list(scores),
            "classes": as_list(classes),
            "options": options,
        }
        yield f"NMS, {count} boxes of {categories} classes", entry, compare


def letterbox_gain(size, picture):
    """ultralytics' scale_boxes: gain and padding from the two sizes alone."""
    gain = min(size[0] / picture[0], size[1] / picture[1])
    pad_x = round((size[1] - round(picture[1] * gain)) / 2 - 0.1)
    pad_y = round((size[0] - round(picture[0] * gain)) / 2 - 0.1)
    return gain, pad_x, pad_y


def detections(boxes, scores, classes, iou, size, picture):
    """NMS, then back to the picture and cut at its edges, as left, top, width, height."""
    kept = nms_reference(boxes, scores, classes, iou, 300)
    gain, pad_x, pad_y = letterbox_gain(size, picture)
    out = boxes[kept].astype(float)
    out[:, [0, 2]] = ((out[:, [0, 2]] - pad_x) / gain).clip(0, picture[1])
    out[:, [1, 3]] = ((out[:, [1, 3]] - pad_y) / gain).clip(0, picture[0])
    out[:, 2:] -= out[:, :2]
    return np.column_stack([out, scores[kept], classes[kept]])


def corners(centers):
    half = centers[:, 2:] / np.float32(2)
    return np.hstack([centers[:, :2] - half, centers[:, :2] + half])


def yolov8_reference(raw, classes, size, picture):
    rows = raw[0].T
    rows = rows[rows[:, 4:].max(1) > np.float32(0.001)]
    i, j = np.where(rows[:, 4:] > np.float32(0.001))
    return detections(corners(rows[:, :4])[i], rows[i, 4 + j], j, 0.7, size, picture)


def yolov5_reference(raw, classes, size, picture):
    rows = raw[0][raw[0][:, 4] > np.float32(0.001)].copy()
    rows[:, 5:] *= rows[:, 4:5]
    i, j = np.where(rows[:, 5:] > np.float32(0.001))
    return detections(corners(rows[:, :4])[i], rows[i, 5 + j], j, 0.6, size, picture)


def yolox_reference(raw, classes, size, picture):
    """demo_postprocess and postprocess of YOLOX; the letterbox is in the middle, as without `preprocess`."""
    grids, strides = [], []
    for stride in (8, 16, 32):
        y, x = np.meshgrid(np.arange(size[0] // stride), np.arange(size[1] // stride), indexing="ij")
        grids.append(np.stack([x, y], 2).reshape(-1, 2))
        strides.append(np.full((len(grids[-1]), 1), stride))
    grids, strides = np.concatenate(grids), np.concatenate(strides)
    rows = raw[0].astype(float)
    rows[:, :2] = (rows[:, :2] + grids) * strides
    rows[:, 2:4] = np.exp(rows[:, 2:4]) * strides
    rows = rows.astype(np.float32)
    best = rows[:, 5:].argmax(1)
    scores = rows[:, 4] * rows[:, 5:].max(1)
    kept = scores > np.float32(0.01)
    return detections(corners(rows[kept, :4]), scores[kept], best[kept], 0.65, size, picture)


HEADS = {"yolov5": yolov5_reference, "yolov8": yolov8_reference, "yolox": yolox_reference}


def raw_head(rng, head, classes, size):
    """What a head could give: few likely boxes, many unlikely ones."""
    cells = sum((size[0] // s) * (size[1] // s) for s in (8, 16, 32))
    count = cells * (3 if head == "yolov5" else 1)
    centers = rng.uniform(0, 1, (count, 2)) * [size[1], size[0]]
    sides = rng.uniform(8, 90, (count, 2))
    if head == "yolox":
        centers, sides = rng.normal(0.5, 0.5, (count, 2)), rng.normal(0.5, 0.5, (count, 2))
    chances = rng.beta(0.05, 3, (count, classes))
    numbers = [centers, sides, *([] if head == "yolov8" else [rng.beta(0.1, 1, (count, 1))]), chances]
    rows = np.hstack(numbers).astype(np.float32)
    return (rows.T if head == "yolov8" else rows)[None]


def head_checks():
    for seed, (head, reference) in enumerate(HEADS.items()):
        for classes, size, picture in ((80, (160, 160), (117, 213)), (7, (96, 160), (480, 333))):
            raw = raw_head(np.random.default_rng(60 + seed), head, classes, size)

            def compare(ours, raw=raw, head=head, reference=reference, classes=classes, size=size, picture=picture):
                rows = reference(raw, classes, size, picture)
                found = np.array([[*each["box"], each["score"], each["class"]] for each in ours["found"]])
                yield "the head is recognised", int(ours["head"] == head), 1
                yield "boxes", len(found), len(rows)
                yield "there are boxes", int(len(rows) > 20), 1
                if found.shape == rows.shape:
                    # Float32 edges: a thousandth of a pixel is close.
                    yield "largest difference", np.abs(found - rows).max() / 1e3, 0

            entry = {
                "metric": "detect",
                "outputs": {"output0": {"shape": list(raw.shape), "values": as_list(raw.ravel())}},
                "size": size,
                "picture": {"width": picture[1], "height": picture[0]},
                "settings": {"head": None, "confidence": None, "iou": None, "mostFound": None, "ssd": {}},
                "classes": classes,
            }
            yield f"{head} decoded, {classes} classes, {size[0]} x {size[1]}", entry, compare


def ours_of(entries, built):
    result = subprocess.run(
        ["node", "oracles/dump-task-metrics.mjs", *built],
        cwd=ROOT,
        input=json.dumps(entries),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


def check_task_metrics(built=()):
    """Yields (name, problems) a check."""
    groups = (coco_checks, top_k_checks, spearman_checks, cosine_checks, perplexity_checks, suppress_checks, head_checks)
    checks = [check for group in groups for check in group()]
    for (name, _, compare), ours in zip(checks, ours_of([entry for _, entry, _ in checks], built), strict=True):
        rows = list(compare(ours))
        bad = [f"{key}: ours {a}, reference {b}" for key, a, b in rows if not close(a, b)]
        yield name, [*bad, *([] if rows else ["nothing was compared"])]


def close(ours, reference):
    return ours is not None and abs(ours - reference) <= LIMIT


def main():
    failures = 0
    for name, problems in check_task_metrics(sys.argv[1:]):
        print(f"ok    {name}" if not problems else f"FAIL  {name}: {'; '.join(problems[:5])}")
        failures += bool(problems)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

"""Pictures resized by Pillow equal ours bit for bit."""

import json
import random
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

RANDOM_PICTURES = 120
FIXTURES = 12


def random_picture(rng):
    width, height = rng.randint(1, 200), rng.randint(1, 200)
    kind = rng.choice(["noise", "black and white", "ramp"])
    if kind == "noise":
        data = rng.randbytes(width * height * 3)
    elif kind == "ramp":
        data = bytes((x * 255 // max(1, width * 3 - 1)) for _ in range(height) for x in range(width * 3))
    else:
        data = bytes(rng.choice((0, 255)) for _ in range(width * height * 3))
    return Image.frombytes("RGB", (width, height), data)


def pictures(root, rng):
    for path in sorted((root / "fixtures/pocket-vqa/val-lowlight").glob("*.jpg"))[:FIXTURES]:
        yield path.name, Image.open(path).convert("RGB")
    for index in range(RANDOM_PICTURES):
        yield f"random {index}", random_picture(rng)


def check_resizing(root):
    rng = random.Random(3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = []
        for label, picture in pictures(root, rng):
            size = (rng.randint(1, 260), rng.randint(1, 260))
            job = {
                "input": f"{len(jobs)}.rgb",
                "output": f"{len(jobs)}.out.rgb",
                "from": picture.size,
                "to": size,
                "filter": list(FILTERS)[len(jobs) % len(FILTERS)],
            }
            (folder / job["input"]).write_bytes(picture.tobytes())
            jobs.append((label, picture, job))
        (folder / "jobs.json").write_text(json.dumps([job for _, _, job in jobs]))
        subprocess.run(["node", "oracles/dump-resized.mjs", name], cwd=root, check=True)
        for label, picture, job in jobs:
            expected = picture.resize(job["to"], FILTERS[job["filter"]]).tobytes()
            found = (folder / job["output"]).read_bytes()
            wrong = sum(a != b for a, b in zip(expected, found)) + abs(len(expected) - len(found))
            if wrong > 0:
                yield (
                    f"{label} {job['from']} to {job['to']} by {job['filter']}: "
                    f"{wrong} of {len(expected)} bytes differ"
                )

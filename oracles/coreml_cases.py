"""Which Core ML packages are written in which forms for which targets."""

from dataclasses import dataclass
from pathlib import Path

from coreml_packages import PACKAGES

FORMS = [
    *("int8", "int8/tensor", "int8/32", "int8/asym", "int8/tensor/asym", "int8/16/asym"),
    *("int4", "int4/tensor", "int4/channel", "int4/16", "int4/asym", "int4/channel/asym"),
    *("palette1", "palette2", "palette3", "palette4", "palette6", "palette8"),
    *("palette2/g4", "palette4/g16", "palette4/g1", "palette3/g8", "palette6/g32"),
    *("palette4/g8x2", "palette2x4", "palette4/int8", "palette4/g16/int8", "palette4/scale"),
    *("sparse50+fp16", "sparse75+fp16", "sparse2:4+fp16", "sparse1:4+fp16", "sparse50/4+fp16"),
    *("sparse@0.05+fp16", "sparse50+int8", "sparse2:4+int8", "sparse50+int4/channel"),
    *("sparse50+int8/asym", "sparse50+palette4", "sparse75+palette4/g4", "sparse50+palette4/int8"),
    *("fp16", "fp32"),
]
"""Every kind of form; each is written from every package and for every target."""

TARGETS = {"none": None, **{f"ios{version}": f"coreml-ios{version}" for version in (16, 17, 18)}}

FEW = ["int8", "int4", "palette4/g16", "palette3", "sparse50+int8", "sparse50+palette4"]
PLAIN = ["int8", "int8/asym", "int8/tensor", "palette4", "palette6", "palette1", "sparse50+fp16", "sparse2:4+fp16"]

CI = [
    *(("layers-fp16-ios18", form, None) for form in FORMS),
    *(("layers-fp16-ios16", form, None) for form in PLAIN),
    *(("layers-fp32-ios15", form, None) for form in [*PLAIN, "fp16", "int4", "palette4/g16"]),
    *(
        ("layers-fp16-ios15", form, target)
        for form in FEW
        for target in ("coreml-ios16", "coreml-ios17", "coreml-ios18")
    ),
    *(("layers-fp32-ios17", form, "coreml-ios17") for form in ("int8", "int4", "palette6/g32", "fp16")),
    *((name, form, None) for name in ("special-fp16", "special-fp32") for form in [*FEW, "int8/asym", "int4/asym"]),
    *(
        (name, form, None)
        for name in ("shared-ios16", "shared-ios18", "same-blob")
        for form in ("int8", "palette4", "int4")
    ),
    *(
        (name, form, None)
        for name in ("functions", "states", "small", "branches-ios16")
        for form in ("int8", "palette4", "sparse50+int4")
    ),
    *((name, form, None) for name in ("compressed-ios16", "compressed-ios18") for form in ("int8", "palette4", "int4")),
    *((name, "decompress", None) for name in PACKAGES if name.startswith(("compressed", "layers-fp16-ios18"))),
]
"""What runs in CI: each form once, each package, each target."""

VERIFIED = [*FEW, "decompress", "mixed"]
"""Forms whose packages `mixbit verify` looks at too; more would take longer than it tells."""

MIXED = [
    ("*conv_weight", "int4"),
    ("*linear*weight", "int8"),
    ("*matmul*", "sparse50+palette4"),
    ("*embedding*", "palette6/g50"),
]
"""Weights of the `layers` packages and what each is to be; all others are fp16."""


@dataclass(frozen=True)
class Source:
    """A package that others are written from: one that is built here by its name, or one that is there."""

    name: str
    path: Path | None = None


@dataclass(frozen=True)
class Case:
    """One package that Mixbit writes."""

    source: str
    precision: str
    target: str | None

    @property
    def name(self):
        target = "" if self.target is None else f" for {self.target.removeprefix('coreml-')}"
        return f"coreml {self.source} {self.precision}{target}"

    @property
    def file(self):
        return f"{self.name.replace('/', '_').replace(' ', '-')}.mlpackage"

    @property
    def settings(self):
        """As `mixbit quantize` takes them from its command line; None for `mixbit convert --decompress`."""
        if self.precision == "decompress":
            return None
        target = {} if self.target is None else {"target": self.target}
        if self.precision != "mixed":
            return {"precision": self.precision, **target}
        layers = [{"pattern": pattern, "precision": precision} for pattern, precision in MIXED]
        return {"precision": "fp16", "layers": layers, **target}


def cases_of(source, targets):
    """The part for CI where no targets are named."""
    if targets is None:
        found = [Case(source.name, form, target) for name, form, target in CI if name == source.name]
        return [*found, Case(source.name, "mixed", None)] if source.name == "layers-fp16-ios17" else found
    found = [Case(source.name, "decompress", None)]
    if source.name.startswith("layers"):
        found.append(Case(source.name, "mixed", None))
    return found + [Case(source.name, form, TARGETS[target]) for form in FORMS for target in targets]

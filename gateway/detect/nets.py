"""Networks, loaded before the walls stand and run behind them: on one thread, so that the walls bind all of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gateway.detect.models import Model

Floats = NDArray[np.float32]

# A second thread would stand outside the walls, and its share of the sums would depend on the machine.
cv2.setNumThreads(1)
# A graphics processor would be reached through files, and sum in another order.
cv2.ocl.setUseOpenCL(False)


class Net:
    """One model. The same input gives the same answer on the same kind of processor."""

    def __init__(self, model: Model, *, freed: Sequence[str] = ()) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            of_any_size(model.read(), freed), options, providers=["CPUExecutionProvider"]
        )
        (self._input,) = (one.name for one in self._session.get_inputs())

    def run(self, levels: Floats) -> list[Floats]:
        """The network's outputs for one batch."""
        answer: list[Floats] = self._session.run(None, {self._input: np.ascontiguousarray(levels, np.float32)})
        return answer

    def note(self, name: str) -> str:
        """What the model says of itself under this name."""
        return str(self._session.get_modelmeta().custom_metadata_map[name])


def of_any_size(model: bytes, names: Sequence[str]) -> bytes:
    """The model with no sizes declared for these inputs and outputs.

    Whoever exported it declared the sizes it was traced with, and the engine insists on them. In the file a size is a
    field of its own (number 1, a varint); under a number that nobody knows, here 15, it is passed over.
    """
    for name in names:
        head = b"\n" + bytes([len(name)]) + name.encode() + b"\x12"
        at = model.rindex(head) + len(head)
        end = at + 1 + model[at]
        model = model[:at] + model[at:end].replace(b"\n\x02\x08", b"\n\x02\x78") + model[end:]
    return model

"""The gate over videos as the sandbox's child runs it: the gate, and its decoder loaded before the walls stand."""

from __future__ import annotations

import av
import av.video.codeccontext

from gateway.residue.task import pixels, verify

__all__ = ("pixels", "verify")
# Loaded when a decoder is first made, and behind the walls nothing can be loaded.
_PRELOADED = (av, av.video.codeccontext)

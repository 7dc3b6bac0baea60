"""What can go wrong around detection."""

from __future__ import annotations

from gateway.base.problems import Refused, Unprocessable


class DetectorMissing(Refused):
    """A policy asks for detection, and this gateway has no detector."""

    slug = "detector-missing"
    title = "Faces and text cannot be looked for here"


class DetectorUnclear(Unprocessable):
    """The detector's answer about a picture cannot be believed."""

    slug = "detector-unclear"
    title = "The detector's answer does not add up"


class NotLookedAt(Unprocessable):
    """A policy asks for detection, and no detector can look at this sort of original."""

    slug = "not-looked-at"
    title = "Detection does not reach this sort of original"

"""What the process says of itself, and of problems."""

from __future__ import annotations

from gateway.web.schemas.common import Out, example


class HealthOut(Out):
    """The process answers."""

    model_config = example(status="ok", version="0.1.0")
    status: str
    version: str


class ReadyOut(Out):
    """Everything a request needs is there: database, keys, log, store of encrypted bytes, sandbox."""

    model_config = example(status="ready", layers=["landlock", "rlimits", "seccomp"])
    status: str
    layers: list[str]


class ProblemPageOut(Out):
    """What a problem means and what to do; `status` is null where no HTTP answer carries it."""

    model_config = example(slug="busy", title="The database is busy", status=503, advice="Try again in a moment.")
    slug: str
    title: str
    status: int | None
    advice: str

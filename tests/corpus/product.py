"""Renders a file of the corpus as a worker would, without a server; and with the rebuild bypassed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from gateway.app import COLD_TASKS, SANDBOX_TASKS, built_in_formats
from gateway.formats.model import Content, Mark, Plan, Rebuilt
from gateway.formats.ports import NOTHING, Format
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome
from gateway.render.pipeline import Job, render
from gateway.sandbox.process import ProcessSandbox
from tests.corpus.formats import POLICIES
from tests.support.originals import Planted

LIBRARY = load_library()
RECIPIENTS = ("Baotou Rare Earth Supply Co.", "赣州千里磁材有限公司", "省商务厅", "Ningbo Haoci Magnetics")


@cache
def walls() -> ProcessSandbox:
    """One sandbox for all of the corpus."""
    return ProcessSandbox(SANDBOX_TASKS, cold=COLD_TASKS)


class PassingThrough:
    """A format whose rebuild hands out the original's own bytes and says that they are the rendition."""

    def __init__(self, form: Format, untrusted_original: bytes) -> None:
        self._form, self._original = form, untrusted_original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._form, name)

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        """What the format makes, with other bytes."""
        return replace(self._form.rebuild(content, plan, mark, secret), data=self._original)


def rendered(
    original: Planted, *, seed: int = 0, bypassed: bool = False, output: Mapping[str, str] = NOTHING
) -> Outcome:
    """What becomes of it for one recipient. `bypassed` leaves everything as it is but for the rebuild; `output` says in
    which form it leaves, where that is not what the policy says.
    """
    chance = random.Random(seed)
    policy = LIBRARY.policy(POLICIES[original.kind])
    form = form_of(original)
    job = Job(
        untrusted_original=original.data,
        media_type=_shown(form, original),
        file_name=original.file_name,
        form=PassingThrough(form, original.data) if bypassed else form,
        kind=LIBRARY.kind(original.kind),
        policy=replace(policy, output=policy.output.model_copy(update=output)),
        context=Context(_CONTEXT),
        on=date(2026, 3, 2),
        answers=original.answers,
        mark=Mark(chance.choice(RECIPIENTS), f"rel_{chance.randbytes(13).hex()}", "2026-03-02"),
        secret=chance.randbytes(32),
        statements=LIBRARY.statements,
    )
    return render(job, walls())


def form_of(original: Planted) -> Format:
    """The format that knows these bytes."""
    medium = LIBRARY.kind(original.kind).medium
    known = (
        one for one in built_in_formats() if one.name.partition("-")[0] == medium and one.sniff(original.data[:4096])
    )
    return next(known)


_CONTEXT: Mapping[str, str] = {"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}


def _shown(form: Format, original: Planted) -> str:
    media_type = form.sniff(original.data[:4096])
    assert media_type is not None
    return media_type

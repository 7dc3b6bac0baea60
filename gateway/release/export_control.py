"""Whether what an original is under lists of controlled goods lets it leave, to everyone in custody, today.

1. Under every regime that a gate names somebody classified the original, and the newest classification holds today.
2. Where its entry needs a licence, each recipient in custody has one that was given, holds today and names the regime,
   this very entry, the recipient's class and the country.
3. Whoever recorded what this rests on made something of the release and approves nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gateway.base.problems import Refused
from gateway.base.text import comparable
from gateway.matter.model import ExportControl
from gateway.policy.conditions import Context
from gateway.policy.gate_words import ExportControlGate
from gateway.render.model import Rendition


class ExportNotCleared(Refused):
    """An original was not classified under a list of controlled goods, or lacks a licence for a recipient."""

    slug = "export-not-cleared"
    title = "An original is not cleared for export"


def check_exportable(
    rendition: Rendition, gate: ExportControlGate, context: Context, recorded: ExportControl, today: date
) -> None:
    """Raise `ExportNotCleared` unless the rendition's original may leave under every regime of the gate."""
    about = {"rendition": rendition.id, "original": rendition.original}
    for regime in gate.regimes:
        answer = recorded.class_of(rendition.original, regime)
        if answer is None or not answer.lives(today):
            raise ExportNotCleared(
                f"An original was not classified under {regime}, or its classification does not hold today; record "
                "its entry with `gateway matter export-class`, or leave it out.",
                regime=regime,
                **about,
            )
        if comparable(answer.entry) in gate.free(regime):
            continue
        licences = [one for one in recorded.licences_under(regime) if one.lives(today)]
        for recipient, country in _custody(context):
            if not any(one.covers(answer.entry, recipient, country) for one in licences):
                raise ExportNotCleared(
                    f"An original is controlled under {regime}, and no licence that holds today covers it for a "
                    f"recipient of class {recipient or 'unknown'} in {country or 'an unknown country'}; record one "
                    "with `gateway matter licence`, or leave the original out.",
                    regime=regime,
                    **about,
                )


def recorders(original: str, recorded: ExportControl) -> Iterator[str]:
    """Who said what the original is, and who recorded the licences of the regimes under which somebody said it."""
    regimes = {one.regime for one in recorded.classes if one.original == original}
    for regime in sorted(regimes):
        newest = recorded.class_of(original, regime)
        yield from (one.recorded_by for one in (newest, *recorded.licences_under(regime)) if one)


def _custody(context: Context) -> tuple[tuple[str, str], ...]:
    """Class and country of everyone through whose hands the release passes; what is not known, no licence covers."""
    views = context.views()
    return tuple(
        dict.fromkeys(
            (str(view.get("recipient.class", "")), str(view.get("recipient.jurisdiction", ""))) for view in views
        )
    )

"""What must hold on the day a release is submitted, approved and dispatched, beyond what held when it was rendered.

1. Every consent that a rendition rests on still holds, and since it was rendered nobody refused or took one back.
2. Where personal data leaves, an assessment of it holds for every class of recipients in custody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from gateway.matter.model import Clearance, ClearanceSort, ClearanceState
from gateway.policy.clearing import AssessmentMissing, ConsentMissing, classes_of
from gateway.policy.conditions import Context
from gateway.policy.gate_words import PersonalDataGate
from gateway.render.model import Rendition


def check_consents(rendition: Rendition, context: Context, clearances: Sequence[Clearance], today: date) -> None:
    """Raise `ConsentMissing` unless what the rendition rests on still holds."""
    by_id = {one.id: one for one in clearances if one.sort is ClearanceSort.CONSENT}
    ended = sum(one not in by_id or not by_id[one].lives(today) for one in rendition.consents)
    if ended:
        raise ConsentMissing(
            f"{ended} consents that a rendition rests on have ended; record new ones and render it again.",
            rendition=rendition.id,
        )
    recipients = classes_of(context)
    for one in by_id.values():
        later = one.state is not ClearanceState.GIVEN and one.recorded_at >= rendition.created_at
        if later and one.recipient_class.value in recipients:
            raise ConsentMissing(
                "A third party refused or withdrew its consent after a rendition was asked for; render it again.",
                rendition=rendition.id,
            )


def check_assessed(
    rendition: Rendition, gate: PersonalDataGate, context: Context, clearances: Sequence[Clearance], today: date
) -> None:
    """Raise `AssessmentMissing` unless every class of data that leaves was assessed for everyone in custody."""
    leaving = set(gate.classes) if gate.always else set(gate.classes) & set(rendition.classes)
    for recipient in classes_of(context):
        newest: dict[str, Clearance] = {}
        for one in clearances:
            if one.sort is ClearanceSort.ASSESSMENT and one.recipient_class.value == recipient:
                newest.update(dict.fromkeys(one.about, one))
        lacking = sorted(name for name in leaving if name not in newest or not newest[name].lives(today))
        if lacking:
            raise AssessmentMissing(
                f"That {', '.join(lacking)} data leaves to a recipient of class {recipient or 'unknown'} was not "
                "assessed, or the assessment has ended; have the privacy role record one.",
                rendition=rendition.id,
                classes=lacking,
            )

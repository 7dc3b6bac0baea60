"""The choreography, without database or network: the same for a worker's job and for a rehearsal.

1. The format reads the original inside the sandbox.
2. The survey names every field; the kind's synonyms give columns their canonical names.
3. The policy decides every field. Open questions end here: `waiting`.
4. The format rebuilds what the plan names, marked for its recipient.
5. What the policy requires must be present in the rebuilt bytes' source; if not, refused.
6. The gate re-reads the result with other parsers and searches every withheld value. A finding ends in `blocked`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gateway.base.problems import Refused, Unprocessable, Usage
from gateway.formats.model import Content, Element, Field, Mark, Picture, Rebuilt, Table, applied
from gateway.formats.ports import Format
from gateway.policy.decide import Answers, Context, Decisions, decide, name_fields
from gateway.policy.model import KindSchema, Policy
from gateway.render.model import Outcome, State
from gateway.render.withheld import withheld_set
from gateway.residue import gate
from gateway.residue.model import Expectation, PictureExpectation, TableExpectation
from gateway.sandbox.ports import Sandbox


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one rendition is made from. `secret` (32 bytes) keys pseudonyms and row order of this release."""

    untrusted_original: bytes
    media_type: str
    file_name: str | None
    form: Format
    kind: KindSchema
    policy: Policy
    library_digest: str
    attributes: Mapping[str, str | int]
    on: date
    answers: Answers
    mark: Mark
    secret: bytes


class RequiredMissing(Refused):
    """Over-redaction: something the policy requires is not in the original or not in the rendition."""

    slug = "required-missing"
    title = "Something the authority needs would be missing"


def render(job: Job, sandbox: Sandbox) -> Outcome:
    """Carry out the choreography. Refusals of content and policy become outcomes; a broken environment raises."""
    try:
        return _render(job, sandbox)
    except (Unprocessable, Refused, Usage) as problem:
        return Outcome(State.REFUSED, reason=problem.detail)


def _render(job: Job, sandbox: Sandbox) -> Outcome:
    content = job.form.read(job.untrusted_original, job.media_type, sandbox)
    fields = name_fields(job.kind, job.form.survey(content))
    decisions = decide(
        job.policy,
        job.kind,
        fields,
        Context(job.attributes),
        job.answers,
        on=job.on,
        library_digest=job.library_digest,
    )
    if decisions.asks:
        return Outcome(State.WAITING, reason=decisions.asks[0].question, decisions=decisions)
    if decisions.missing:
        raise RequiredMissing(f"The policy requires {decisions.missing[0]}, which the original does not show.")
    _check_required(job.form, content, fields, decisions)
    rebuilt = job.form.rebuild(content, decisions.plan(), job.mark, job.secret)
    withheld = withheld_set(
        form=job.form,
        content=content,
        fields=fields,
        decisions=decisions,
        mark=job.mark,
        file_name=job.file_name,
    )
    report = gate.check(rebuilt.data, _expectation(content, rebuilt, job.mark), withheld)
    if not report.passed:
        return Outcome(
            State.BLOCKED,
            reason="The verification found something in the rendition that must not be there; see its report.",
            decisions=decisions,
            report=report,
        )
    return Outcome(State.CLEAN, decisions=decisions, rebuilt=rebuilt, report=report, withheld=withheld)


def _check_required(form: Format, content: Content, fields: tuple[Field, ...], decisions: Decisions) -> None:
    """A required column must carry a value wherever its rule applies at least once."""
    if not isinstance(content, Table):
        return
    columns = {f.name: form.values(content, f) for f in fields if f.element is Element.COLUMN and f.name}
    for order in decisions.plan().instructions:
        if order.name not in decisions.required:
            continue
        shown = any(
            (case := applied(order.cases, {name: column[i] for name, column in columns.items()})) is not None
            and not case.withholds
            and cell.strip()
            for i, cell in enumerate(columns.get(order.name, ()))
        )
        if not shown:
            raise RequiredMissing(f"The policy requires {order.title}, and no row of the original shows it.")


def _expectation(content: Content, rebuilt: Rebuilt, mark: Mark) -> Expectation:
    if isinstance(content, Picture):
        if rebuilt.size_px is None:
            raise ValueError("a picture was rebuilt without a size")
        return PictureExpectation(
            media_type=rebuilt.media_type,
            size_px=rebuilt.size_px,
            boxes=tuple((b.left_px, b.top_px, b.width_px, b.height_px) for b in rebuilt.boxes),
            mark_text=mark.text,
        )
    return TableExpectation(headers=rebuilt.headers, mark_text=mark.text, rows=content.row_count)

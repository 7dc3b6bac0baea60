"""The choreography, without database or network: the same for a worker's job and for a rehearsal.

1. The format reads the original inside the sandbox, within one budget for all of it. Which sheet of a workbook
   is meant, or which frame of a picture, may be an open question.
2. The survey names every field; the kind's synonyms and the person's answers give columns their canonical names.
   Where the policy requires it, a detector suggests regions, which a person must confirm.
3. The policy decides every field, and its gates say what else must be known. Open questions end here: `waiting`.
4. What the policy requires to be present is there, who is named consented to it, and no row that leaves touches a
   defence end use, where gates ask for that; or the rendition is refused. Rows of who refused may be withheld instead.
5. The format rebuilds what the plan names, marked for its recipient; a picture has its plan's size and boxes, a
   document its plan's pages with boxes over whatever is withheld on them, a workbook or a drawing's sheet a notice of
   what it lacks.
6. A table that the policy sets limits for is held against them: what it tells together, beside what each cell shows.
   A limit that does not hold ends in `blocked`.
7. The gate, in a sandbox of its own, re-reads the result with other parsers and searches every withheld value, also in
   the letters of its pixels where the policy requires it. A finding ends in `blocked`, no answer in time in `refused`;
   letters that nearly say something withheld wait for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

from gateway.base.problems import CheckFailed, Refused, TooLarge, Unprocessable, Usage
from gateway.base.progress import Gauge, Stage
from gateway.detect.model import Detector
from gateway.formats import write_docx
from gateway.formats.film import cut_of
from gateway.formats.model import (
    Box,
    Content,
    Cut,
    Drawing,
    Element,
    Field,
    Mark,
    Pages,
    Picture,
    Plan,
    Rebuilt,
    Structured,
    Table,
    Video,
)
from gateway.formats.ports import Format
from gateway.formats.problems import FrameUnclear, SheetUnclear
from gateway.formats.table import groups_of
from gateway.intake.commitments import Opening
from gateway.policy.answers import Answers
from gateway.policy.clearing import Consent
from gateway.policy.conditions import Context
from gateway.policy.decide import answered_fields, asking_for, decide
from gateway.policy.decisions import Decisions
from gateway.policy.gates import gated
from gateway.policy.kinds import Kind
from gateway.policy.nexus import require_no_nexus
from gateway.policy.policy import Policy
from gateway.policy.presence import require_shown
from gateway.policy.problems import AnswersInvalid, Unanswered
from gateway.policy.remembered import Remembered, header_key
from gateway.policy.statements import StatementFile
from gateway.policy.tally import tally
from gateway.render.consents import relied, without_refusers
from gateway.render.counted import counted
from gateway.render.coverage import require_covered, require_pages_covered, require_sheet_covered
from gateway.render.figures import figures
from gateway.render.film import film_lines, require_film_covered
from gateway.render.legible import confirming, read_pixels
from gateway.render.margin import margin_lines, originals
from gateway.render.model import Assessment, Outcome, State
from gateway.render.notice import Language, drawing_notice, notice, own_words
from gateway.render.ports import Assessor
from gateway.render.proofs import fitting, table_proof
from gateway.render.suggestions import suggestions
from gateway.render.withheld import cells_of, withheld_lines, withheld_set
from gateway.residue import walled
from gateway.residue.model import (
    DocumentExpectation,
    Expectation,
    PictureExpectation,
    Rectangle,
    Report,
    RetypedExpectation,
    StructuredExpectation,
    TableExpectation,
    VideoExpectation,
    WithheldSet,
)
from gateway.residue.ports import Reader
from gateway.sandbox.budget import Budgeted
from gateway.sandbox.ports import Sandbox

# Of a table with more questions than that, the answers to the first can be remembered.
_HEADERS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one rendition is made from. `secret` (32 bytes) keys pseudonyms and row order of this release,
    `fingerprint` (32 bytes) is the seed of this copy's hidden mark.

    `remembered` is what was said of headers before and may speak under this policy.
    """

    untrusted_original: bytes
    media_type: str
    file_name: str | None
    form: Format
    kind: Kind
    policy: Policy
    context: Context
    on: date
    answers: Answers
    mark: Mark
    secret: bytes
    language: Language = "en"
    detector: Detector | None = None
    reader: Reader | None = None
    statements: tuple[StatementFile, ...] = ()
    consents: tuple[Consent, ...] | None = None
    assessor: Assessor | None = None
    opening: Opening | None = None
    fingerprint: bytes | None = None
    remembered: tuple[Remembered, ...] = ()

    def decided(self, surveyed: tuple[Field, ...], detector: str | None = None) -> Decisions:
        """What the policy makes of these fields. Raises as `decide`."""
        return decide(
            self.policy,
            self.kind,
            surveyed,
            self.context,
            self.answers,
            on=self.on,
            detector=detector,
            remembered=self.remembered,
        )


class NotAssessed(Refused):
    """The policy sets limits on risk, and they cannot be checked."""

    slug = "risk-not-assessed"
    title = "The risk of the rendition cannot be assessed"


class FingerprintMissing(Refused):
    """The policy requires a fingerprint that the format cannot carry."""

    slug = "fingerprint-missing"
    title = "The rendition cannot carry its fingerprint"


def render(job: Job, sandbox: Sandbox, gauge: Gauge | None = None) -> Outcome:
    """Carry out the choreography. Refusals of content and policy become outcomes; a broken environment raises."""
    try:
        return _render(job, sandbox, gauge or Gauge())
    except (Unprocessable, TooLarge, Refused, Usage, CheckFailed) as problem:
        return Outcome(State.REFUSED, reason=problem.detail)


def _render(job: Job, sandbox: Sandbox, gauge: Gauge) -> Outcome:
    steps = gauge.begin(Stage.READING)
    try:
        content = job.form.read(job.untrusted_original, job.media_type, Budgeted(sandbox), job.answers.declared, steps)
    except (SheetUnclear, FrameUnclear) as unclear:
        question, what = unclear.detail, "sheet" if isinstance(unclear, SheetUnclear) else "frame"
        asking = asking_for(what, job.policy, job.kind, job.context, job.answers, question, on=job.on)
        return Outcome(State.WAITING, reason=question, decisions=asking)
    _require_rows(content, job.answers)
    surveyed = job.form.survey(content)
    seed = _seed_for(job, content)
    detector, surveyed = _suggested(job, content, surveyed, gauge)
    decisions = gated(job.policy, job.statements, surveyed, job.decided(surveyed, detector), job.answers)
    if decisions.asks:
        asked = _asked(surveyed, decisions)
        return Outcome(State.WAITING, reason=decisions.asks[0].question, decisions=decisions, headers=asked)
    decisions.require_present()
    fields = answered_fields(job.kind, surveyed, job.answers, job.remembered)
    decisions = without_refusers(job.policy, job.consents, job.context, content, fields, decisions)
    consents = relied(job.policy, job.consents, job.context, content, fields, decisions)
    plan = replace(decisions.plan(), fingerprint=seed)
    cells = cells_of(content, fields) if isinstance(content, Table | Structured) else None
    require_no_nexus(job.policy, decisions, cells)
    groups = groups_of(content, plan, job.secret) if isinstance(content, Table) else None
    counts = tally(decisions, cells)
    # How many rows there were would say how many the groups that do not leave have.
    index = tuple(withheld_lines(decisions, dict.fromkeys(counts, groups.count) if groups else counts))
    if cells is not None:
        require_shown(decisions, cells, groups.leaving if groups else None)
    opening = None
    rows = groups.count if groups else content.row_count if isinstance(content, Table) else 0
    if isinstance(content, Table):
        told = notice(job.kind, index, job.mark, rows, job.language)
        opening = fitting(job.opening, content, groups)
        order = opening.order if opening else None
        plan = replace(plan, notice=told, assessed=job.policy.risk is not None, order=order)
    if isinstance(content, Drawing):
        plan = replace(plan, notice=drawing_notice(job.kind, index, job.mark, job.language))
    taken = counted(content, plan, gauge.begin(Stage.REBUILDING))
    rebuilt = job.form.rebuild(taken, plan, job.mark, job.secret)
    _require_followed(content, plan, rebuilt)
    risk = _assessed(job, content, fields, plan, rebuilt)
    if risk is not None and not risk.holds:
        return Outcome(State.BLOCKED, reason=risk.reason, decisions=decisions, risk=risk)
    if seed is not None and rebuilt.traced is None:
        raise FingerprintMissing("The rendition was made without the fingerprint that the policy requires; ask again.")
    rebuilt = replace(rebuilt, released=None)
    index = (*index, *film_lines(content, rebuilt, decisions.fallback))
    index = (*index, *margin_lines(content, plan, rebuilt, decisions.fallback))
    withheld = withheld_set(
        form=job.form,
        content=content,
        fields=fields,
        decisions=decisions,
        mark=job.mark,
        file_name=job.file_name,
        own_words=own_words(plan.notice),
        terms=job.answers.terms,
        groups=groups,
    )
    gauge.begin(Stage.VERIFYING)
    report = _verified(job, sandbox, content, plan, rebuilt, withheld, rows)
    if not report.clean:
        return Outcome(
            State.BLOCKED,
            reason="The verification found something in the rendition that must not be there; see its report.",
            decisions=decisions,
            report=report,
        )
    report, ask = confirming(report, job.answers, content, plan, rebuilt, decisions)
    if ask is not None:
        return Outcome(State.WAITING, reason=ask.question, decisions=replace(decisions, asks=(ask,)))
    return Outcome(
        State.CLEAN,
        decisions=decisions,
        rebuilt=rebuilt,
        report=report,
        withheld=withheld,
        index=index,
        consents=consents,
        risk=risk,
        proof=table_proof(opening, content, plan, rebuilt) if isinstance(content, Table) else None,
    )


def _assessed(job: Job, content: Content, fields: tuple[Field, ...], plan: Plan, rebuilt: Rebuilt) -> Assessment | None:
    """What the rendition tells, where the policy sets limits for that. Raises `NotAssessed` where nobody can say."""
    if job.policy.risk is None:
        return None
    if job.assessor is None or not isinstance(content, Table):
        raise NotAssessed("The policy sets limits on risk, which hold for tables alone; send the original as a table.")
    return job.assessor(job.policy.risk, content, fields, plan, rebuilt)


def _seed_for(job: Job, content: Content) -> bytes | None:
    """The seed of the fingerprint, where the policy requires one. Raises `FingerprintMissing` where none is carried."""
    if job.policy.output.fingerprint != "required":
        return None
    if not isinstance(content, Picture):
        raise FingerprintMissing(
            "The policy requires a hidden fingerprint, which only pictures carry; choose a policy without, or convert "
            "the original to a picture."
        )
    if job.fingerprint is None:
        raise FingerprintMissing(
            "The policy requires a hidden fingerprint, and this gateway has no key for it; ask again."
        )
    return job.fingerprint


def _suggested(
    job: Job, content: Content, surveyed: tuple[Field, ...], gauge: Gauge
) -> tuple[str | None, tuple[Field, ...]]:
    """The detector's version, and the fields with those that it suggests, where the policy requires one."""
    if job.policy.defaults.detection != "required":
        return None, surveyed
    detector, found = suggestions(content, job.detector, _leaving(job, content, surveyed), gauge.begin(Stage.DETECTING))
    return detector, (*surveyed, *found)


def _asked(surveyed: tuple[Field, ...], decisions: Decisions) -> dict[str, str]:
    """What the headers of columns that are asked for may be remembered under, by their ids."""
    asked = {ask.field_id for ask in decisions.asks}
    keys = ((field.id, header_key(field.label)) for field in surveyed if field.id in asked)
    return dict(islice(((field_id, key) for field_id, key in keys if key), _HEADERS_KEPT))


def _require_rows(content: Content, answers: Answers) -> None:
    """Raise `AnswersInvalid` where a row is to be withheld that is not there: it would be thought gone."""
    if isinstance(content, Table) and answers.last_row > content.row_count + 1:
        raise AnswersInvalid(
            f"The table has no row {answers.last_row}; its last is row {content.row_count + 1}, the header being row 1."
        )


def _leaving(job: Job, content: Content, surveyed: tuple[Field, ...]) -> Cut | None:
    """What of a video would leave; None while nobody drew the work area, which is then asked for."""
    if not isinstance(content, Video):
        return None
    try:
        return cut_of(content, job.decided(surveyed).plan())
    except Unanswered:
        return None


def _verified(
    job: Job, sandbox: Sandbox, content: Content, plan: Plan, rebuilt: Rebuilt, withheld: WithheldSet, rows: int
) -> Report:
    expected = _expectation(content, plan, rebuilt, job.mark)
    if isinstance(expected, TableExpectation):
        expected = replace(expected, rows=rows)
    expected, reference = _held_against(content, plan, rebuilt, expected)
    report = walled.check(sandbox, rebuilt.data, expected, withheld, reference)
    if report.clean and job.policy.defaults.reads:
        return read_pixels(sandbox, job.reader, rebuilt, expected, withheld, report)
    return report


def _require_followed(content: Content, plan: Plan, rebuilt: Rebuilt) -> None:
    """Raise `NotCovered` where the rebuild shows more than its plan, as far as that can be told without the pixels."""
    match content:
        case Picture():
            require_covered(plan, content, rebuilt)
        case Pages():
            require_pages_covered(plan, content, rebuilt)
        case Video():
            require_film_covered(plan, content, rebuilt)
        case Drawing():
            require_sheet_covered(plan, rebuilt)


def _expectation(content: Content, plan: Plan, rebuilt: Rebuilt, mark: Mark) -> Expectation:
    if isinstance(content, Picture) or (isinstance(content, Drawing) and not rebuilt.pages):
        if rebuilt.size_px is None:
            raise ValueError("a picture was rebuilt without a size")
        return PictureExpectation(
            media_type=rebuilt.media_type,
            size_px=rebuilt.size_px,
            boxes=tuple(_rectangle(box) for box in rebuilt.boxes),
            mark_text=mark.text,
            seed=plan.fingerprint.hex() if plan.fingerprint else "",
        )
    if isinstance(content, Pages) and rebuilt.media_type == write_docx.MEDIA_TYPE:
        return RetypedExpectation(mark.text)
    if isinstance(content, Pages | Drawing):
        return DocumentExpectation(
            sizes_px=tuple(page.size_px for page in rebuilt.pages),
            boxes=tuple(tuple(_rectangle(box) for box in page.boxes) for page in rebuilt.pages),
            mark_text=mark.text,
        )
    if isinstance(content, Video):
        return _film_expectation(content, rebuilt, mark)
    fields = {one.title: one.field_id for one in plan.instructions if one.element is Element.COLUMN}
    if isinstance(content, Structured):
        ids = tuple(fields[title] for title in rebuilt.headers)
        return StructuredExpectation(
            media_type=rebuilt.media_type,
            titles=rebuilt.headers,
            fields=ids,
            counts=tuple(content.column(one).len() for one in ids),
            mark_text=mark.text,
        )
    if not isinstance(content, Table):
        raise TypeError("there is no expectation for this sort of content")
    return TableExpectation(
        headers=rebuilt.headers,
        fields=tuple(fields[title] for title in rebuilt.headers[:-1]),
        mark_text=mark.text,
        rows=content.row_count,
        media_type=rebuilt.media_type,
        sheets=(plan.notice.sheet, plan.notice.name),
        notice=tuple(cells for _, cells in plan.notice.rows()),
    )


def _held_against(content: Content, plan: Plan, rebuilt: Rebuilt, expected: Expectation) -> tuple[Expectation, bytes]:
    """What is expected, and the pixels of the original that must be seen again where they must."""
    if isinstance(content, Pages) and isinstance(expected, RetypedExpectation):
        pictures, pixels = figures(content, plan, rebuilt)
        return replace(expected, pictures=pictures), pixels
    if isinstance(content, Pages) and isinstance(expected, DocumentExpectation) and plan.margin:
        sizes_px, pixels = originals(content, rebuilt)
        return replace(expected, originals_px=sizes_px), pixels
    return expected, rebuilt.traced.plain if rebuilt.traced else b""


def _film_expectation(video: Video, rebuilt: Rebuilt, mark: Mark) -> VideoExpectation:
    if rebuilt.film is None:
        raise ValueError("a video was rebuilt without saying what it shows")
    cut = rebuilt.film.cut
    shots = tuple((shot.first, shot.last, *_rectangle(shot.box)) for shot in rebuilt.film.shots)
    return VideoExpectation(cut.size_px, cut.fps, cut.count, video.matrix, shots, mark.text)


def _rectangle(box: Box) -> Rectangle:
    return box.left_px, box.top_px, box.width_px, box.height_px

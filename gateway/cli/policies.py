"""`policy lint|fmt|test|prove|matrix|plan|explain|schema|show`, for those who write and read policies, offline."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import built_in_formats, kinds_of, sandbox
from gateway.base.canon import Json
from gateway.base.files import replace_file
from gateway.base.problems import CheckFailed, Usage
from gateway.base.text import counted
from gateway.cli import bundles
from gateway.cli.environment import json_file, offline_settings
from gateway.cli.output import AsJson, show
from gateway.cli.rehearse import answers_in, chosen_policy
from gateway.formats.model import Content, Cut, Element, Mark, Pages, Picture, Plan, Structured, Table, Video
from gateway.formats.ports import Format
from gateway.intake import rules
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context, parse_context
from gateway.policy.decide import decide
from gateway.policy.difference import changes, edits
from gateway.policy.effect import Effect, effect
from gateway.policy.explain import explain
from gateway.policy.gate_words import dropped
from gateway.policy.layout import formatted
from gateway.policy.lint import Level, lint
from gateway.policy.load import Library, load_library, load_policy_file, packs_dir
from gateway.policy.matrix import matrix
from gateway.policy.policy import Policy
from gateway.policy.prove import parse_never, prove, unknown_names
from gateway.policy.schema import json_schema
from gateway.policy.strict_yaml import parse_document
from gateway.policy.testing import Specimen, run_tests
from gateway.residue.archive import loose_members
from gateway.sandbox.ports import Sandbox
from gateway.settings import Settings

app = typer.Typer(help="Policies: what may leave, in what form, and why.", no_args_is_help=True)
app.add_typer(bundles.app, name="bundle")

PolicyName = Annotated[str, typer.Option("--policy", help="A policy's id, or the path of a policy file.")]

_TEST_DAY = "2026-01-31"
_MARK = Mark("Test", "no release", _TEST_DAY, rehearsal=True)


class PoliciesUnsound(CheckFailed):
    """Lint found errors."""

    slug = "policies-unsound"
    title = "A policy has errors"


class ClaimNotTrue(CheckFailed):
    """Something leaves of which it was claimed that it never does."""

    slug = "claim-not-true"
    title = "A claim about a policy is not true"


class NotLaidOut(CheckFailed):
    """A policy file is not in the one layout."""

    slug = "not-laid-out"
    title = "A policy file is not laid out"


class PolicyTestsFailed(CheckFailed):
    """Policy tests failed, or rules are not covered."""

    slug = "policy-tests-failed"
    title = "Policy tests failed"


@app.command("lint")
def lint_policies(
    policy: Annotated[str | None, typer.Argument(help="An id or a file; all policies when not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Dead, shadowed, incomparable or lapsed rules, missing grounds, gaps. Exit 1 on an error."""
    library = load_library(offline_settings().policies_dir)
    findings = [
        {
            "policy": one.ref,
            "level": found.level.value,
            "code": found.code,
            "rule": found.rule,
            "sentence": found.sentence,
        }
        for one in _policies(policy, library)
        for found in lint(one, library, on=_today())
    ]
    lines = [f"{one['level']}: {one['policy']}: {one['sentence']}" for one in findings] or ["No findings."]
    show(findings, as_json=as_json, lines=lines)
    errors = sum(one["level"] == Level.ERROR.value for one in findings)
    if errors:
        raise PoliciesUnsound(f"Lint found {counted(errors, 'error')}; correct them before use.")


@app.command("test")
def run_policy_tests(
    path: Annotated[
        Path | None, typer.Argument(help="A test file or a folder of them; the packs when not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run `*.test.yaml` beside policies: decide, render, search what was rendered. Exit 1 on failure."""
    settings = offline_settings()
    library = load_library(settings.policies_dir)
    intakes = kinds_of(library, built_in_formats(), settings)

    walls = sandbox(settings)

    def rendered(specimen: Specimen, plan: Plan) -> bytes:
        form = intakes[specimen.kind.name].formats[0]
        data = _rebuilt(form, specimen, plan)
        if specimen.pages or specimen.drawing:
            return _text_layer(data, walls)
        return b"\n".join((data, *loose_members(data)))

    report = run_tests(path or settings.policies_dir or packs_dir(), library, rendered)
    told = {
        "passed": report.passed,
        "tests": [{"policy": r.policy, "name": r.name, "failures": list(r.failures)} for r in report.results],
        "coverage_percent": {one.policy: one.percent for one in report.coverage},
        "gaps": list(report.gaps),
    }
    show(told, as_json=as_json, lines=report.sentences())
    if not report.passed:
        raise PolicyTestsFailed("Policy tests failed or leave rules uncovered; see the report.")


@app.command("prove")
def prove_claim(
    claim: Annotated[str, typer.Argument(help="What never leaves: `field=passport.no to recipient.class=authority`.")],
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="An id or a file; every policy that knows what is meant if not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove over all contexts that something never leaves, or show a case in which it does. Exit 1 where it does.

    Words: field=, region=, class= (`*` in a field's name is anything), `as-is`; behind `to` attributes as in `when`.
    """
    never, library = parse_never(claim), load_library(offline_settings().policies_dir)
    proofs, missing = [], set[str]()
    for one in _policies(policy, library):
        kinds = [library.kind(name) for name in one.kinds]
        unknown = unknown_names(never, kinds)
        missing |= set(unknown)
        if kinds and not unknown:
            proofs.append(prove(one, kinds, never))
    if not proofs:
        raise Usage(
            f"No kind of these policies has {', '.join(sorted(missing)) or 'anything of this'}; correct the claim."
        )
    told = [
        {
            "policy": one.policy,
            "claim": one.claim,
            "proved": one.proved,
            "applies": one.applies,
            "counterexamples": [example.to_json() for example in one.counterexamples],
        }
        for one in proofs
    ]
    show(told, as_json=as_json, lines=[line for one in proofs for line in one.sentences()])
    if not all(one.proved for one in proofs):
        raise ClaimNotTrue("The claim is not true; see the cases in which it leaves.")


@app.command("matrix")
def show_matrix(
    policy: Annotated[str | None, typer.Argument(help="An id or a file; all policies when not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every field beside every class of recipient: in which forms it can leave at all, or never."""
    library = load_library(offline_settings().policies_dir)
    told: list[Json] = []
    lines: list[str] = []
    for one in _policies(policy, library):
        rows = [row for name in one.kinds for row in matrix(one, library.kind(name))]
        told.append({"policy": one.ref, "rows": [row.to_json() for row in rows]})
        lines += [one.ref, *(f"  {line}" for row in rows for line in row.sentences())]
    show(told, as_json=as_json, lines=lines)


@app.command("plan")
def plan_change(
    old: Annotated[str, typer.Option("--from", help="The policy as it is: an id, id@version or a file.")],
    new: Annotated[str, typer.Option("--to", help="The policy as it would be.")],
    original: Annotated[
        Path | None, typer.Argument(help="An original on this machine, to see its cells change.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="What the original is.")] = None,
    context: Annotated[list[str] | None, typer.Option("--context", help="attribute=value, repeatable.")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="A JSON file of answers.")] = None,
    as_json: AsJson = False,
) -> None:
    """What a change of policy lets leave or withholds: over all contexts, and exactly which cells of an original."""
    library = load_library(offline_settings().policies_dir)
    was, now = chosen_policy(old, library), chosen_policy(new, library)
    found = changes(was, now, [library.kind(name) for name in sorted({*was.kinds, *now.kinds})])
    edited = edits(was, now)
    lines = [str(one) for one in (*found, *edited)] or [f"Nothing that leaves changes from {was.ref} to {now.ref}."]
    if any(one.direction.loosens for one in found):
        lines.append("It lets something leave that did not, or not in this form: legal reviewers must approve it.")
    elif any(one.direction.loosens for one in edited):
        lines.append("It may let something leave that did not: legal reviewers must approve it.")
    gone = dropped(was.gates, now.gates)
    if gone:
        lines.append(f"It drops or narrows gates ({', '.join(gone)}): legal reviewers must approve it.")
    told: dict[str, Json] = {
        "from": was.ref,
        "to": now.ref,
        "changes": [one.to_json() for one in found],
        "edits": [one.to_json() for one in edited],
        "gates_dropped": list(gone),
    }
    if original is not None:
        if kind is None:
            raise Usage("Say with --kind what the original is.")
        done = _effect_on(original, kind, (was, now), parse_context(context or ()), answers_in(answers))
        told["cells"] = [one.to_json() for one in done.cells]
        told["others"] = {sort: one.to_json() for sort, one in done.others.items()}
        lines += [
            *map(str, done.cells),
            *(f"{one.otherwise} × {sort} would be decided otherwise" for sort, one in done.others.items()),
        ]
        lines.append(
            f"{original.name}: {counted(len(done.cells), 'cell')} would change; in all "
            f"{counted(done.released, 'thing')} would leave that did not, {done.withheld} would no longer leave."
        )
    show(told, as_json=as_json, lines=lines)


def _effect_on(
    original: Path, kind: str, policies: tuple[Policy, Policy], context: Context, answers: Answers
) -> Effect:
    settings = offline_settings()
    library = load_library(settings.policies_dir)
    what = library.kind(kind)
    form, content = _read(original, library, kind, settings)
    fields = form.survey(content)
    was, now = (decide(one, what, fields, context, answers, on=_today()) for one in policies)
    return effect(was, now, content, secrets.token_bytes(32))


@app.command("explain")
def explain_field(
    original: Annotated[Path, typer.Argument(help="An original on this machine.")],
    field: Annotated[str, typer.Option("--field", help="A field id such as column/4, or a canonical name.")],
    kind: Annotated[str, typer.Option("--kind", help="What the original is.")],
    policy: PolicyName,
    context: Annotated[list[str] | None, typer.Option("--context", help="attribute=value, repeatable.")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="A JSON file of answers.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every candidate rule for one field, why it matched or not, and what won."""
    settings = offline_settings()
    library = load_library(settings.policies_dir)
    form, content = _read(original, library, kind, settings)
    reasoning = explain(
        chosen_policy(policy, library),
        library.kind(kind),
        form.survey(content),
        parse_context(context or ()),
        answers_in(answers),
        field=field,
        on=_today(),
    )
    show(reasoning.to_json(), as_json=as_json, lines=reasoning.sentences)


@app.command("fmt")
def lay_out(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Policy files or folders of them; the policies in use when not given.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 where something would change.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put policy files into the one layout. Meaning, comments and the order of keys stay as they are."""
    roots = paths or [offline_settings().policies_dir or packs_dir()]
    files = [file for root in roots for file in (sorted(root.rglob("*.yaml")) if root.is_dir() else [root])]
    changed = []
    for file in files:
        data = json_file(file, "policy file")
        parse_document(data, file=file.name)
        text = data.decode("utf-8")
        done = formatted(text, file=file.name)
        if done == text:
            continue
        changed.append(str(file))
        if not check:
            try:
                replace_file(file, done.encode("utf-8"))
            except OSError as error:
                raise Usage("A policy file cannot be written in its place; check the rights of its folder.") from error
    told = {"files": len(files), "changed": changed}
    lines = [f"{'would change' if check else 'changed'} {name}" for name in changed]
    show(told, as_json=as_json, lines=lines or [f"In the one layout: {counted(len(files), 'file')}."])
    if check and changed:
        raise NotLaidOut(f"Not in the one layout: {counted(len(changed), 'file')}; run `gateway policy fmt` on them.")


@app.command("schema")
def schema() -> None:
    """The JSON Schema of a policy file, for editors."""
    show(json_schema(), as_json=True, lines=())


@app.command("show")
def show_policy(
    policy: Annotated[str | None, typer.Argument(help="An id or a file; a list when not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """A policy with everything it inherits; without a name, all policies and the digest that pins them."""
    library = load_library(offline_settings().policies_dir)
    if policy is None:
        told = {"library": library.digest, "policies": sorted(library.policies), "kinds": sorted(library.kinds)}
        lines = [f"library {library.digest}", *(f"{one.ref}  {one.title.en}" for one in library.policies.values())]
        show(told, as_json=as_json, lines=lines)
        return
    one = chosen_policy(policy, library)
    lines = [
        f"{one.ref}  {one.title.en} / {one.title.zh}",
        f"in force from {one.start}, kinds {', '.join(one.kinds) or '-'}",
    ]
    lines += [f"  {rule.id}: {rule.do.op} ({rule.because.code})" for rule in one.rules]
    show(one.to_json(), as_json=as_json, lines=lines)


def _policies(policy: str | None, library: Library) -> list[Policy]:
    if policy is None:
        return [library.policies[ref] for ref in sorted(library.policies)]
    if policy.endswith((".yaml", ".yml")):
        if not Path(policy).is_file():
            raise Usage("There is no policy file at this path.")
        return [load_policy_file(Path(policy), library)]
    return [library.policy(policy)]


def _read(original: Path, library: Library, kind: str, settings: Settings) -> tuple[Format, Content]:
    """An original on this machine, parsed in the sandbox."""
    intake = kinds_of(library, built_in_formats(), settings)[library.kind(kind).name]
    data = json_file(original, "original")
    media_type = intake.type_of(data[: rules.HEAD_BYTES], kind)
    form = next(one for one in intake.formats if media_type in one.media_types)
    return form, form.read(data, media_type, sandbox(settings))


def _rebuilt(form: Format, specimen: Specimen, plan: Plan) -> bytes:
    """A test's original, rebuilt by the real format."""
    content: Content
    if specimen.kind.medium == "table":
        columns = tuple(zip(*specimen.rows, strict=True)) if specimen.rows else tuple(() for _ in specimen.headers)
        content = Table.of(specimen.headers, columns)
    elif specimen.kind.medium == "text":
        content = Structured.of(form.media_types[0], specimen.headers, specimen.rows)
    elif specimen.drawing is not None:
        content = specimen.drawing
    elif specimen.kind.medium == "document":
        areas = [page.width_px * page.height_px for page in specimen.pages]
        content = Pages(
            specimen.pages, lambda number: b"\xff" * areas[number - 1], specimen.metadata, form.media_types[0]
        )
    elif specimen.kind.medium == "video":
        content = _grey_video(plan, specimen.metadata)
    else:
        width, height = _extent(plan)
        content = Picture(width, height, b"\x90" * (3 * width * height), specimen.metadata, lossy=False)
    return form.rebuild(content, plan, _MARK, bytes(32)).data


def _grey_video(plan: Plan, parts: Mapping[str, str]) -> Video:
    """A video of two seconds, or as long as what was drawn on it."""
    end_ms = max([2000, *(one.path[-1].at_ms for one in plan.instructions if one.path)])

    def frames(cut: Cut) -> Iterator[tuple[int, bytes]]:
        grey = b"\x90" * (cut.size_px[0] * cut.size_px[1] * 3 // 2)
        return ((cut.start_ms, grey) for _ in range(cut.count))

    return Video(*_extent(plan), end_ms, 5, 1, frames, parts)


def _text_layer(rendition: bytes, walls: Sandbox) -> bytes:
    """What a rendered document or drawing says: its text lies over the pixels and is itself not seen."""
    form = next(one for one in built_in_formats() if one.name == "document")
    content = form.read(rendition, form.media_types[0], walls)
    parts = content.parts if isinstance(content, Pages) else {}
    return "\n".join(text for name, text in parts.items() if name.startswith("hidden:")).encode()


def _extent(plan: Plan) -> tuple[int, int]:
    """A picture as large as everything that was drawn on it, and large enough to carry a mark."""
    boxes = [one.box for one in plan.instructions if one.element is Element.REGION and one.box]
    return (
        max(800, *(box.left_px + box.width_px for box in boxes)),
        max(600, *(box.top_px + box.height_px for box in boxes)),
    )


def _today() -> date:
    return datetime.now(UTC).date()

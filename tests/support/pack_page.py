"""What `docs/packs.md` says about the packs, from the packs. `python -m tests.support.pack_page` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.policy.load import Library, load_library
from gateway.policy.model import Rule
from gateway.policy.policy import Policy
from gateway.policy.wording import tag

PAGE = Path(__file__).parents[2] / "docs" / "packs.md"
START, END = "<!-- packs: from the files -->\n", "<!-- packs: end -->\n"
_SHORT = 3


def table(library: Library) -> str:
    """One table for each pack, one line for each of its kinds."""
    return "\n".join(_pack(pack, policies) for pack, policies in sorted(_packs(library).items()))


def written(text: str, library: Library) -> str:
    """The page with its tables made anew."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table(library)}\n{END}{after}"


def _packs(library: Library) -> dict[str, list[Policy]]:
    packs: dict[str, list[Policy]] = {}
    for policy in library.policies.values():
        packs.setdefault(policy.id.partition(".")[0], []).append(policy)
    return packs


def _pack(pack: str, policies: list[Policy]) -> str:
    head = "| kind | leaves as it is | leaves changed | stays | refuses | must be there |\n|---|---|---|---|---|---|\n"
    return f"### {pack}\n\n{head}" + "".join(map(_line, sorted(policies, key=lambda policy: policy.id)))


def _line(policy: Policy) -> str:
    own = [rule for rule in policy.rules if not policy.inherited(rule)]
    cells = (
        ", ".join(f"`{kind}`" for kind in policy.kinds) or f"`{policy.id}`, a base",
        _listed(name for rule in own if rule.do.shows for name in _names(rule)),
        _listed(
            f"{name} ({tag(rule.do)})"
            for rule in own
            if not rule.do.shows and not rule.do.removes
            for name in _names(rule)
        ),
        _listed(name for rule in own if rule.do.removes and rule.do.op != "block" for name in _names(rule)),
        _listed(name for rule in own if rule.do.op == "block" for name in _names(rule)),
        _listed(name for rule in own if rule.present for name in _required(rule)),
    )
    return f"| {' | '.join(cells)} |\n"


def _names(rule: Rule) -> Iterator[str]:
    select = rule.select
    narrowed = ", in part" if select.where or rule.when else ""
    yield from (f"{name}{narrowed}" for name in (*select.fields, *(select.regions.classes if select.regions else ())))
    yield from (f"class {name}" for name in select.classes)
    groups = {
        "pages": select.pages,
        "lines with": (*select.text.patterns, *(f"layer {name}" for name in select.text.layers)) if select.text else (),
        "form fields": select.form_fields,
        "annotations": select.annotations,
        "hidden entries": select.metadata,
        "headers": select.headers,
        "layers": select.layers,
        "blocks": select.blocks,
    }
    for sort, names in groups.items():
        if names:
            yield f"{sort} {', '.join(names[:_SHORT])}{', …' if len(names) > _SHORT else ''}".removesuffix(" *")


def _required(rule: Rule) -> Iterator[str]:
    degree = " in every row" if rule.present == "in_every_row" else ""
    vague = ", not vague" if rule.not_only else ""
    yield from (f"{name}{degree}{vague}" for name in _names(rule))


def _listed(names: Iterator[str]) -> str:
    return " · ".join(dict.fromkeys(names)).replace("|", "\\|").replace("*", "\\*") or "–"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8"), load_library()), "utf-8")

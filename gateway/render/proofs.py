"""What a recipient can check of a rendered table: which columns stand just as they were committed to, and which not.

A column is opened as a whole or not at all: where one cell of it is withheld or changed, it stays shut. The document
is specified in `docs/formats/table-commitment.md`.
"""

from __future__ import annotations

import base64

from gateway.base.canon import Json
from gateway.formats.grouped import Grouped
from gateway.formats.model import Element, Instruction, Op, Plan, Rebuilt, Table
from gateway.intake.commitments import Opening
from gateway.render.model import Proof
from gateway.seal.table_commitment import padded_columns

PROOF_TYPE = "disclosure-gateway/table-proof/v1"


def fitting(opening: Opening | None, table: Table, groups: Grouped | None) -> Opening | None:
    """The opening, where the table was committed to just as it was read now, and all of its rows leave."""
    if opening is None or groups is not None or opening.slot.digest != table.digest.hex():
        return None
    return opening


def table_proof(opening: Opening | None, table: Table, plan: Plan, rebuilt: Rebuilt) -> Proof:
    """The proof for a rendition whose rows stand in the order of `opening`; without one, that there is none."""
    orders = {one.title: one for one in plan.instructions if one.element is Element.COLUMN}
    titles = [title for title in rebuilt.headers if title in orders]
    numbers = {title: table.frame.columns.index(orders[title].field_id) for title in titles}
    shown = [title for title in titles if opening is not None and title in rebuilt.untouched]
    columns: list[Json] = []
    for title in titles:
        if opening is not None and title in shown:
            place, locator = (each[numbers[title]] for each in (opening.slot.places, opening.slot.locators))
            columns.append({"title": title, "place": place, "locator": locator})
        else:
            columns.append({"title": title, "rules": _rules(orders[title])})
    told: dict[str, Json] = {"type": PROOF_TYPE, "columns": columns, "commitment": None}
    if opening is None:
        return Proof(told)
    if not shown:
        return Proof(told, opening.number)  # The order of the rows came from it, which no other release may share.
    told["commitment"] = {
        "rows": table.row_count,
        "entry": opening.entry,
        "root": opening.slot.root,
        "places": padded_columns(len(table.headers)),
        "nodes": base64.b64encode(opening.proof(tuple(numbers[title] for title in shown))).decode(),
    }
    return Proof(told, opening.number)


def _rules(order: Instruction) -> list[Json]:
    """What was done to cells of the column, strictest first: the action, and the code where the policy gives one."""
    done = {
        (case.rank, case.transform.op.value, case.code) for case in order.cases if case.transform.op is not Op.ALLOW
    }
    return [f"{action} {code}".strip() for _, action, code in sorted(done)]

"""What a matter remembers of headers is believed only while nobody touched the rows beside the log."""

from __future__ import annotations

import pytest

from gateway.audit.model import LogDamaged
from gateway.matter.names import NameDraft, NamesChanged
from gateway.seal.envelope import EnvelopeTampered
from tests.attacks.conftest import Write
from tests.support.world import World

NAME = "end_use.category"


_THE_FIRST = "rendition = 'ren_1' AND matter_id = ?"
_THE_END = "forgets IS NOT NULL AND matter_id = ?"
CHANGES = (
    f"DELETE FROM header_name WHERE {_THE_FIRST}",
    f"DELETE FROM header_name WHERE {_THE_END}",
    f"UPDATE header_name SET forgets = NULL WHERE {_THE_END}",
    f"UPDATE header_name SET forgets = id WHERE {_THE_END}",
    f"UPDATE header_name SET entry = entry + 1 WHERE {_THE_END}",
    f"UPDATE header_name SET rendition = 'ren_2' WHERE {_THE_FIRST}",
    f"UPDATE header_name SET sealed = NULL WHERE {_THE_FIRST}",
    f"UPDATE header_name SET sealed = (SELECT sealed FROM header_name WHERE id = 'nam_x') WHERE {_THE_FIRST}",
    "UPDATE header_name SET matter_id = (SELECT min(id) FROM matter) WHERE matter_id = ?",
    "UPDATE audit_entry SET body_sealed = NULL WHERE type = 'name.remembered' AND matter = ?",
)


def test_rows_that_somebody_changed_are_not_believed(world: World, write: Write) -> None:
    """Each change in a matter of its own; in one nobody touched everything is as it was said."""
    gateway = world.gateway
    builder, legal = world.actors["builder"], world.actors["legal1"]

    def remembering(matter: str) -> str:
        for number, name in enumerate((NAME, "drop"), start=1):
            with gateway.units.change() as session:
                draft = NameDraft("customer_list", f"header {number}", name)
                gateway.names.remember(session, builder, matter, f"ren_{number}", [draft])
        first, _ = gateway.names.of_matter(matter)
        gateway.names.forget(legal, matter, first.id)
        return first.id

    for change in CHANGES:
        matter = world.matter().id
        name = remembering(matter)
        assert [one.field for one in gateway.names.of_matter(matter) if one.forgotten is None] == ["drop"]
        ((other,),) = write("SELECT id FROM header_name WHERE rendition = 'ren_2' AND matter_id = ?", matter)
        write(change.replace("nam_x", other), matter)
        with pytest.raises((NamesChanged, LogDamaged, EnvelopeTampered)):
            gateway.names.of_matter(matter)
        assert name != other
    untouched = world.matter().id
    remembering(untouched)
    assert len(gateway.names.of_matter(untouched)) == 2
    assert all(b"header" not in sealed for (sealed,) in write("SELECT sealed FROM header_name") if sealed)


def test_one_is_not_remembered_twice_and_two_that_differ_both_live(world: World) -> None:
    gateway, matter = world.gateway, world.matter()
    for number, name in enumerate((NAME, NAME, "drop", NAME)):
        with gateway.units.change() as session:
            draft = NameDraft("customer_list", "header", name)
            gateway.names.remember(session, world.actors["builder"], matter.id, f"ren_{number}", [draft])
    assert [one.field for one in gateway.names.of_matter(matter.id)] == [NAME, "drop"]

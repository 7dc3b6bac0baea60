"""Matters on a real database with the real log and keyring."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.audit.service import Log
from gateway.base.clock import SystemClock
from gateway.base.problems import Usage
from gateway.db.unit import Units
from gateway.keys.model import KeyShredded
from gateway.keys.service import Keyring
from gateway.matter.model import (
    DemandDraft,
    DemandItem,
    LegalBasis,
    MatterDraft,
    MatterMalformed,
    NoSuchMatter,
    Profile,
    Purpose,
    RecipientDraft,
)
from gateway.matter.service import Matters
from gateway.people.model import Actor, NotPermitted, Permission, Role
from gateway.seal.envelope import EnvelopeTampered, unwrap, wrap
from gateway.seal.recipient import generate_identity, recipient_fingerprint
from tests.support.databases import Database

OFFICER = Actor("per_officer", frozenset({Role.COMPLIANCE}), frozenset({Permission.MATTER_CREATE}))
AGE_KEY = generate_identity()[1]
DRAFT = MatterDraft(
    title="Unmistakable dysprosium licence 镝铽许可",
    authority="mofcom",
    regime="cn-mofcom-single",
    purpose="export_licence",
    jurisdiction="CN",
    deadline=date(2026, 3, 31),
    round=2,
    recipients=(
        RecipientDraft(hop=2, name="Ministry Hidden 商务部", recipient_class="authority", language="zh"),
        RecipientDraft(
            hop=1,
            name="Ganzhou Hidden Supply",
            recipient_class="supplier",
            language="en",
            profiles=("sealed", "portal"),
            jurisdiction="HK",
            age_key=AGE_KEY,
        ),
    ),
    demands=(
        DemandDraft("item-7", "Hidden end users", "published", "Hidden Order 792", ("customer_list", "order_book")),
        DemandDraft("item-2", "Hidden shop floor", "oral"),
    ),
)
HIDDEN = ("Unmistakable", "镝铽许可", "Hidden", "商务部", "dysprosium")


class RootInMemory:
    name = "memory"

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def wrap(self, key: bytes, aad: bytes, root: int) -> bytes:
        return wrap(self._key, key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes, root: int) -> bytes:
        return unwrap(self._key, wrapped, aad)


class House:
    """A deployment in a temporary folder."""

    def __init__(self, folder: Path, database: Database) -> None:
        clock = SystemClock()
        self.folder = folder
        self.database = database
        self.engine = database.engine_with_tables(folder)
        self.units = Units(self.engine)
        self.keyring = Keyring(RootInMemory(), "plant-7", clock)
        self.log = Log(self.units, self.keyring, clock, "example.com/plant-7")
        self.matters = Matters(self.units, self.keyring, self.log, clock)

    def change(self, statement: str, **values: Any) -> None:
        """Change a row behind the gateway's back."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(tmp_path, database)


def test_a_matter_reads_back_as_it_was_opened(house: House) -> None:
    matter = house.matters.open(OFFICER, DRAFT)
    assert matter == house.matters.get(matter.id)
    assert (matter.title, matter.purpose, matter.round) == (DRAFT.title, Purpose.EXPORT_LICENCE, 2)
    assert (matter.deadline, matter.created_by) == (date(2026, 3, 31), "per_officer")
    supplier, authority = matter.recipients
    assert (supplier.hop, supplier.name, supplier.jurisdiction) == (1, "Ganzhou Hidden Supply", "HK")
    assert (supplier.profiles, supplier.age_key) == ((Profile.SEALED, Profile.PORTAL), AGE_KEY)
    assert (authority.hop, authority.jurisdiction, authority.profiles) == (2, "CN", (Profile.PORTAL,))
    assert supplier.custody == (supplier.id,)
    assert authority.custody == (supplier.id, authority.id)
    assert matter.demands == (
        DemandItem(
            "item-7", "Hidden end users", LegalBasis.PUBLISHED, "Hidden Order 792", ("customer_list", "order_book")
        ),
        DemandItem("item-2", "Hidden shop floor", LegalBasis.ORAL, None, ()),
    )
    assert house.matters.recipient(matter.id, authority.id) == authority


def test_the_entry_tells_the_chain_and_no_name(house: House) -> None:
    matter = house.matters.open(OFFICER, DRAFT)
    leaf = house.log.entry(matter.entry)
    entry = json.loads(leaf)
    assert (entry["type"], entry["actor"], entry["matter"]) == ("matter.opened", "per_officer", matter.id)
    assert entry["facts"] == {
        "demands": 2,
        "recipients": [
            {
                "recipient": recipient.id,
                "hop": recipient.hop,
                "custody": list(recipient.custody),
                "key": recipient_fingerprint(recipient.age_key) if recipient.age_key else None,
            }
            for recipient in matter.recipients
        ],
    }
    assert not any(word.encode() in leaf for word in HIDDEN)
    body = house.log.body(matter.entry)
    assert body is not None
    assert body["title"] == DRAFT.title
    assert body["recipients"][matter.recipients[0].id]["name"] == "Ganzhou Hidden Supply"
    assert body["demands"]["item-7"]["citation"] == "Hidden Order 792"


def test_context_is_what_policies_ask_about(house: House) -> None:
    matter = house.matters.open(OFFICER, DRAFT)
    assert house.matters.context(matter, matter.recipients[0], "sealed", date(2026, 2, 1)) == {
        "recipient.class": "supplier",
        "recipient.hop": 1,
        "recipient.jurisdiction": "HK",
        "purpose": "export_licence",
        "authority": "mofcom",
        "regime": "cn-mofcom-single",
        "round": 2,
        "profile": "sealed",
        "date": "2026-02-01",
    }
    with pytest.raises(MatterMalformed):
        house.matters.context(matter, matter.recipients[0], "email", date(2026, 2, 1))
    other = house.matters.open(OFFICER, DRAFT)
    with pytest.raises(NoSuchMatter):
        house.matters.context(matter, other.recipients[0], "sealed", date(2026, 2, 1))


def test_opening_takes_the_permission(house: House) -> None:
    reader = Actor("per_reader", frozenset({Role.LEGAL}), frozenset({Permission.MATTER_READ}))
    with pytest.raises(NotPermitted):
        house.matters.open(reader, DRAFT)
    assert house.log.size() == 0


@pytest.mark.parametrize(
    "draft",
    [
        replace(DRAFT, title=""),
        replace(DRAFT, recipients=()),
        replace(DRAFT, recipients=(replace(DRAFT.recipients[1], age_key="age1x"), DRAFT.recipients[0])),
        replace(DRAFT, demands=(DRAFT.demands[0], DRAFT.demands[0])),
    ],
)
def test_a_draft_that_does_not_fit_leaves_nothing_behind(house: House, draft: MatterDraft) -> None:
    with pytest.raises(Usage):
        house.matters.open(OFFICER, draft)
    assert house.log.size() == 0
    assert house.matters.list() == ()


def test_a_failure_half_way_leaves_nothing_behind(house: House) -> None:
    def fail(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO demand_item"):
            raise RuntimeError("power cut")

    event.listen(house.engine, "before_cursor_execute", fail)
    with pytest.raises(RuntimeError):
        house.matters.open(OFFICER, DRAFT)
    event.remove(house.engine, "before_cursor_execute", fail)
    assert house.log.size() == 0
    with house.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM key")).scalar() == 0


def test_nothing_of_a_matter_lies_in_clear_on_the_disk(house: House) -> None:
    matter = house.matters.open(OFFICER, DRAFT)
    house.matters.get(matter.id)
    disk = house.database.disk(house.engine)
    assert matter.id.encode() in disk
    for word in HIDDEN:
        for encoding in ("utf-8", "utf-16-le"):
            assert word.encode(encoding) not in disk


def test_lists_are_newest_first_and_read_in_parts(house: House) -> None:
    ids = [house.matters.open(OFFICER, replace(DRAFT, title=f"Matter {n}")).id for n in range(5)]
    expected = sorted(ids, reverse=True)
    seen: list[list[str]] = []
    for _ in range(4):
        after = seen[-1][-1] if seen else None
        seen.append([matter.id for matter in house.matters.list(after=after, limit=2)])
    assert seen == [expected[:2], expected[2:4], expected[4:], []]
    assert {matter.title for matter in house.matters.list()} == {f"Matter {n}" for n in range(5)}
    asked = Purpose(DRAFT.purpose)
    assert [matter.id for matter in house.matters.list(purpose=asked, limit=1)] == expected[:1]
    assert house.matters.list(purpose=next(one for one in Purpose if one is not asked)) == ()


def test_unknown_ids_are_not_found(house: House) -> None:
    matter = house.matters.open(OFFICER, DRAFT)
    acts: list[Callable[[], object]] = [
        lambda: house.matters.get("mat_unknown"),
        lambda: house.matters.recipient("mat_unknown", matter.recipients[0].id),
        lambda: house.matters.recipient(matter.id, "rcp_unknown"),
    ]
    for act in acts:
        with pytest.raises(NoSuchMatter):
            act()


def test_a_shredded_matter_opens_no_more_and_hides_no_other(house: House) -> None:
    kept = house.matters.open(OFFICER, replace(DRAFT, title="Kept"))
    gone = house.matters.open(OFFICER, DRAFT)
    house.change("UPDATE key SET wrapped = NULL WHERE role = 'matter_kek' AND owner = :owner", owner=gone.id)
    with pytest.raises(KeyShredded):
        house.matters.get(gone.id)
    assert house.matters.get(kept.id) == kept
    titles = {matter.id: matter.title for matter in house.matters.list()}
    assert titles == {kept.id: "Kept", gone.id: None}


def test_names_swapped_between_recipients_are_detected(house: House) -> None:
    matter = house.matters.open(OFFICER, DRAFT)
    one, other = (recipient.id for recipient in matter.recipients)
    house.change(
        "UPDATE recipient SET name_sealed = (SELECT name_sealed FROM recipient WHERE id = :one) WHERE id = :other",
        one=one,
        other=other,
    )
    with pytest.raises(EnvelopeTampered):
        house.matters.get(matter.id)


def test_the_time_of_opening_is_kept(house: House) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= house.matters.open(OFFICER, DRAFT).created_at <= datetime.now(UTC)

"""Promise 3: what was approved is what leaves; whatever was changed since keeps the release inside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.base.canon import canonical, parse_canonical
from gateway.base.clock import SystemClock, to_text
from gateway.base.problems import Conflict, Problem
from gateway.people.model import NotPermitted, Role
from gateway.release.model import State
from gateway.release.register import NotDispatched
from gateway.review.model import Cleared, Verdict
from gateway.review.rules import SeparationOfDuties, StatementMismatch
from gateway.review.service import AlreadyApproved, Reviews
from gateway.seal.signature import SignatureInvalid, SigningKey
from gateway.seal.signature import to_text as key_text
from tests.support import journey, originals
from tests.support.databases import hands
from tests.support.journey import Journey
from tests.support.originals import planted
from tests.support.world import World

Tamper = Callable[[World, Journey], None]


def sql(world: World, statement: str, *values: object) -> list[Any]:
    """Run one statement behind the gateway's back."""
    with hands(world.gateway.settings) as run:
        return run(statement, *values)


def assert_nothing_leaves(world: World, release: str) -> str:
    """Dispatch is refused in one sentence, and no package exists afterwards; the sentence."""
    dispatch, dispatcher = world.gateway.dispatch, world.actors["dispatcher"]
    try:
        dispatch.dispatch(dispatcher, release)
    except Problem as refused:
        sentence = refused.detail
    else:
        raise AssertionError("the release was dispatched")
    assert sql(world, "SELECT package_object FROM release WHERE id = ?", release) == [(None,)]
    assert sql(world, "SELECT count(*) FROM stored_object WHERE role = 'package'") == [(0,)]
    assert sql(world, "SELECT count(*) FROM audit_entry WHERE type = 'release.dispatched'") == [(0,)]
    with pytest.raises(NotDispatched):
        dispatch.package(dispatcher, release)
    assert len(sentence) > 20
    return sentence


def blob_of(world: World, object_id: str | None) -> Path:
    """The file in which an object's ciphertext lies."""
    ((name,),) = sql(world, "SELECT blob_name FROM stored_object WHERE id = ?", object_id)
    return world.gateway.settings.blobs_dir / str(name)


def part_object(world: World, release: str, path: str) -> str:
    """The object in which a part of the composed package is kept."""
    return next(part.object_id for part in world.gateway.releases.parts(release) if part.path == path)


@pytest.mark.parametrize("hop", [journey.PORTAL, journey.SEALED])
def test_untouched_it_leaves(hop: int, one_approved: tuple[World, Journey]) -> None:
    """Without this the refusals below would prove nothing; and the package holds the approved bytes."""
    world, made = one_approved
    if hop == journey.SEALED:
        made = journey.approved(world, [planted("customer_list")], hop=hop, matter=made.matter)
    parts = {part.path: part.sha256 for part in world.gateway.releases.parts(made.release.id)}
    done = world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)
    assert done.state is State.DISPATCHED
    assert parts["manifest.json"] == done.manifest_sha256


@pytest.mark.parametrize("label", originals.LABELS)
def test_one_flipped_bit_in_a_stored_rendition(label: str, all_approved: tuple[World, Journey]) -> None:
    world, made = all_approved
    blob = blob_of(world, made.renditions[label].object_id)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    assert "differ" in assert_nothing_leaves(world, made.release.id)


@pytest.mark.parametrize(
    "path", ["manifest.json", "withheld.csv", "withheld.pdf", "README.txt", "residue.json", "verify.py"]
)
@pytest.mark.parametrize("place", [0, -1])
def test_one_flipped_bit_in_a_stored_document(path: str, place: int, one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    blob = blob_of(world, part_object(world, made.release.id, path))
    data = bytearray(blob.read_bytes())
    data[place] ^= 0x80
    blob.write_bytes(data)
    assert_nothing_leaves(world, made.release.id)


def test_two_blobs_changed_places(all_approved: tuple[World, Journey]) -> None:
    world, made = all_approved
    one = blob_of(world, made.renditions["customer_list"].object_id)
    other = blob_of(world, made.renditions["order_book"].object_id)
    one_bytes, other_bytes = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_bytes)
    other.write_bytes(one_bytes)
    assert_nothing_leaves(world, made.release.id)


def test_the_rows_of_two_objects_changed_places(all_approved: tuple[World, Journey]) -> None:
    """Everything that a row says but its id: key, blob, lengths and commitment."""
    world, made = all_approved
    ids = (made.renditions["customer_list"].object_id, made.renditions["order_book"].object_id)
    columns = "key_id, blob_name, plaintext_bytes, ciphertext_bytes, commitment"
    rows = [sql(world, f"SELECT {columns} FROM stored_object WHERE id = ?", one)[0] for one in ids]
    setting = ", ".join(f"{name} = ?" for name in columns.split(", "))
    for one in ids:
        sql(world, "UPDATE stored_object SET key_id = ?, blob_name = ? WHERE id = ?", f"{one}~", f"{one}~", one)
    for one, row in zip(ids, reversed(rows), strict=True):
        sql(world, f"UPDATE stored_object SET {setting} WHERE id = ?", *row, one)
    assert_nothing_leaves(world, made.release.id)


def test_the_original_in_place_of_its_rendition(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    original = world.gateway.intake.get(made.receipts["customer_list"].original)
    sql(
        world,
        "UPDATE rendition SET object_id = ? WHERE id = ?",
        original.object_id,
        made.renditions["customer_list"].id,
    )
    ((name, key),) = sql(world, "SELECT blob_name, key_id FROM stored_object WHERE id = ?", original.object_id)
    sql(world, "UPDATE stored_object SET blob_name = 'x', key_id = 'x' WHERE id = ?", original.object_id)
    sql(
        world,
        "UPDATE stored_object SET blob_name = ?, key_id = ? WHERE id = ?",
        name, key, made.renditions["customer_list"].object_id,
    )  # fmt: skip
    assert_nothing_leaves(world, made.release.id)


@pytest.mark.parametrize("approvals", [0, 1])
def test_a_state_written_into_the_database_approves_nothing(
    approvals: int, table_ready: tuple[World, Journey], tmp_path: Path
) -> None:
    world = journey.copy(table_ready[0], tmp_path)
    made = journey.rendered(world, [planted("customer_list")])
    world.review(made.release)
    for name in ("legal1", "legal2")[:approvals]:
        world.approve(made.release, by=name)
    sql(world, "UPDATE release SET state = 'approved' WHERE id = ?", made.release.id)
    assert "newest word on the release" in assert_nothing_leaves(world, made.release.id)


def test_a_release_that_was_never_composed(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    draft = world.draft(made.matter)
    sql(world, "UPDATE release SET state = 'approved' WHERE id = ?", draft.id)
    assert_nothing_leaves(world, draft.id)


def test_an_approval_deleted(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    sql(world, "DELETE FROM approval WHERE approver = ?", world.actors["legal2"].person_id)
    assert "1 of 2" in assert_nothing_leaves(world, made.release.id)


def test_an_approval_copied_to_count_twice(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    first, second = (world.actors[name].person_id for name in ("legal1", "legal2"))
    sql(
        world,
        "UPDATE approval SET (statement, key, signature) = "
        "(SELECT statement, key, signature FROM approval WHERE approver = ?) WHERE approver = ?",
        first, second,
    )  # fmt: skip
    assert_nothing_leaves(world, made.release.id)


@pytest.mark.parametrize("column", ["statement", "signature", "key", "role", "approver"])
def test_a_stored_approval_altered(column: str, one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    second = world.actors["legal2"].person_id
    ((value,),) = sql(world, f"SELECT {column} FROM approval WHERE approver = ?", second)
    changed: object = {
        "role": "privacy",
        "approver": world.actors["auditor"].person_id,
        "key": key_text(SigningKey.generate().public),
    }.get(column) or bytes([value[0] ^ 1]) + value[1:]
    sql(world, f"UPDATE approval SET {column} = ? WHERE approver = ?", changed, second)
    assert_nothing_leaves(world, made.release.id)


def test_an_approver_whose_key_was_replaced(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    other = key_text(SigningKey.generate().public)
    sql(world, "UPDATE person SET public_key = ? WHERE id = ?", other, world.actors["legal2"].person_id)
    assert "not those in the log" in assert_nothing_leaves(world, made.release.id)


def test_an_approver_whose_key_and_approval_were_replaced(one_approved: tuple[World, Journey]) -> None:
    """Whoever writes into the database can make a key of their own somebody else's: only the log knows better."""
    world, made = one_approved
    forge(world, made, SigningKey.generate())
    assert_nothing_leaves(world, made.release.id)


def forge(world: World, made: Journey, forged: SigningKey) -> None:
    """Sign for a reviewer with another key, and make that key theirs in every row that names it."""
    second = world.actors["legal2"].person_id
    ((statement,),) = sql(world, "SELECT statement FROM approval WHERE approver = ?", second)
    signature, key = forged.sign(statement), key_text(forged.public)
    sql(world, "UPDATE approval SET key = ?, signature = ? WHERE approver = ?", key, signature, second)
    sql(world, "UPDATE person SET public_key = ? WHERE id = ?", key, second)


def test_an_approver_whose_enrolment_was_rewritten_too(one_approved: tuple[World, Journey]) -> None:
    """The entry itself and its stored hash are changed as well: the tree, whose root was signed, knows better."""
    world, made = one_approved
    second = world.actors["legal2"].person_id
    ((old,),) = sql(world, "SELECT public_key FROM person WHERE id = ?", second)
    forged = SigningKey.generate()
    forge(world, made, forged)
    world.gateway.log.checkpoint()
    ((index, leaf),) = sql(
        world,
        'SELECT a."index", a.leaf FROM audit_entry a JOIN person p ON p.key_entry = a."index" WHERE p.id = ?',
        second,
    )
    changed = leaf.replace(str(old).encode(), key_text(forged.public).encode())
    assert changed != leaf
    sql(world, 'UPDATE audit_entry SET leaf = ? WHERE "index" = ?', changed, index)
    assert_nothing_leaves(world, made.release.id)


def test_a_person_who_was_never_enrolled_signs(one_approved: tuple[World, Journey]) -> None:
    """Rows for a person, a role and an approval, all written behind the gateway's back."""
    world, made = one_approved
    auditor, second = world.actors["auditor"].person_id, world.actors["legal2"].person_id
    ((statement,),) = sql(world, "SELECT statement FROM approval WHERE approver = ?", second)
    told = parse_canonical(statement)
    assert isinstance(told, dict)
    signed = canonical({**told, "approver": auditor})
    ((entry,),) = sql(world, "SELECT entry FROM person_role WHERE person_id = ?", auditor)
    sql(world, "INSERT INTO person_role (person_id, role, entry) VALUES (?, 'legal', ?)", auditor, entry)
    sql(
        world,
        "UPDATE approval SET approver = ?, statement = ?, signature = ?, key = ? WHERE approver = ?",
        auditor, signed, world.keys["auditor"].sign(signed), key_text(world.keys["auditor"].public), second,
    )  # fmt: skip
    assert_nothing_leaves(world, made.release.id)


def test_the_composition_of_another_release(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    other = journey.rendered(world, [planted("order_book")], matter=made.matter)
    world.review(other.release)
    sql(
        world,
        "UPDATE release SET composition = (SELECT composition FROM release WHERE id = ?) WHERE id = ?",
        other.release.id, made.release.id,
    )  # fmt: skip
    assert_nothing_leaves(world, made.release.id)


def superseded(world: World, made: Journey) -> tuple[Journey, bytes]:
    """The release taken back for another rendition, approved again; with the composition it had before."""
    ((composition,),) = sql(world, "SELECT composition FROM release WHERE id = ?", made.release.id)
    releases, builder = world.gateway.releases, world.actors["builder"]
    releases.answer(builder, made.renditions["customer_list"].id, planted("customer_list").answers)
    world.work()
    world.review(made.release)
    world.approve_all(made.release)
    return made, bytes(composition)


def test_the_earlier_composition_of_the_same_release(one_approved: tuple[World, Journey]) -> None:
    """What two people approved is the second rendition; the first one comes back by the rows it left behind."""
    world, made = one_approved
    made, earlier = superseded(world, made)
    old = made.renditions["customer_list"]
    sql(world, "UPDATE rendition SET state = 'superseded' WHERE release = ?", made.release.id)
    sql(world, "UPDATE rendition SET state = 'reviewed' WHERE id = ?", old.id)
    sql(world, "UPDATE release SET composition = ? WHERE id = ?", earlier, made.release.id)
    for statement in (
        "UPDATE rendition_review SET rendition = ?",
        "UPDATE rendition_review SET sha256 = ?",
    ):
        sql(world, statement, old.id if "rendition = ?" in statement else old.sha256)
    assert "manifest" in assert_nothing_leaves(world, made.release.id)


def test_an_approval_of_the_manifest_before(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    releases, builder = world.gateway.releases, world.actors["builder"]
    statement, _ = releases.approval_request(world.actors["legal1"], made.release.id, "legal")
    releases.answer(builder, made.renditions["customer_list"].id, planted("customer_list").answers)
    assert releases.get(made.release.id).state is State.DRAFT
    assert_nothing_leaves(world, made.release.id)
    world.work()
    world.review(made.release)
    with pytest.raises(StatementMismatch) as told:
        releases.approve(
            world.actors["legal1"],
            made.release.id,
            statement=statement,
            signature=world.keys["legal1"].sign(statement),
            algorithm="Ed25519",
        )
    assert told.value.members["field"] == "manifest_sha256"
    sql(world, "UPDATE release SET state = 'approved' WHERE id = ?", made.release.id)
    assert_nothing_leaves(world, made.release.id)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE release SET recipient = (SELECT id FROM recipient WHERE hop = 2)",
        "UPDATE release SET manifest_sha256 = substr(manifest_sha256, 2) || '0'",
        "UPDATE rendition_review SET sha256 = substr(sha256, 2) || '0'",
        "UPDATE rendition_review SET verdict = 'changes_requested'",
        "UPDATE rendition SET state = 'blocked'",
        "UPDATE rendition SET state = 'superseded'",
        "DELETE FROM rendition_review",
        "DELETE FROM rendition",
        "UPDATE original SET classification = NULL",
        "UPDATE stored_object SET plaintext_bytes = plaintext_bytes - 1",
        "UPDATE stored_object SET role = 'document' WHERE role = 'rendition'",
        "UPDATE key SET wrapped = commitment WHERE role = 'dek'",
    ],
)
def test_a_row_changed_behind_the_gateways_back(change: str, one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    sql(world, change)
    assert_nothing_leaves(world, made.release.id)


def test_a_reviewer_who_was_retired(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    world.gateway.people.retire(world.actors["dispatcher"], world.actors["legal2"].person_id)
    assert_nothing_leaves(world, made.release.id)


def test_a_reviewer_who_lost_the_role(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    world.gateway.people.remove_roles(world.actors["dispatcher"], world.actors["legal2"].person_id, {Role.LEGAL})
    assert_nothing_leaves(world, made.release.id)


# Who may approve, and what.


@pytest.fixture(scope="module")
def in_review(table_ready: tuple[World, Journey], tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Journey]:
    """A reviewed release that nobody has approved; every approval below is refused, so that it stays so."""
    world = journey.copy(table_ready[0], tmp_path_factory.mktemp("review"))
    world.enrol("legal3", {Role.LEGAL})
    world.enrol("builder2", {Role.COMPLIANCE, Role.LEGAL})
    world.enrol("uploader2", {Role.ORIGINATOR, Role.LEGAL})
    made = journey.rendered(world, [planted("customer_list")])
    world.review(made.release)
    return world, made


def sign(
    world: World,
    made: Journey,
    name: str,
    *,
    role: str = "legal",
    key: str | None = None,
    change: Callable[[dict[str, Any]], dict[str, Any]] = lambda told: told,
    algorithm: str = "Ed25519",
) -> None:
    """Approve as `name`, over a statement made for the approver and changed, with a key of one's own or another's."""
    template, _ = world.gateway.releases.approval_request(world.actors["legal1"], made.release.id, "legal")
    told = parse_canonical(template)
    assert isinstance(told, dict)
    person = world.actors[name].person_id
    statement = canonical(change({**told, "approver": person, "role": role}))
    signature = world.keys[key or name].sign(statement)
    world.gateway.releases.approve(
        world.actors[name], made.release.id, statement=statement, signature=signature, algorithm=algorithm
    )


def test_the_dispatcher_and_the_builder_may_not_approve(in_review: tuple[World, Journey]) -> None:
    world, made = in_review
    for name in ("builder", "dispatcher", "auditor"):
        with pytest.raises(NotPermitted):
            sign(world, made, name)


def test_an_author_who_is_also_a_reviewer_may_not_approve(in_review: tuple[World, Journey]) -> None:
    world, made = in_review
    sql(world, "UPDATE release SET author = ? WHERE id = ?", world.actors["builder2"].person_id, made.release.id)
    with pytest.raises(SeparationOfDuties):
        sign(world, made, "builder2")


def test_an_uploader_who_is_also_a_reviewer_may_not_approve(in_review: tuple[World, Journey]) -> None:
    world, made = in_review
    original = made.receipts["customer_list"].original
    ((before,),) = sql(world, "SELECT uploader FROM original WHERE id = ?", original)
    sql(world, "UPDATE original SET uploader = ? WHERE id = ?", world.actors["uploader2"].person_id, original)
    with pytest.raises(SeparationOfDuties):
        sign(world, made, "uploader2")
    sql(world, "UPDATE original SET uploader = ? WHERE id = ?", before, original)


def test_nobody_signs_in_a_role_that_they_lack_or_that_does_not_approve(in_review: tuple[World, Journey]) -> None:
    world, made = in_review
    for role in ("privacy", "dispatcher", "compliance", "administrator", ""):
        with pytest.raises(SeparationOfDuties):
            sign(world, made, "legal3", role=role)


def test_a_signature_by_another_key(in_review: tuple[World, Journey]) -> None:
    world, made = in_review
    with pytest.raises(SignatureInvalid):
        sign(world, made, "legal3", key="legal1")


def _another(name: str) -> str:
    return name[:-1] + ("1" if name.endswith("0") else "0")


def _at(**shift: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda told: {**told, "at": to_text(SystemClock().now() + timedelta(**shift))}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda told: {**told, "manifest_sha256": "0" * 64}, "manifest"),
        (lambda told: {**told, "release": _another(told["release"])}, "release"),
        (lambda told: {**told, "recipient": _another(told["recipient"])}, "recipient"),
        (lambda told: {**told, "files": told["files"] + 1}, "files"),
        (lambda told: {**told, "decision": "refuse"}, "decision"),
        (lambda told: {**told, "type": "disclosure-gateway/approval/v2"}, "type"),
        (lambda told: {**told, "note": "but only page 1"}, "note"),
        (lambda told: {key: told[key] for key in told if key != "files"}, "files"),
        (lambda told: {**told, "approver": told["recipient"]}, "approver"),
        (_at(hours=-25), "24 hours"),
        (_at(minutes=10), "24 hours"),
        (lambda told: {**told, "at": "yesterday"}, "time"),
    ],
)
def test_an_altered_or_stale_statement(
    change: Callable[[dict[str, Any]], dict[str, Any]], what: str, in_review: tuple[World, Journey]
) -> None:
    world, made = in_review
    with pytest.raises(StatementMismatch, match=what):
        sign(world, made, "legal3", change=change)


def test_another_algorithm_or_another_spelling(in_review: tuple[World, Journey]) -> None:
    world, made = in_review
    with pytest.raises(StatementMismatch):
        sign(world, made, "legal3", algorithm="none")
    statement, _ = world.gateway.releases.approval_request(world.actors["legal3"], made.release.id, "legal")
    loose = statement.replace(b'":', b'": ', 1)
    with pytest.raises(Problem):
        world.gateway.releases.approve(
            world.actors["legal3"],
            made.release.id,
            statement=loose,
            signature=world.keys["legal3"].sign(loose),
            algorithm="Ed25519",
        )


def test_nobody_approves_twice(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    sql(world, "UPDATE release SET state = 'in_review' WHERE id = ?", made.release.id)
    with pytest.raises(AlreadyApproved):
        world.approve(made.release, by="legal1")


def test_a_retired_reviewer_does_not_approve(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    world.enrol("legal3", {Role.LEGAL})
    other = journey.rendered(world, [planted("order_book")], matter=made.matter)
    world.review(other.release)
    statement, _ = world.gateway.releases.approval_request(world.actors["legal3"], other.release.id, "legal")
    world.gateway.people.retire(world.actors["dispatcher"], world.actors["legal3"].person_id)
    with pytest.raises(Problem, match="not active"):
        world.gateway.releases.approve(
            world.actors["legal3"],
            other.release.id,
            statement=statement,
            signature=world.keys["legal3"].sign(statement),
            algorithm="Ed25519",
        )


def test_bytes_that_nobody_looked_at_are_not_reviewed(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    other = journey.rendered(world, [planted("customer_list")], matter=made.matter)
    world.gateway.releases.submit(world.actors["builder"], other.release.id)
    with pytest.raises(StatementMismatch):
        world.gateway.releases.review(
            world.actors["legal1"],
            other.renditions["customer_list"].id,
            verdict=Verdict.REVIEWED,
            seen_sha256=made.renditions["customer_list"].sha256 or "",
            reason=None,
        )
    with pytest.raises(Problem, match="reviewed"):
        world.approve(other.release, by="legal1")


# Without the guards.


def test_without_the_check_of_signatures_a_forged_state_would_leave(
    one_approved: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = one_approved
    sql(world, "UPDATE approval SET signature = ?", bytes(64))
    assert_nothing_leaves(world, made.release.id)
    monkeypatch.setattr(Reviews, "_check_stored", lambda *_asked: None)
    monkeypatch.setattr("gateway.release.binding.check_proofs", lambda *_asked: None)
    with pytest.raises(AssertionError, match="was dispatched"):
        assert_nothing_leaves(world, made.release.id)


def test_without_clearing_a_state_in_the_database_would_be_enough(
    one_approved: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = one_approved
    sql(world, "DELETE FROM approval")
    assert_nothing_leaves(world, made.release.id)
    monkeypatch.setattr(Reviews, "clear", lambda _self, _session, case, _dispatcher: Cleared(case, ()))
    monkeypatch.setattr("gateway.release.binding.check_proofs", lambda *_asked: None)
    with pytest.raises(AssertionError, match="was dispatched"):
        assert_nothing_leaves(world, made.release.id)


def test_without_the_log_a_forged_key_would_do(
    one_approved: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = one_approved
    forge(world, made, SigningKey.generate())
    assert_nothing_leaves(world, made.release.id)
    monkeypatch.setattr("gateway.people.register.check_granted", lambda *_asked: None)
    monkeypatch.setattr("gateway.release.binding.check_proofs", lambda *_asked: None)
    with pytest.raises(AssertionError, match="was dispatched"):
        assert_nothing_leaves(world, made.release.id)


def test_without_authenticated_facts_an_object_could_be_another(
    one_approved: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes of every object are bound to matter, id and role; with that ignored a changed role is not noticed."""
    monkeypatch.setattr("gateway.vault.service._facts", lambda *_facts: {"tenant": "any"})
    world, made = one_approved
    other = journey.approved(world, [planted("customer_list")], matter=made.matter)
    sql(world, "UPDATE stored_object SET role = 'document' WHERE role = 'rendition'")
    with pytest.raises(AssertionError, match="was dispatched"):
        assert_nothing_leaves(world, other.release.id)


def test_without_separation_of_duties_an_author_would_approve(
    in_review: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = in_review
    sql(world, "UPDATE release SET author = ? WHERE id = ?", world.actors["builder2"].person_id, made.release.id)
    monkeypatch.setattr("gateway.review.rules.check_may_review", lambda *_asked: None)
    sign(world, made, "builder2")
    with pytest.raises(AssertionError):
        assert sql(world, "SELECT count(*) FROM approval WHERE release = ?", made.release.id) == [(0,)]
    sql(world, "DELETE FROM approval WHERE release = ?", made.release.id)


def test_the_dispatch_itself_is_not_repeated(one_approved: tuple[World, Journey]) -> None:
    world, made = one_approved
    world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)
    with pytest.raises(Conflict):
        world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)

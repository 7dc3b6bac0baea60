"""An export verifies whole; what was changed, cut, forked or dated back is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.export import SIGNATURE_TYPE, ExportExists, _signed
from gateway.audit.extracts import Extracts
from gateway.audit.model import Act, LogDamaged
from gateway.base.canon import canonical
from gateway.seal import merkle
from gateway.seal.note import Checkpoint, parse_vkeys, sign_checkpoint, vkey_text
from gateway.seal.signature import SigningKey
from gateway.seal.signature import public_pem as ed25519_pem
from gateway.seal.signature import to_text as ed25519_text
from gateway.seal.twin import PublicTwin, SigningTwin, public_pem, to_text
from gateway.verify.verify import EXPORT_FILES, Mismatch, WrongUse, open_checkpoint, parse_key, verify_export
from tests.support.forger import Forger, differences, leaves_of

if TYPE_CHECKING:
    from tests.unit.verify.conftest import House

NAME = "example.com/gateway"


@pytest.fixture
def forger(house: House, export: Path) -> Forger:
    return Forger(export, house.log)


def test_a_good_export_verifies(house: House, export: Path) -> None:
    kept = house.log.checkpoint().text
    report = verify_export(export, log_key=house.log.vkey(), checkpoint=kept)
    assert [step.state for step in report.steps] == ["ok"] * 10, report
    assert (report.ok, report.pinned, report.warnings) == (True, True, [])
    assert json.loads((export / "checkpoints.jsonl").read_text(encoding="utf-8").splitlines()[0])["size"] < 14


def test_an_export_alone_says_what_it_cannot_show(house: House, export: Path) -> None:
    report = verify_export(export)
    assert report.ok
    assert not report.pinned
    assert any(house.log.public_key().fingerprint in warning for warning in report.warnings)
    assert any("--checkpoint" in warning for warning in report.warnings)
    assert "compare" in report.sentence()


def test_every_form_of_the_key_is_understood_and_another_is_refused(house: House, export: Path) -> None:
    key = house.log.public_key()
    for text in (to_text(key), vkey_text(NAME, key), public_pem(key).decode(), " ".join(key.texts)):
        assert verify_export(export, log_key=text).ok
    other = SigningTwin.generate().public
    half = PublicTwin(key.ed25519, other.mldsa), PublicTwin(other.ed25519, key.mldsa)
    for text in (*map(to_text, (other, *half)), vkey_text("example.com/other", key)):
        assert "log key" in differences(verify_export(export, log_key=text))
    with pytest.raises(WrongUse, match="safe"):
        verify_export(export, log_key=f"ed25519:{'A' * 43}=\n{key.texts[1]}")


def test_one_key_alone_or_of_another_kind_is_wrong_use(house: House, export: Path) -> None:
    key = house.log.public_key()
    first, second = vkey_text(NAME, key).split()
    name, hashed, encoded = first.split("+", 2)
    blocks = public_pem(key).decode()
    other_ed25519 = ed25519_text(SigningKey.generate().public)
    wrong = [
        *key.texts,
        first,
        second,
        ed25519_pem(key.ed25519).decode(),
        blocks.removeprefix(ed25519_pem(key.ed25519).decode()),
        f"{second} {first}",
        f"{key.texts[0]} {other_ed25519}",
        f"{first} {key.texts[1]}",
        f"{first} {first} {second}",
        f"{key.texts[0]} {key.texts[1][:-8]}",
        blocks.replace("END PUBLIC", "END PRIVATE"),
        blocks.replace("MCowBQYDK2Vw", "MCowBQYDK2Vu"),
        f"{name}+00000000+{encoded} {second}",
        f"other+{hashed}+{encoded} {second}",
        f"{encoded} {second}",
    ]
    for text in wrong:
        with pytest.raises(WrongUse):
            verify_export(export, log_key=text)


NOTES = Path(__file__).parents[2] / "vectors" / "note"
BROKEN_NOTES = json.loads((NOTES / "broken.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("failure", BROKEN_NOTES)
def test_a_note_that_fails_for_a_named_reason_does_not_open_here_either(failure: str) -> None:
    text = (NOTES / "log.vkey").read_text(encoding="utf-8")
    assert parse_key(text, "The key").texts == list(parse_vkeys(text)[1].texts)
    with pytest.raises(Mismatch):
        open_checkpoint(BROKEN_NOTES[failure]["note"], parse_key(text, "The key"), "The checkpoint")


@pytest.mark.nightly
def test_every_flipped_byte_is_noticed_and_named(house: House, export: Path) -> None:
    """By day `tests/attacks/test_log_attacks.py` flips one of each class."""
    for name in EXPORT_FILES:
        data = (export / name).read_bytes()
        for place in range(0, len(data), 1 if len(data) < 150 else 31 if len(data) < 9000 else 1009):
            (export / name).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            said = differences(verify_export(export, log_key=house.log.vkey()))
            if name == "entries.jsonl":
                index = data[:place].count(b"\n")
                assert f"ntry {index} " in said or "entries do not lead" in said or "There are" in said, said
            else:
                assert name.split(".", maxsplit=1)[0].upper() in said.upper(), said
        (export / name).write_bytes(data)
    assert verify_export(export, log_key=house.log.vkey()).ok


@pytest.mark.parametrize("name", ["entries.jsonl", "checkpoint", "log.vkey", "README.txt"])
def test_a_missing_or_unknown_file_is_named(export: Path, name: str) -> None:
    (export / name).rename(export / f"{name}.bak")
    assert name in differences(verify_export(export))
    shutil.copy(export / f"{name}.bak", export / name)
    assert f"{name}.bak" in differences(verify_export(export))


def test_a_kept_checkpoint_of_any_age_is_enough(house: House, export: Path, forger: Forger) -> None:
    leaves = leaves_of(export)
    for size in (0, 1, 5, len(leaves)):
        kept = forger.sign(size, merkle.root(leaves[:size]))
        assert verify_export(export, log_key=house.log.vkey(), checkpoint=kept).ok
        other = forger.sign(size, b"\x01" * 32)
        assert not verify_export(export, checkpoint=other).ok


@pytest.mark.parametrize(
    "kept", ["", "nonsense", "\ud800\n1\nAAAA\n\n— x y\n", "example.com/gateway\n1\nAAAA\n\n— x y\n"]
)
def test_a_kept_checkpoint_that_is_none_is_no_proof(export: Path, kept: str) -> None:
    assert "checkpoint you kept" in differences(verify_export(export, checkpoint=kept))


def test_a_kept_checkpoint_of_another_key_is_no_proof(export: Path) -> None:
    stranger = sign_checkpoint(Checkpoint(NAME, 1, merkle.root(leaves_of(export)[:1])), SigningTwin.generate())
    assert "no Ed25519 signature" in differences(verify_export(export, checkpoint=stranger))


def test_two_checkpoints_that_contradict_each_other_are_noticed(export: Path, forger: Forger) -> None:
    leaves = leaves_of(export)
    forger.write(leaves, [4, len(leaves)])
    forked = forger.sign(4, merkle.root([*leaves[:3], b"{}"]))
    (export / "checkpoints.jsonl").write_bytes(canonical({"size": 4, "text": forked}) + b"\n")
    assert "first 4 entries" in differences(verify_export(export))


def test_an_export_with_maps_of_its_matters_and_views(house: House, tmp_path: Path) -> None:
    """Both verifiers make every map again."""
    extracts = Extracts(house.log._units, house.log._keyring, house.log)
    extracts.map_matters()
    for matter in ("mat_1", "mat_2", "mat_1"):
        house.append(Act("test.done", "per_one", matter=matter))
    extracts.map_matters()
    made = house.log.export(tmp_path / "x", ["csv", "ocsf", "cef", "syslog"]).folder
    report = verify_export(made, log_key=house.log.vkey())
    assert report.ok, report
    (made / "matters.json").unlink()
    assert "matters.json" in differences(verify_export(made))


Forgery = Callable[[Forger, list[bytes]], object]


def test_an_empty_file_of_stamps_or_cosignatures_is_no_file(export: Path, forger: Forger) -> None:
    for name in ("stamps.jsonl", "cosignatures.jsonl"):
        (export / name).touch()
    forger.index()
    told = differences(verify_export(export))
    assert "stamps.jsonl does not end with a whole line" in told
    assert "cosignatures.jsonl does not end with a whole line" in told


def stranger_s_index(forger: Forger, _leaves: list[bytes]) -> None:
    index = (forger.export / "index.json").read_bytes()
    (forger.export / "index.sig").write_bytes(_signed(index, SigningTwin.generate()))


def indexed(change: Callable[[dict[str, Any]], object]) -> Forgery:
    """Another index, signed by the log."""

    def write(forger: Forger, _leaves: list[bytes]) -> None:
        index = json.loads((forger.export / "index.json").read_bytes())
        change(index)
        (forger.export / "index.json").write_bytes(canonical(index))
        (forger.export / "index.sig").write_bytes(_signed(canonical(index), forger.key))

    return write


def index_signed(change: Callable[[dict[str, Any]], object]) -> Forgery:
    def write(forger: Forger, _leaves: list[bytes]) -> None:
        signed = json.loads((forger.export / "index.sig").read_bytes())
        assert signed["type"] == SIGNATURE_TYPE
        change(signed)
        (forger.export / "index.sig").write_bytes(canonical(signed))

    return write


def signed_cases() -> dict[str, tuple[Forgery, str]]:
    def rewritten(
        change: Callable[[dict[str, Any]], object], index: int = 7
    ) -> Callable[[Forger, list[bytes]], object]:
        def write(forger: Forger, leaves: list[bytes]) -> None:
            entry = json.loads(leaves[index])
            change(entry)
            forger.write([*leaves[:index], canonical(entry), *leaves[index + 1 :]], [len(leaves)])

        return write

    def put(name: str, data: bytes) -> Forgery:
        return lambda forger, _leaves: (forger.export / name).write_bytes(data)

    return {
        "no entry at all": (lambda forger, _leaves: forger.write([], [0]), "nothing was signed"),
        "another log in the first entry": (rewritten(lambda e: e["facts"].update(origin="x"), 0), "Entry 0"),
        "another key in the first entry": (rewritten(lambda e: e["facts"]["keys"].pop(), 0), "Entry 0"),
        "another first entry": (lambda forger, leaves: forger.write(leaves[1:], [len(leaves) - 1]), "Entry 0"),
        "a number skipped": (rewritten(lambda e: e.update(seq=e["seq"] + 1)), "Entry 7 is number"),
        "another predecessor": (rewritten(lambda e: e.update(prev="0" * 64)), "Entry 7"),
        "moved to another matter": (rewritten(lambda e: e.update(matter="mat_7")), "Entry 10 is number 2"),
        "half a chain": (rewritten(lambda e: e.pop("prev")), "a part of matter, seq and prev"),
        "an unknown field": (rewritten(lambda e: e.update(name="x")), "'name'"),
        "a missing field": (rewritten(lambda e: e.pop("actor")), "'actor'"),
        "another version": (rewritten(lambda e: e.update(v=2)), "Entry 7, v"),
        "a spaced entry": (
            lambda forger, leaves: forger.write([*leaves[:7], leaves[7] + b" ", *leaves[8:]], [len(leaves)]),
            "Entry 7 is not in canonical form",
        ),
        "an entry that is a list": (
            lambda forger, leaves: forger.write([*leaves[:7], b"[]", *leaves[8:]], [len(leaves)]),
            "Entry 7 is not an object",
        ),
        "an entry too long": (
            lambda forger, leaves: forger.write([*leaves, b'"' + b"a" * 65_536 + b'"'], [len(leaves) + 1]),
            "too long",
        ),
        "sizes that shrink": (lambda forger, leaves: forger.write(leaves, [9, 4, len(leaves)]), "followed by"),
        "a size that its text does not have": (
            lambda forger, _leaves: (forger.export / "checkpoints.jsonl").write_bytes(
                canonical({"size": 3, "text": forger.sign(4, b"\x00" * 32)}) + b"\n"
            ),
            "another size",
        ),
        "half a line of checkpoints": (put("checkpoints.jsonl", b"{}"), "whole line"),
        "another log's checkpoint": (
            lambda forger, leaves: (forger.export / "checkpoint").write_text(
                forger.sign(len(leaves), merkle.root(leaves), "example.com/other"), encoding="utf-8"
            ),
            "of the log 'example.com/other'",
        ),
        "another key for openssl": (put("log.pub.pem", public_pem(SigningTwin.generate().public)), "log.pub.pem"),
        "one key for openssl": (
            lambda forger, _leaves: (forger.export / "log.pub.pem").write_bytes(ed25519_pem(forger.key.public.ed25519)),
            "log.pub.pem",
        ),
        "an index signed by a stranger": (stranger_s_index, "not signed by this log"),
        "an index that lists a file fewer": (indexed(lambda i: i["files"].pop()), "exactly the other files"),
        "an index of another log": (indexed(lambda i: i.update(log="example.com/other")), "not signed by this log"),
        "an index signed with Ed25519 alone": (index_signed(lambda s: s["signatures"].pop()), "lacks the ML-DSA-44"),
        "an index signed with ML-DSA-44 alone": (index_signed(lambda s: s["signatures"].pop(0)), "lacks the Ed25519"),
        "two keys": (put("log.vkey", b"a+b+c\nd+e+f\n"), "log.vkey"),
        "a key that is no text": (put("log.vkey", b"\xff"), "log.vkey"),
    }


@pytest.mark.parametrize("case", signed_cases())
def test_what_the_log_would_never_have_written_is_refused(export: Path, forger: Forger, case: str) -> None:
    change, word = signed_cases()[case]
    change(forger, leaves_of(export))
    assert word in differences(verify_export(export))


def test_a_second_founding_is_refused(house: House, tmp_path: Path) -> None:
    """With the log's key alone somebody could found anew, with keys of their own for people who are there."""
    house.found()
    report = verify_export(house.log.export(tmp_path / "export").folder)
    assert "first entry: Entry 5 founds the deployment a second time" in differences(report)


def test_a_clock_set_back_is_told_and_fails_nothing(house: House, tmp_path: Path) -> None:
    house.clock.time -= timedelta(days=30)
    index = house.log.accept_clock()
    house.append(Act("test.done", "per_one"))
    report = verify_export(house.log.export(tmp_path / "export").folder)
    assert report.ok
    assert any(f"first at entry {index}" in warning for warning in report.warnings)


def test_an_export_appears_whole_or_not_at_all(house: House, tmp_path: Path, export: Path) -> None:
    with pytest.raises(ExportExists):
        house.log.export(export)
    with house.units._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_entry SET leaf = CAST(leaf || ' ' AS BLOB) WHERE \"index\" = 5")
    with pytest.raises(LogDamaged):
        house.log.export(tmp_path / "second")
    assert not list(tmp_path.glob("second*"))

"""An export verifies whole; what was changed, cut, forked or dated back is named."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.audit.export import ExportExists
from gateway.audit.model import Act, LogDamaged
from gateway.base.canon import canonical
from gateway.seal import merkle
from gateway.seal.note import Checkpoint, sign_checkpoint, vkey
from gateway.seal.signature import SigningKey, public_pem, to_text
from gateway.verify.verify import Key, Mismatch, Report, WrongUse, open_checkpoint, verify_export

if TYPE_CHECKING:
    from tests.unit.verify.conftest import House

NAME = "example.com/gateway"


def differences(report: Report) -> str:
    assert report.exit_code == 1
    assert report.sentence().startswith("NOT verified")
    return "\n".join(f"{step.title}: {step.detail}" for step in report.steps if step.state == "failed")


def leaves_of(export: Path) -> list[bytes]:
    return (export / "entries.jsonl").read_bytes().splitlines()


class Forger:
    """Whoever holds the log's key and rewrites an export so that everything in it fits together."""

    def __init__(self, house: House, export: Path) -> None:
        self.export = export
        with house.units.read() as session:
            keyring = house.log._keyring
            key_id = keyring.find(session, role="log_signing", owner="deployment")
            self.key = SigningKey.from_seed(keyring.unwrap(session, key_id))

    def write(self, leaves: list[bytes], sizes: list[int]) -> None:
        texts = [self.sign(size, merkle.root(leaves[:size])) for size in sizes]
        (self.export / "entries.jsonl").write_bytes(b"".join(leaf + b"\n" for leaf in leaves))
        (self.export / "checkpoint").write_text(texts[-1], encoding="utf-8")
        lines = [canonical({"size": n, "text": text}) + b"\n" for n, text in zip(sizes[:-1], texts, strict=False)]
        (self.export / "checkpoints.jsonl").write_bytes(b"".join(lines))

    def sign(self, size: int, root: bytes, origin: str = NAME) -> str:
        return sign_checkpoint(Checkpoint(origin, size, root), origin, self.key)


@pytest.fixture
def forger(house: House, export: Path) -> Forger:
    return Forger(house, export)


def test_a_good_export_verifies(house: House, export: Path) -> None:
    kept = house.log.checkpoint().text
    report = verify_export(export, log_key=house.log.vkey(), checkpoint=kept)
    assert [step.state for step in report.steps] == ["ok"] * 8, report
    assert (report.ok, report.pinned, report.warnings) == (True, True, [])
    assert json.loads((export / "checkpoints.jsonl").read_text(encoding="utf-8").splitlines()[0])["size"] < 14


def test_an_export_alone_says_what_it_cannot_show(house: House, export: Path) -> None:
    report = verify_export(export)
    assert report.ok
    assert not report.pinned
    assert any(house.log.vkey() in warning for warning in report.warnings)
    assert any("--checkpoint" in warning for warning in report.warnings)
    assert "compare" in report.sentence()


def test_every_form_of_the_key_is_understood_and_another_is_refused(house: House, export: Path) -> None:
    key = house.log.public_key()
    for text in (to_text(key), vkey(NAME, key), public_pem(key).decode()):
        assert verify_export(export, log_key=text).ok
    for text in (to_text(SigningKey.generate().public), vkey("example.com/other", key)):
        assert "log key" in differences(verify_export(export, log_key=text))
    with pytest.raises(WrongUse):
        verify_export(export, log_key="ed25519:" + "A" * 43 + "=")


def test_a_key_of_another_kind_in_the_same_clothes_is_wrong_use(house: House, export: Path) -> None:
    key = house.log.public_key()
    name, hashed, encoded = vkey(NAME, key).split("+", 2)
    exchange = X25519PublicKey.from_public_bytes(key.raw).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    cosigner = base64.b64encode(b"\x04" + key.raw).decode()
    wrong = [
        exchange.decode(),
        public_pem(key).decode().replace("END PUBLIC", "END PRIVATE"),
        f"{name}+00000000+{encoded}",
        f"{name}+{hashed}+{cosigner}",
        f"other+{hashed}+{encoded}",
        encoded,
    ]
    for text in wrong:
        with pytest.raises(WrongUse):
            verify_export(export, log_key=text)


BROKEN_NOTES = json.loads((Path(__file__).parents[2] / "vectors" / "note" / "broken.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("failure", BROKEN_NOTES)
def test_a_note_that_fails_for_a_named_reason_does_not_open_here_either(failure: str) -> None:
    key = Key(SigningKey.from_seed(bytes(range(32))).public.raw, NAME)
    with pytest.raises(Mismatch):
        open_checkpoint(BROKEN_NOTES[failure], key, "The checkpoint")


def test_every_flipped_byte_is_noticed_and_named(house: House, export: Path) -> None:
    for name in ("entries.jsonl", "checkpoint", "checkpoints.jsonl", "log.vkey", "log.pub.pem"):
        data = (export / name).read_bytes()
        for place in range(0, len(data), 1 if len(data) < 150 else 31):
            (export / name).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            said = differences(verify_export(export, log_key=house.log.vkey()))
            if name == "entries.jsonl":
                index = data[:place].count(b"\n")
                assert f"ntry {index} " in said or "entries do not lead" in said or "There are" in said, said
            else:
                assert name.split(".", maxsplit=1)[0] in said, said
        (export / name).write_bytes(data)
    assert verify_export(export, log_key=house.log.vkey()).ok


@pytest.mark.parametrize("name", ["entries.jsonl", "checkpoint", "log.vkey", "README.txt"])
def test_a_missing_or_unknown_file_is_named(export: Path, name: str) -> None:
    (export / name).rename(export / f"{name}.bak")
    assert name in differences(verify_export(export))
    shutil.copy(export / f"{name}.bak", export / name)
    assert f"{name}.bak" in differences(verify_export(export))


def attacks() -> dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]]:
    """What the holder of the log's key can do to entries, each time signing everything anew."""

    def dated_back(leaves: list[bytes]) -> list[bytes]:
        entry = json.loads(leaves[-1]) | {"at": "2020-01-01T00:00:00.000Z"}
        return [*leaves[:-1], canonical(entry)]

    return {
        "truncated": (lambda leaves: leaves[:6], "the export has 6"),
        "the last entry dropped": (lambda leaves: leaves[:-1], "the export has"),
        "an entry rewritten": (
            lambda leaves: [*leaves[:7], leaves[7].replace(b"per_one", b"per_two"), *leaves[8:]],
            "rewritten",
        ),
        "an entry deleted": (lambda leaves: leaves[:7] + leaves[8:] + leaves[7:8], "rewritten"),
        "an entry dated back": (dated_back, "rewritten"),
    }


@pytest.mark.parametrize("attack", attacks())
def test_the_key_holder_s_rewriting_is_caught_by_a_checkpoint_kept_outside(
    house: House, export: Path, forger: Forger, attack: str
) -> None:
    change, word = attacks()[attack]
    kept = (export / "checkpoint").read_text(encoding="utf-8")
    leaves = change(leaves_of(export))
    forger.write(leaves, [4, len(leaves)])
    assert word in differences(verify_export(export, log_key=house.log.vkey(), checkpoint=kept))


def test_a_kept_checkpoint_of_any_age_is_enough(house: House, export: Path, forger: Forger) -> None:
    leaves = leaves_of(export)
    for size in range(len(leaves) + 1):
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
    stranger = sign_checkpoint(Checkpoint(NAME, 1, merkle.root(leaves_of(export)[:1])), NAME, SigningKey.generate())
    assert "no signature" in differences(verify_export(export, checkpoint=stranger))


def test_two_checkpoints_that_contradict_each_other_are_noticed(export: Path, forger: Forger) -> None:
    leaves = leaves_of(export)
    forger.write(leaves, [4, len(leaves)])
    forked = forger.sign(4, merkle.root([*leaves[:3], b"{}"]))
    (export / "checkpoints.jsonl").write_bytes(canonical({"size": 4, "text": forked}) + b"\n")
    assert "first 4 entries" in differences(verify_export(export))


Forgery = Callable[[Forger, list[bytes]], object]


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
        "another key in the first entry": (rewritten(lambda e: e["facts"].update(key="x"), 0), "Entry 0"),
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
        "another key for openssl": (put("log.pub.pem", public_pem(SigningKey.generate().public)), "log.pub.pem"),
        "two keys": (put("log.vkey", b"a+b+c\nd+e+f\n"), "log.vkey"),
        "a key that is no text": (put("log.vkey", b"\xff"), "log.vkey"),
    }


@pytest.mark.parametrize("case", signed_cases())
def test_what_the_log_would_never_have_written_is_refused(export: Path, forger: Forger, case: str) -> None:
    change, word = signed_cases()[case]
    change(forger, leaves_of(export))
    assert word in differences(verify_export(export))


def test_a_clock_set_back_is_told_and_fails_nothing(house: House, tmp_path: Path) -> None:
    house.clock.time -= timedelta(days=30)
    index = house.append(Act("test.done", "per_one"))
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

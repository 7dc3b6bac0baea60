"""Every attack on the log: who makes it, which step of a verifier catches it, and in what words.

1. Whoever has an export and no key changes it: caught by the export alone.
2. Whoever holds the log's key makes a new story that fits together: caught by an older checkpoint kept outside, and by
   witnesses; by the export alone it is not, which is tested too. `docs/threat-model.md` lists these by name.
3. Whoever runs the gateway: a database put back, two instances, a release that was never logged.
4. A witness that lies. 5. A verifier that is given nothing signed.

The second verifier says the same of every export and package here.
"""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.cosigning import Cosigning, QuorumMissing
from gateway.audit.model import Act, LogForked, LogShrank
from gateway.audit.ports import WitnessAnswer
from gateway.audit.service import Log
from gateway.base.canon import canonical
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.seal import merkle
from gateway.seal.add_checkpoint import parse_request
from gateway.seal.cosignature import cosign
from gateway.seal.note import Checkpoint, open_checkpoint, parse_vkeys
from gateway.seal.twin import SigningTwin
from gateway.verify import WrongUse, verify_export, verify_package
from gateway.verify.verify import Report
from gateway.witness.service import Witness, create
from tests.support.databases import SQLITE
from tests.support.forger import Forger, differences, leaves_of
from tests.support.second import MISSING, Second
from tests.support.witnesses import PASSPHRASE, Answer, Straight, policy_of
from tests.unit.verify.conftest import MATTER, House, MemoryRoot, drafted, founded

URL = "http://w1.example"
THREATS = Path(__file__).parents[2] / "docs" / "threat-model.md"


@dataclass(frozen=True)
class Scene:
    """A cosigned export of a log, an older checkpoint of which is in other hands."""

    house: House
    folder: Path
    policy: bytes
    kept: str
    kept_size: int
    second: Second | None

    def copy(self, folder: Path) -> Forger:
        """The export in hands that change it."""
        return Forger(Path(shutil.copytree(self.folder, folder / "export")), self.house.log)

    def verify(self, path: Path, *, checkpoint: str | None = None, policy: bytes | None = None) -> Report:
        """What both verifiers say, who know the log's keys."""
        known = {"log_key": self.house.log.vkey()}
        report = verify_export(path, log_key=known["log_key"], checkpoint=checkpoint, policy=policy)
        if self.second is not None:
            answer = self.second.verify(path, **known, checkpoint=checkpoint, policy=policy)
            failed = [step.title for step in report.steps if step.state == "failed"]
            assert answer.code == report.exit_code, (report, answer)
            assert answer.failed in failed if failed else answer.failed is None, (report, answer)
        return report


def cosigning_of(house: House, witness: Witness, caller: Straight) -> Cosigning:
    policy = policy_of(witness, URL).encode()
    return Cosigning(house.units, house.log, house.clock, policy, caller, required=True)


def witness_of(house: House, folder: Path, name: str = "w1.example") -> Witness:
    create(folder, name, PASSPHRASE)
    made = Witness(folder, PASSPHRASE, house.clock)
    made.trust(house.log.vkey())
    return made


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Scene:
    folder = tmp_path_factory.mktemp("scene")
    house = founded(folder)
    witness = witness_of(house, folder / "w1")
    cosigning = cosigning_of(house, witness, Straight({URL: witness}))

    def acts(count: int) -> None:
        for number in range(count):
            house.append(Act("test.done", "per_one", matter=(MATTER, None, "mat_2")[number % 3], facts={"n": number}))

    acts(6)
    kept = cosigning.checkpoint().checkpoint
    acts(5)
    export = cosigning.export(folder / "export", ["csv"]).folder
    second = None if MISSING is not None else request.getfixturevalue("second")
    return Scene(house, export, policy_of(witness, URL).encode(), kept.text, kept.size, second)


def test_what_nobody_attacked_verifies(scene: Scene) -> None:
    report = scene.verify(scene.folder, checkpoint=scene.kept, policy=scene.policy)
    assert (report.ok, report.warnings) == (True, []), report


# 1. Without a key.

Change = Callable[[bytes], bytes]


def flip(place: int) -> Change:
    return lambda data: data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def flip_in(mark: bytes) -> Change:
    """One bit of the first byte of this."""
    return lambda data: flip(data.index(mark))(data)


def in_signature(line: int) -> Change:
    """Another byte in the middle of a signature line, still in base64."""

    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        name, blob = lines[line].rsplit(b" ", 1)
        raw = bytearray(base64.b64decode(blob))
        raw[len(raw) // 2] ^= 1
        lines[line] = name + b" " + base64.b64encode(raw)
        return b"\n".join(lines)

    return change


def rooted(data: bytes) -> bytes:
    lines = data.split(b"\n")
    lines[2] = base64.b64encode(bytes(32))
    return b"\n".join(lines)


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    return lambda data: b"".join(line + b"\n" for line in change(data.splitlines()))


INVENTED = b'{"actor":"per_one","at":"2026-01-31T08:00:30.000Z","facts":{},"type":"test.done","v":1}'
# Attack → file, change, step that catches it, what it says.
KEYLESS: dict[str, tuple[str, Change, str, str]] = {
    "a byte of an entry": ("entries.jsonl", flip_in(b"per_one"), "tree", "do not lead to the root"),
    "a byte of a key in an entry": ("entries.jsonl", flip_in(b"actor"), "entries", "Entry 0"),
    "a line feed": ("entries.jsonl", flip_in(b"\n"), "entries", "There are 15 entries; the checkpoint is over 16"),
    "the checkpoint's size": ("checkpoint", lambda data: data.replace(b"\n16\n", b"\n17\n"), "signatures", "Ed25519"),
    "the checkpoint's root": ("checkpoint", rooted, "signatures", "Ed25519 signature does not belong"),
    "the checkpoint's name": ("checkpoint", flip(3), "signatures", "is of the log"),
    "the Ed25519 signature": ("checkpoint", in_signature(4), "signatures", "Ed25519 signature does not belong"),
    "the ML-DSA-44 signature": ("checkpoint", in_signature(5), "signatures", "ML-DSA-44 signature does not belong"),
    "one signature taken away": (
        "checkpoint", lambda data: b"\n".join([*data.split(b"\n")[:5], b""]), "signatures", "carries no ML-DSA-44",
    ),
    "an earlier checkpoint": ("checkpoints.jsonl", flip_in(b"\\n11\\n"), "signatures", "Line 1 of checkpoints.jsonl"),
    "an earlier checkpoint taken away": ("checkpoints.jsonl", lambda _: b"", "witnesses", "over no checkpoint"),
    "a cosignature": ("cosignatures.jsonl", flip_in(b"w1.example"), "index", "cosignatures.jsonl was changed"),
    "the policy": ("policy", flip(0), "index", "policy was changed"),
    "a verifier key": ("log.vkey", flip(40), "log key", "log.vkey"),
    "a key for openssl": ("log.pub.pem", flip(40), "log key", "log.pub.pem"),
    "a tile": ("tile/0/000.p/16", flip(40), "tiles", "tile/0/000.p/16 does not hold the hash of entry 1"),
    "a view": ("entries.csv", flip(200), "index", "entries.csv was changed"),
    "the index": ("index.json", flip_in(b"README"), "index", "signature in index.sig does not hold"),
    "the index's signature": ("index.sig", flip(-20), "index", "index.sig"),
    "the script": ("verify.py", flip(500), "index", "verify.py was changed"),
    "the README": ("README.txt", flip(5), "index", "README.txt was changed"),
    "an entry deleted": ("entries.jsonl", lines(lambda a: a[:7] + a[8:]), "entries", "There are 15 entries"),
    "an entry inserted": (
        "entries.jsonl", lines(lambda a: [*a[:7], INVENTED, *a[7:]]), "entries", "There are 17 entries",
    ),
    "an entry duplicated": ("entries.jsonl", lines(lambda a: [*a[:8], *a[7:]]), "entries", "There are 17 entries"),
    "an entry replaced": ("entries.jsonl", lines(lambda a: [*a[:7], INVENTED, *a[8:]]), "tiles", "hash of entry 7"),
    "two entries swapped": (
        "entries.jsonl", lines(lambda a: [*a[:6], a[7], a[6], *a[8:]]), "tiles", "hash of entry 6",
    ),
    "one entry cut off": ("entries.jsonl", lines(lambda a: a[:-1]), "entries", "There are 15 entries"),
    "half cut off": ("entries.jsonl", lines(lambda a: a[:8]), "entries", "There are 8 entries"),
    "all cut off": ("entries.jsonl", lambda _: b"", "entries", "There are 0 entries"),
    "half an entry cut off": ("entries.jsonl", lambda data: data[:-40], "entries", "Entry 15 is cut short"),
}  # fmt: skip


@pytest.mark.parametrize("attack", KEYLESS)
def test_without_a_key_it_is_caught_by_the_export_alone(scene: Scene, tmp_path: Path, attack: str) -> None:
    name, change, step, says = KEYLESS[attack]
    export = scene.copy(tmp_path).export
    (export / name).write_bytes(change((export / name).read_bytes()))
    assert (export / name).read_bytes() != (scene.folder / name).read_bytes()
    told = [line for line in differences(scene.verify(export)).split("\n") if line.startswith(f"{step}: ")]
    assert [says in line for line in told] == [True], told


def test_a_cosignature_changed_is_no_word_of_the_witness(scene: Scene, tmp_path: Path) -> None:
    export = scene.copy(tmp_path).export
    path = export / "cosignatures.jsonl"
    told = [json.loads(line) for line in path.read_bytes().splitlines()]
    for one in told[-2:]:
        one["line"] = in_signature(0)(one["line"].encode()).decode()
    path.write_bytes(b"".join(canonical(one) + b"\n" for one in told))
    said = differences(scene.verify(export, policy=scene.policy))
    assert "witnesses: The checkpoint: the witness " in said
    assert "did not sign this checkpoint: the line or the checkpoint was changed" in said


# 2. With the log's key.

Story = Callable[[list[bytes]], list[bytes]]


def rechained(leaves: list[bytes], without: int | None = None) -> list[bytes]:
    """The entries without one, their matters numbered and chained anew."""
    ends: dict[str, tuple[int, str | None]] = {}
    made = []
    for index, leaf in enumerate(leaves):
        entry = json.loads(leaf)
        if index == without:
            continue
        if "matter" in entry:
            number, last = ends.get(entry["matter"], (0, None))
            entry |= {"seq": number + 1, "prev": last}
        made.append(canonical(entry))
        if "matter" in entry:
            ends[entry["matter"]] = (entry["seq"], merkle.leaf_hash(made[-1]).hex())
    return made


def of_matter(leaves: list[bytes]) -> list[int]:
    return [index for index, leaf in enumerate(leaves) if json.loads(leaf).get("matter") == MATTER]


def rewritten(leaves: list[bytes], index: int = 5, **fields: object) -> list[bytes]:
    entry = json.loads(leaves[index]) | (fields or {"actor": "per_two"})
    return rechained([*leaves[:index], canonical(entry), *leaves[index + 1 :]])


REWRITTEN = "the log was rewritten"
# Attack → the story told instead, what is said by who kept an older checkpoint. Each fits together, signed by the log.
KEY_HOLDER: dict[str, tuple[Story, str]] = {
    "an entry rewritten": (rewritten, REWRITTEN),
    "an entry dated back": (lambda told: rewritten(told, at="2026-01-31T08:00:00.000Z"), REWRITTEN),
    "an entry invented": (lambda told: rechained([*told[:6], INVENTED, *told[6:]]), REWRITTEN),
    "two entries exchanged": (lambda told: rechained([*told[:5], told[6], told[5], *told[7:]]), REWRITTEN),
    "a matter's middle entry deleted": (lambda told: rechained(told, of_matter(told)[1]), REWRITTEN),
    "a matter's last entry deleted": (
        lambda told: [*rechained(told[:11], of_matter(told[:11])[-1]), *[INVENTED] * 5], REWRITTEN,
    ),
    "a matter deleted": (
        lambda told: [*rechained([leaf for leaf in told if json.loads(leaf).get("matter") != MATTER]), *[INVENTED] * 4],
        REWRITTEN,
    ),
    "another ending from an earlier entry on": (lambda told: [*told[:8], *[INVENTED] * 8], REWRITTEN),
    "a new log under the old keys": (lambda told: [told[0], *[INVENTED] * 15], REWRITTEN),
    "cut off behind an earlier entry": (lambda told: told[:7], "over 11 entries, the export has 7"),
}  # fmt: skip


@pytest.mark.parametrize("attack", KEY_HOLDER)
def test_with_the_key_it_is_caught_from_outside_and_not_alone(scene: Scene, tmp_path: Path, attack: str) -> None:
    story, says = KEY_HOLDER[attack]
    forger = scene.copy(tmp_path)
    told = story(leaves_of(forger.export))
    assert told != leaves_of(scene.folder)
    forger.write(told, [len(told)])
    alone = scene.verify(forger.export)
    assert alone.ok, differences(alone)
    assert any("--checkpoint" in warning for warning in alone.warnings)
    report = scene.verify(forger.export, checkpoint=scene.kept, policy=scene.policy)
    said = differences(report).split("\n")
    assert [line.split(":")[0] for line in said] == ["checkpoint held outside", "witnesses"]
    assert says in said[0]
    assert "cosigned by 0 keys of the policy, and these are no quorum" in said[1]


@pytest.mark.parametrize(
    ("attack", "leave", "says"),
    [
        ("a gap in a matter", lambda told: [*told[:8], *told[9:]], "matters: Entry 10 is number 3 of its matter"),
        ("another first entry", lambda told: told[1:], "first entry: Entry 0 does not name this log"),
    ],
)
def test_a_story_that_does_not_fit_is_caught_alone(
    scene: Scene, tmp_path: Path, attack: str, leave: Story, says: str
) -> None:
    forger = scene.copy(tmp_path)
    told = leave(leaves_of(forger.export))
    forger.write(told, [len(told)])
    assert says in differences(scene.verify(forger.export)), attack


def test_what_is_newer_than_the_checkpoint_kept_only_witnesses_catch(scene: Scene, tmp_path: Path) -> None:
    forger = scene.copy(tmp_path)
    told = rewritten(leaves_of(forger.export), scene.kept_size + 1)
    forger.write(told, [len(told)])
    assert scene.verify(forger.export, checkpoint=scene.kept).ok
    assert "witnesses: " in differences(scene.verify(forger.export, checkpoint=scene.kept, policy=scene.policy))
    newest = (scene.folder / "checkpoint").read_text()
    assert REWRITTEN in differences(scene.verify(forger.export, checkpoint=newest))


def test_cut_off_to_the_very_checkpoint_kept_nobody_catches_but_the_times(scene: Scene, tmp_path: Path) -> None:
    """It is the log as it once stood, cosigned as it then was: a newer checkpoint or the time of the lines shows it."""
    forger = scene.copy(tmp_path)
    cosigned = (forger.export / "cosignatures.jsonl").read_bytes().splitlines()
    forger.write(leaves_of(forger.export)[: scene.kept_size], [scene.kept_size])
    kept = [line for line in cosigned if json.loads(line)["size"] == scene.kept_size]
    (forger.export / "checkpoint").write_text("".join(scene.kept.splitlines(keepends=True)[:6]))
    (forger.export / "cosignatures.jsonl").write_bytes(b"".join(line + b"\n" for line in kept))
    forger.index()
    report = scene.verify(forger.export, checkpoint=scene.kept, policy=scene.policy)
    assert report.ok, differences(report)
    assert "last at 2026-01-31 08:00" in report.steps[-1].detail
    newest = (scene.folder / "checkpoint").read_text()
    said = differences(scene.verify(forger.export, checkpoint=newest))
    assert "checkpoint held outside: The checkpoint you kept is over 16 entries, the export has 11" in said


def test_of_two_stories_at_most_one_continues_what_was_kept_and_none_both(scene: Scene, tmp_path: Path) -> None:
    """A fork: one part of the world is shown one ending, the other another."""
    forger = scene.copy(tmp_path)
    told = leaves_of(forger.export)
    other = [*told[:13], *[INVENTED] * 3]
    forger.write(other, [len(other)])
    ours, theirs = (scene.folder / "checkpoint").read_text(), (forger.export / "checkpoint").read_text()
    assert REWRITTEN in differences(scene.verify(scene.folder, checkpoint=theirs))
    assert REWRITTEN in differences(scene.verify(forger.export, checkpoint=ours))


def test_the_threat_model_lists_what_the_export_alone_does_not_show() -> None:
    told = THREATS.read_text("utf-8")
    assert [attack for attack in KEY_HOLDER if f"| {attack} |" not in told] == []


# 3. Around the gateway.


def put_back(engine_file: Path, copy: Path) -> None:
    with sqlite3.connect(copy) as old, sqlite3.connect(engine_file) as live:
        old.backup(live)


def kept_outside(folder: Path) -> tuple[House, Path, Path]:
    """A house whose log has a high-water file, its database, and a copy of it."""
    house = founded(folder)
    keyring = house.log._keyring
    high_water = folder / "outside" / "log.checkpoint"
    high_water.parent.mkdir()
    house.log = Log(house.units, keyring, house.clock, house.log.name, high_water)
    database, copy = folder / "gateway.db", folder / "older.db"
    house.log.checkpoint()
    with sqlite3.connect(database) as live, sqlite3.connect(copy) as old:
        live.backup(old)
    return house, database, copy


def test_a_database_put_back_signs_nothing(tmp_path: Path) -> None:
    house, database, copy = kept_outside(tmp_path)
    house.append(Act("test.done", "per_one"))
    house.log.mark()
    put_back(database, copy)
    for _ in range(2):
        for ask in (house.log.checkpoint, house.log.check_continues):
            with pytest.raises((LogShrank, LogForked)):
                ask()
        house.append(Act("test.other", "per_one"))


def test_put_back_with_its_high_water_mark_only_outsiders_notice(tmp_path: Path) -> None:
    house, database, copy = kept_outside(tmp_path)
    mark = tmp_path / "outside" / "log.checkpoint"
    older = mark.read_bytes()
    witness = witness_of(house, tmp_path / "w1")
    caller = Straight({URL: witness})
    house.append(Act("test.done", "per_one"))
    kept = cosigning_of(house, witness, caller).checkpoint().checkpoint.text
    put_back(database, copy)
    mark.write_bytes(older)
    house.append(Act("test.other", "per_one"))
    cosigning = cosigning_of(house, witness, caller)
    cosigned = cosigning.checkpoint()
    assert "does not continue what it cosigned before" in cosigned.refusals[URL]
    with pytest.raises(QuorumMissing):
        cosigning.require(cosigned)
    export = house.log.export(tmp_path / "export").folder
    assert verify_export(export, log_key=house.log.vkey()).ok
    assert REWRITTEN in differences(verify_export(export, log_key=house.log.vkey(), checkpoint=kept))


def test_two_instances_on_one_database_keep_one_log_and_sign_one_story(tmp_path: Path) -> None:
    house = founded(tmp_path)
    others = [
        House(Log(units, Keyring(MemoryRoot(), "tenant", house.clock), house.clock, house.log.name), units, house.clock)
        for units in (Units(SQLITE.engine(tmp_path)) for _ in range(2))
    ]

    def act(one: House) -> list[str]:
        signed = []
        for number in range(8):
            one.append(Act("test.done", "per_one", matter=MATTER, facts={"n": number}))
            signed.append(one.log.checkpoint().text)
        return signed

    size = house.log.size()
    with ThreadPoolExecutor(2) as pool:
        handed = [text for texts in pool.map(act, others) for text in texts]
    export = house.log.export(tmp_path / "export").folder
    assert house.log.size() == size + 16
    roots = {checkpoint["size"]: checkpoint["text"] for checkpoint in map(json.loads, checkpoints_of(export))}
    name, key = parse_vkeys(house.log.vkey())
    for text in handed:
        one = open_checkpoint(text, name, key)
        assert one.root == merkle.root(leaves_of(export)[: one.size])
        assert roots.get(one.size, text) == text
    assert verify_export(export, log_key=house.log.vkey(), checkpoint=handed[0]).ok


def checkpoints_of(export: Path) -> list[bytes]:
    return (export / "checkpoints.jsonl").read_bytes().splitlines()


def test_a_release_that_was_not_logged_does_not_verify(tmp_path: Path, second: Second) -> None:
    """With the package's keys and every approver's, and the log's word for something else."""
    house = founded(tmp_path)
    keys: dict[str, Any] = {"log_key": house.log.vkey(), "package_key": " ".join(house.package_key.public.texts)}

    def said(path: Path) -> str:
        answer = second.verify(path, **keys)
        told = differences(verify_package(path, **keys))
        assert answer.failed in [line.split(":")[0] for line in told.split("\n")], answer
        return told

    draft = drafted(house, tmp_path)
    package = draft.write()
    assert verify_package(package, **keys).ok
    proof = (package / "audit.proof").read_text()
    manifest = json.loads((package / "manifest.json").read_bytes()) | {"created_at": "2026-02-01T08:00:00.000Z"}
    unlogged = drafted(house, tmp_path / "unlogged")
    unlogged.manifest = manifest
    (unlogged.write() / "audit.proof").write_text(proof)
    assert "log entry: manifest.json is not the one that was logged" in said(unlogged.folder)
    never = drafted(house, tmp_path / "never")
    never.seal = "release.refused"
    assert "log entry: The entry in audit.proof is of the type 'release.refused'" in said(never.write())
    leaf = json.loads(base64.b64decode(proof.split("\n")[1].removeprefix("extra ")))
    leaf["facts"]["manifest_sha256"] = sha256((unlogged.folder / "manifest.json").read_bytes()).hexdigest()
    forged = proof.split("\n")
    forged[1] = f"extra {base64.b64encode(canonical(leaf)).decode()}"
    (unlogged.folder / "audit.proof").write_text("\n".join(forged))
    assert "log entry: The entry in audit.proof is not entry" in said(unlogged.folder)


# 4. Witnesses.


def lies(house: House, one: Witness) -> dict[str, tuple[Answer, str]]:
    """Every lie by name, and the words it is refused with."""
    log, clock = house.log, house.clock

    def told(data: bytes) -> Checkpoint:
        return open_checkpoint(parse_request(data).checkpoint, *parse_vkeys(log.vkey()))

    def lines(checkpoint: Checkpoint, later_s: int = 0, key: SigningTwin | None = None) -> WitnessAnswer:
        at = int(clock.time.timestamp()) + later_s
        return WitnessAnswer(200, cosign(checkpoint, one.name, key or one._key, at).encode())

    def forged(data: bytes) -> WitnessAnswer:
        # The key hash of the real key, the signature of another.
        true, false = lines(told(data)).untrusted_body, lines(told(data), key=SigningTwin.generate()).untrusted_body
        ours, theirs = (body.decode().split("\n")[0].split(" ") for body in (true, false))
        blob = base64.b64decode(ours[2])[:4] + base64.b64decode(theirs[2])[4:]
        return WitnessAnswer(200, f"— {one.name} {base64.b64encode(blob).decode()}\n".encode())

    sizes = iter(range(100))
    return {
        "409 for ever": (lambda _: WitnessAnswer(409, b"%d\n" % (next(sizes) % 3)), "every size with another"),
        "409 without end": (lambda _: WitnessAnswer(409, b"9" * 400 + b"\n"), "not which"),
        "409 without size": (lambda _: WitnessAnswer(409, b""), "not which"),
        "409 ahead of the log": (lambda _: WitnessAnswer(409, b"999\n"), "more than this checkpoint"),
        "an older tree": (lambda data: lines(Checkpoint(log.name, 3, told(data).root)), "something else"),
        "another root": (lambda data: lines(Checkpoint(log.name, told(data).size, bytes(32))), "something else"),
        "another origin": (lambda data: lines(Checkpoint("a.example", told(data).size, told(data).root)), "something"),
        "a forged line": (forged, "forged"),
        "the future": (lambda data: lines(told(data), 3600), "not come yet"),
        "the end of time": (lambda data: lines(told(data), 1 << 62), "not come yet"),
        "the past": (lambda data: lines(told(data), -3600), "before this checkpoint"),
        "another key": (lambda data: lines(told(data), key=SigningTwin.generate()), "no line by the key"),
        "the log's own lines": (
            lambda data: WitnessAnswer(200, parse_request(data).checkpoint.rpartition("\n\n")[2].encode()),
            "no line by the key",
        ),
        "nothing": (lambda _: WitnessAnswer(200, b""), "no line by the key"),
        "no text": (lambda _: WitnessAnswer(200, b"\xff\xfe"), "not text"),
        "another story": (lambda _: WitnessAnswer(422, b"no"), "does not continue"),
        "a redirect": (lambda _: WitnessAnswer(302, b""), "status 302"),
    }


def test_a_lying_witness_is_refused_by_name_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    house = founded(tmp_path)
    one = witness_of(house, tmp_path / "w1")
    caller = Straight({URL: one})
    cosigning = cosigning_of(house, one, caller)
    for name, (lie, says) in lies(house, one).items():
        caller.lie, caller.asked = lie, []
        house.append(Act("test.done", "per_one"))
        cosigned = cosigning.checkpoint()
        assert (cosigned.keys, cosigned.met) == ((), False), name
        assert says in cosigned.refusals[URL], name
        assert len(caller.asked) <= 2, name
        assert cosigned.checkpoint.text.count("— ") == 2, name
        with pytest.raises(QuorumMissing, match=URL):
            cosigning.require(cosigned)
    caller.lie = None
    assert cosigning.checkpoint().met


def test_one_line_said_twice_is_one_cosignature(tmp_path: Path, second: Second) -> None:
    house = founded(tmp_path)
    one = witness_of(house, tmp_path / "w1")
    caller = Straight({URL: one})
    ed, ml = (key.vkey for key in one.keys)
    both = f"witness ed {ed} {URL}\nwitness ml {ml} {URL}\ngroup g 2 ed ml\nquorum g\n".encode()
    cosigning = Cosigning(house.units, house.log, house.clock, both, caller, required=True)
    caller.lie = lambda data: WitnessAnswer(200, (one.add_checkpoint(data).splitlines(keepends=True)[0] * 5).encode())
    cosigned = cosigning.checkpoint()
    assert (len(cosigned.keys), cosigned.met) == (1, False)
    export = cosigning.export(tmp_path / "export").folder
    path = export / "cosignatures.jsonl"
    path.write_bytes(path.read_bytes() * 3)
    said = differences(verify_export(export, log_key=house.log.vkey(), policy=both))
    assert "witnesses: The checkpoint is cosigned by 1 keys of the policy, and these are no quorum" in said
    assert second.verify(export, log_key=house.log.vkey(), policy=both).code == 1


# 5. Nothing signed.


def emptied(export: Path) -> None:
    for path in export.rglob("*"):
        if path.is_file():
            path.write_bytes(b"")


def only(*names: str) -> Callable[[Path], None]:
    def leave(export: Path) -> None:
        shutil.rmtree(export / "tile")
        for path in export.iterdir():
            if path.name not in names:
                path.unlink()

    return leave


def unsigned(export: Path) -> None:
    path = export / "checkpoint"
    path.write_text("\n".join(path.read_text().split("\n")[:3]) + "\n")


def without_lines(export: Path) -> None:
    path = export / "checkpoint"
    path.write_text("\n".join(path.read_text().split("\n")[:4]) + "\n")


UNSIGNED: dict[str, tuple[Callable[[Path], None], str]] = {
    "every file empty": (emptied, "log key: "),
    "nothing but entries": (only("entries.jsonl"), "structure: README.txt is missing"),
    "entries and keys": (only("entries.jsonl", "log.vkey", "log.pub.pem", "README.txt"), "structure: checkpoint is"),
    "a checkpoint that nobody signed": (unsigned, "signatures: The file checkpoint is not origin, size and root"),
    "a checkpoint without its lines": (without_lines, "signatures: The file checkpoint"),
    "no index": (lambda export: (export / "index.sig").unlink(), "structure: index.sig is missing"),
}


@pytest.mark.parametrize("case", UNSIGNED)
def test_a_verifier_given_nothing_signed_passes_nothing(scene: Scene, tmp_path: Path, case: str) -> None:
    attack, says = UNSIGNED[case]
    export = scene.copy(tmp_path).export
    attack(export)
    assert says in differences(scene.verify(export))
    assert not scene.verify(export, policy=b"quorum none\n").ok


def test_an_export_of_no_entries_passes_nothing_though_it_is_signed(scene: Scene, tmp_path: Path) -> None:
    forger = scene.copy(tmp_path)
    forger.write([], [0])
    assert "signatures: The checkpoint is over no entries: nothing was signed" in differences(
        scene.verify(forger.export)
    )


def test_an_empty_folder_and_an_empty_proof_pass_nothing(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert not scene.verify(tmp_path / "empty").ok
    proof = tmp_path / "entry.proof"
    proof.write_bytes(b"c2sp.org/tlog-proof@v1\n")
    assert "structure: The proof is not a C2SP tlog-proof" in differences(scene.verify(proof))
    whole = scene.house.log.tlog_proof(3, scene.house.log.checkpoint())
    proof.write_text(whole)
    assert scene.verify(proof).ok
    with pytest.raises(WrongUse, match="--log-key"):
        verify_export(proof)
    for change, says in (
        (whole.partition("\n\n")[0] + "\n\n", "signature: The checkpoint in the proof"),
        (whole.replace("index 3", "index 4"), "entry: The entry in the proof is not entry 4"),
        (whole.replace("extra e", "extra f"), "entry: The entry in the proof is not entry 3"),
        ("\n".join(line for at, line in enumerate(whole.split("\n")) if at != 4), "entry: The entry in the proof"),
    ):
        proof.write_text(change)
        assert says in differences(scene.verify(proof)), says

"""Some entries with their proofs: all of one matter, that there is no such matter, or what a filter chose."""

from __future__ import annotations

import base64
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gateway.audit import extracts as extracts_module
from gateway.audit import matters, tree
from gateway.audit.export import INDEX_TYPE, _index, _signed
from gateway.audit.extracts import Extracts
from gateway.audit.model import Act, ExtractTooLarge, Filter, FilterMalformed, LogDamaged, LogShrank, NoSuchView
from gateway.audit.service import Log
from gateway.base.canon import canonical
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.keys.twins import Signer, signing_twin
from gateway.seal import keyed_map, merkle
from gateway.seal.cosignature import Cosigner
from gateway.seal.signature import SigningKey
from gateway.verify import Report, verify_export
from tests.support.second import Second

M = "mat_{:026d}"
ABSENT = M.format(99)
Fill = Callable[[int], None]


@pytest.fixture
def extracts(units: Units, keyring: Keyring, log: Log) -> Extracts:
    return Extracts(units, keyring, log)


@pytest.fixture
def grown(log: Log, units: Units) -> Log:
    """80 entries, two thirds of them in 7 matters."""
    with units.change() as session:
        for number in range(80):
            matter = M.format(number % 7) if number % 3 else None
            log.append(session, Act(f"test.{'ab'[number % 2]}", f"per_{number % 2}", matter=matter))
    return log


def also(second: Second, folder: Path, log: Log, checkpoint: str | None = None) -> None:
    """The second verifier says the same as the first, and where that failed, that it failed."""
    report = check(folder, log, checkpoint)
    answer = second.verify(folder, log_key=log.vkey(), checkpoint=checkpoint)
    titles = [step.title for step in report.steps if step.state == "failed"]
    assert answer.code == report.exit_code, (failed(report), answer)
    assert answer.failed in titles if titles else answer.failed is None, (failed(report), answer)


def check(folder: Path, log: Log, checkpoint: str | None = None) -> Report:
    return verify_export(folder, log_key=log.vkey(), checkpoint=checkpoint)


def failed(report: Report) -> list[str]:
    return [f"{step.title}: {step.detail}" for step in report.steps if step.state == "failed"]


def entries_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "entries.jsonl").read_bytes().splitlines()]


def test_all_of_one_matter_and_nothing_else(grown: Log, extracts: Extracts, tmp_path: Path) -> None:
    matter = M.format(2)
    wanted = [one for one in map(json.loads, grown.entries(0, 400)) if one.get("matter") == matter]
    made = extracts.write(tmp_path / "x", Filter(matter=matter), actor="per_1")
    told = entries_of(made.folder)
    assert told[:-2] == wanted
    assert [one["type"] for one in told[-2:]] == ["audit.exported", "matters.mapped"]
    assert told[-2]["facts"] == {"filter": {"matter": matter}}
    report = check(made.folder, grown)
    assert report.ok, failed(report)
    assert f"these {len(wanted)} are all" in report.steps[5].detail
    assert report.kind == "audit-log extract"


def test_that_there_is_no_such_matter(second: Second, grown: Log, extracts: Extracts, tmp_path: Path) -> None:
    made = extracts.write(tmp_path / "x", Filter(matter=ABSENT), actor="per_1")
    report = check(made.folder, grown)
    assert report.ok, failed(report)
    assert f"none of the first {grown.size() - 1} entries" in report.steps[5].detail
    also(second, made.folder, grown)


def test_a_policy_of_witnesses_that_nobody_cosigned_for_is_not_met(
    second: Second, grown: Log, extracts: Extracts, tmp_path: Path
) -> None:
    made = extracts.write(tmp_path / "x", Filter(matter=ABSENT), actor="per_1")
    alone = Cosigner("w.example", b"\x04" + SigningKey.generate().public.raw)
    policy = f"witness w {alone.vkey}\nquorum w\n".encode()
    assert verify_export(made.folder, log_key=grown.vkey(), policy=b"quorum none\n").ok
    assert failed(verify_export(made.folder, log_key=grown.vkey(), policy=policy)) == [
        "witnesses: The checkpoint is cosigned by 0 keys of the policy, and these are no quorum."
    ]
    assert second.verify(made.folder, log_key=grown.vkey(), policy=policy).failed == "witnesses"


def test_in_a_log_without_a_matter(log: Log, units: Units, extracts: Extracts, tmp_path: Path) -> None:
    log.refused(Act("test.done", "per_1"))
    assert check(extracts.write(tmp_path / "x", Filter(matter=ABSENT), actor="per_1").folder, log).ok
    log.refused(Act("test.done", "per_1", matter=ABSENT))
    assert check(extracts.write(tmp_path / "y", Filter(matter=ABSENT), actor="per_1").folder, log).ok
    assert check(extracts.write(tmp_path / "z", Filter(matter=M.format(1)), actor="per_1").folder, log).ok


def test_a_map_goes_on_from_the_one_before(
    grown: Log, units: Units, extracts: Extracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = extracts.map_matters()
    read: list[tuple[int, int]] = []
    real = tree.leaves

    def leaves(session: Session, start: int, stop: int, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        read.append((start, stop))
        return real(session, start, stop, key)

    monkeypatch.setattr(tree, "leaves", leaves)
    grown.refused(Act("test.done", "per_1", matter=M.format(3)))
    second = extracts.map_matters()
    assert [start for start, _stop in read] == [first.index + 1, first.index + 2]
    ends, key = second.standing.ends, second.key
    assert first.standing.ends.keys() == ends.keys()
    assert (first.standing.ends[M.format(3)][0] + 1, key) == (ends[M.format(3)][0], first.key)
    facts = json.loads(grown.entry(second.index))["facts"]
    assert facts == {"root": second.standing.map(key).root().hex(), "key": keyed_map.key_commitment(key).hex()}


def test_matters_are_mapped_when_one_moved(log: Log, extracts: Extracts) -> None:
    log.refused(Act("test.done", "per_1"))
    assert not extracts.keep_mapped()
    for _ in range(2):
        log.refused(Act("test.done", "per_1", matter=M.format(1)))
        size = log.size()
        assert (extracts.keep_mapped(), extracts.keep_mapped()) == (True, False)
        assert json.loads(log.entry(size))["type"] == "matters.mapped"
        log.refused(Act("test.done", "per_1"))
        assert not extracts.keep_mapped()


def tamper(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_matter SET seq = seq + 1",
        "DELETE FROM audit_matter WHERE seq > 3",
        "DELETE FROM audit_map",
        'UPDATE audit_matter SET leaf_hash = (SELECT leaf_hash FROM audit_entry WHERE "index" = 0)',
    ],
)
def test_what_is_stored_of_a_map_is_not_believed(
    grown: Log, extracts: Extracts, engine: Engine, tmp_path: Path, statement: str
) -> None:
    before = extracts.map_matters()
    tamper(engine, statement)
    assert extracts.map_matters().standing.ends == before.standing.ends
    assert check(grown.export(tmp_path / "whole").folder, grown).ok


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE audit_entry SET matter = NULL, seq = NULL WHERE matter = '{M.format(2)}' AND seq = 4",
        f"UPDATE audit_entry SET matter = NULL, seq = NULL WHERE matter = '{M.format(2)}' AND seq > 5",
        f"UPDATE audit_entry SET matter = 'mat_other' WHERE matter = '{M.format(2)}'",
        f"UPDATE audit_entry SET matter = '{M.format(2)}', seq = 1000 WHERE \"index\" = 2",
    ],
)
def test_entries_filed_under_another_matter_are_noticed(
    grown: Log, extracts: Extracts, engine: Engine, tmp_path: Path, statement: str
) -> None:
    tamper(engine, statement)
    with pytest.raises(LogDamaged):
        extracts.write(tmp_path / "x", Filter(matter=M.format(2)), actor="per_1")
    assert not (tmp_path / "x").exists()


CHOSEN = {
    "actor": Filter(actor="per_1"),
    "type": Filter(type="test.a"),
    "types": Filter(type="test."),
    "matter and type": Filter(matter=M.format(1), type="test.b"),
    "since": Filter(since="2026-01-31T08:00:40.000Z"),
    "until": Filter(until="2026-01-31T08:00:40.000Z"),
    "nothing": Filter(type="nothing.like_it"),
}


def test_a_filter_is_kept_and_said_to_be_a_part(second: Second, grown: Log, extracts: Extracts, tmp_path: Path) -> None:
    for case, wanted in CHOSEN.items():
        expected = [one for one in map(json.loads, grown.entries(0, 80)) if wanted.matches(one)]
        assert bool(expected) is (case != "nothing")
        made = extracts.write(tmp_path / case, wanted, actor="per_9")
        told = [one for one in entries_of(made.folder)[:-1] if one["actor"] != "per_9"]
        assert told[: len(expected)] == expected
    also(second, made.folder, grown)
    report = check(made.folder, grown)
    assert report.ok, failed(report)
    assert "nothing shows that every entry" in report.warnings[-1]
    assert [step.title for step in report.steps if step.title == "matter"] == []
    assert check(tmp_path / "matter and type", grown).ok


def test_what_cannot_be_asked_for(grown: Log, extracts: Extracts, tmp_path: Path) -> None:
    size = grown.size()
    for wanted in (
        Filter(),
        Filter(matter="two words"),
        Filter(actor="ä"),
        Filter(type="Test.*"),
        Filter(since="yesterday"),
        Filter(until="2026-13-01T00:00:00.000Z"),
    ):
        with pytest.raises(FilterMalformed):
            extracts.write(tmp_path / "x", wanted, actor="per_1")
    with pytest.raises(NoSuchView):
        extracts.write(tmp_path / "x", Filter(type="test."), actor="per_1", views=["docx"])
    assert grown.size() == size


def test_too_many_entries_are_refused(
    grown: Log, extracts: Extracts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extracts_module, "ENTRIES_MAX", 10)
    with pytest.raises(ExtractTooLarge):
        extracts.write(tmp_path / "x", Filter(type="test."), actor="per_1")
    assert list(tmp_path.glob("x*")) == []


@pytest.mark.parametrize("older", [2, 64, 257])
def test_an_extract_continues_a_checkpoint_that_was_kept(
    second: Second, log: Log, units: Units, extracts: Extracts, tmp_path: Path, older: int
) -> None:
    with units.change() as session:
        while log.size_in(session) < older:
            log.append(session, Act("test.done", "per_1", matter=M.format(1)))
    kept = log.checkpoint()
    made = extracts.write(tmp_path / "x", Filter(matter=M.format(1)), actor="per_1", kept=kept.size)
    assert check(made.folder, log, kept.text).ok
    also(second, made.folder, log, checkpoint=kept.text)
    assert check(made.folder, log, made.checkpoint.text).ok
    without = extracts.write(tmp_path / "y", Filter(matter=M.format(1)), actor="per_1")
    assert failed(check(without.folder, log, kept.text)) == [
        "checkpoint held outside: The extract has no proof from the checkpoint you kept; ask for one that continues it."
    ]
    assert "over" in failed(check(made.folder, log, without.checkpoint.text))[0]
    also(second, made.folder, log, checkpoint=without.checkpoint.text)
    with pytest.raises(LogShrank):
        extracts.write(tmp_path / "z", Filter(matter=M.format(1)), actor="per_1", kept=10_000)


# By day every fourth, by night all.
STEPS = pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.nightly)])


class Forger:
    """Somebody with the log's key, who changes an extract and signs its index anew."""

    def __init__(self, folder: Path, log: Log, units: Units, keyring: Keyring) -> None:
        self.folder = folder
        self.log = log
        with units.read() as session:
            self.key = signing_twin(keyring, session, Signer.LOG)

    def lines(self, name: str) -> list[bytes]:
        return (self.folder / name).read_bytes().splitlines(keepends=True)

    def put(self, name: str, lines: list[bytes]) -> None:
        (self.folder / name).write_bytes(b"".join(lines))

    def both(self, change: Callable[[list[bytes]], object]) -> None:
        """The same change to entries and proofs."""
        for name in ("entries.jsonl", "proofs.jsonl"):
            lines = self.lines(name)
            change(lines)
            self.put(name, lines)

    def told(self, change: Callable[[dict[str, Any]], object]) -> None:
        told = json.loads((self.folder / "extract.json").read_bytes())
        change(told)
        (self.folder / "extract.json").write_bytes(canonical(told))

    def sign(self) -> Report:
        for name in ("index.json", "index.sig"):
            (self.folder / name).unlink()
        index = _index(self.folder, self.log.name)
        assert INDEX_TYPE.encode() in index
        (self.folder / "index.json").write_bytes(index)
        (self.folder / "index.sig").write_bytes(_signed(index, self.key))
        return check(self.folder, self.log)


def swap(lines: list[bytes]) -> None:
    lines[1], lines[2] = lines[2], lines[1]


def drop(place: int) -> Callable[[list[bytes]], object]:
    return lambda lines: lines.pop(place)


def proof(**fields: object) -> Callable[[Forger], object]:
    return lambda forger: forger.told(lambda told: told["matter"].update(fields))


def shorter(forger: Forger) -> None:
    """The last entry of the matter left out, and said to be one fewer."""
    last = json.loads(forger.lines("entries.jsonl")[-3])
    forger.both(drop(-3))
    forger.told(lambda told: told["matter"].update(count=last["seq"] - 1, last=last["prev"]))


def none_at_all(forger: Forger) -> None:
    forger.both(lambda lines: lines.__delitem__(slice(0, -2)))
    forger.told(lambda told: told["matter"].update(count=0, last=None))


def own_leaf_for_another(forger: Forger) -> None:
    """The matter's own leaf shown as another's that stands in its place."""
    told = json.loads((forger.folder / "extract.json").read_bytes())
    matter, key = told["filter"]["matter"], base64.b64decode(told["matter"]["key"])
    value = keyed_map.value_of(told["matter"]["count"], bytes.fromhex(told["matter"]["last"]))
    none_at_all(forger)
    other = base64.b64encode(keyed_map.name_of(key, matter) + value).decode()
    forger.told(lambda one: one["matter"].update(other=other))


FORGED: dict[str, tuple[Callable[[Forger], object], str]] = {
    "a middle entry dropped": (lambda f: f.both(drop(3)), "number 4 is due"),
    "the first entry dropped": (lambda f: f.both(drop(0)), "number 1 is due"),
    "the last entry dropped": (lambda f: f.both(drop(-3)), "entries of the matter, and the map"),
    "the last entry dropped and not counted": (shorter, "does not lead to the map"),
    "every entry dropped": (none_at_all, "does not lead to the map"),
    "its own leaf in the way": (own_leaf_for_another, "does not stand there"),
    "entries swapped": (lambda f: f.both(swap), "is not behind the entry before it"),
    "an entry twice": (lambda f: f.both(lambda lines: lines.insert(2, lines[1])), "is not behind the entry before it"),
    "another matter's entry": (lambda f: f.told(lambda told: told["filter"].update(matter=M.format(3))), "No entry"),
    "a proof dropped": (lambda f: f.put("proofs.jsonl", f.lines("proofs.jsonl")[:-1]), "or its proof is missing"),
    "an entry changed": (
        lambda f: f.put("entries.jsonl", [one.replace(b"per_0", b"per_9") for one in f.lines("entries.jsonl")]),
        "is not entry",
    ),
    "the map's entry dropped": (lambda f: f.both(drop(-1)), "No entry of the log maps the matters"),
    "the record dropped": (lambda f: f.both(drop(-2)), "No entry of the log records"),
    "another key": (proof(key=base64.b64encode(bytes(32)).decode()), "key of the map"),
    "another count": (proof(count=1), "the map is said to have 1"),
    "half a path": (proof(path=""), "length"),
    "another shape of the path": (proof(beside="1", path=base64.b64encode(bytes(32)).decode()), "does not lead"),
    "no proof of the matter": (lambda f: f.told(lambda told: told.update(matter=None)), "is not one that was asked"),
    "nothing asked": (lambda f: f.told(lambda told: told.update(filter={})), "says not what"),
    "another log": (lambda f: f.told(lambda told: told.update(log="example.com/x")), "another log"),
    "nothing in it": (lambda f: f.both(lambda lines: lines.clear()), "No entry of the log records"),
    "an unknown file": (lambda f: (f.folder / "more.txt").write_bytes(b"x"), "does not belong"),
    "a view cut short": (lambda f: f.put("entries.csv", f.lines("entries.csv")[:-1]), "of entries.csv does not name"),
    "a view too long": (lambda f: f.put("entries.cef", f.lines("entries.cef") * 2), "more lines"),
    "a view of other entries": (lambda f: f.put("entries.cef", f.lines("entries.cef")[::-1]), "Line 1 of entries.cef"),
}


@STEPS
def test_what_a_key_holder_makes_of_it_is_refused(
    step: int, second: Second, grown: Log, units: Units, keyring: Keyring, extracts: Extracts, tmp_path: Path
) -> None:
    """Everything here is signed by the log: only what it had signed before speaks against it."""
    made = extracts.write(tmp_path / "x", Filter(matter=M.format(2)), actor="per_1", views=["csv", "cef"])
    assert check(made.folder, grown).ok
    for case, (forge, words) in islice(FORGED.items(), 0, None, step):
        shutil.copytree(made.folder, tmp_path / case)
        forger = Forger(tmp_path / case, grown, units, keyring)
        forge(forger)
        found = failed(forger.sign())
        assert found, case
        assert words in found[0], (case, found)
        also(second, forger.folder, grown)


@STEPS
def test_what_nobody_signed_is_refused(step: int, grown: Log, extracts: Extracts, tmp_path: Path) -> None:
    made = extracts.write(tmp_path / "x", Filter(matter=M.format(2)), actor="per_1", views=["csv"])
    for path in islice(sorted(made.folder.iterdir()), 0, None, step):
        data = path.read_bytes()
        path.write_bytes(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:])
        assert failed(check(made.folder, grown)), path.name
        path.write_bytes(data)
        path.unlink()
        assert failed(check(made.folder, grown)), path.name
        path.write_bytes(data)
    assert check(made.folder, grown).ok


def test_a_whole_export_makes_every_map_again(grown: Log, units: Units, extracts: Extracts, tmp_path: Path) -> None:
    for matter in (1, 2, 99):
        extracts.map_matters()
        grown.refused(Act("test.done", "per_1", matter=M.format(matter)))
    made = grown.export(tmp_path / "whole", ["csv", "ocsf", "cef", "syslog"])
    report = check(made.folder, grown)
    assert report.ok, failed(report)
    assert "3 map(s) of all matters say the same" in next(s.detail for s in report.steps if s.title == "matters")
    (made.folder / "matters.json").unlink()
    assert "matters.json" in " ".join(failed(check(made.folder, grown)))


@pytest.mark.parametrize("lie", ["root", "key"])
def test_a_map_that_leaves_a_matter_out_is_found_in_a_whole_export(
    grown: Log, units: Units, extracts: Extracts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    """The gateway itself lies to whoever asks for one matter; the log says so to whoever has all of it."""
    if lie == "root":
        full = matters.Standing.map

        def without(standing: Any, key: bytes) -> Any:
            standing.ends.pop(M.format(2), None)
            return full(standing, key)

        monkeypatch.setattr(matters.Standing, "map", without)
    else:
        monkeypatch.setattr(keyed_map, "key_commitment", lambda _key: bytes(32))
    extracts.map_matters()
    monkeypatch.undo()
    assert "does not map the matters as they stood" in failed(check(grown.export(tmp_path / "x").folder, grown))[0]


def test_an_export_without_a_map_has_no_key_of_one(grown: Log, tmp_path: Path) -> None:
    made = grown.export(tmp_path / "x")
    assert not (made.folder / "matters.json").exists()
    assert check(made.folder, grown).ok


def test_a_matter_s_proof_is_small() -> None:
    """At a million entries and 10,000 matters; the entry's own inclusion proof has at most 20 hashes more."""
    key = bytes(32)
    standing = matters.Standing()
    standing.ends = {
        M.format(number): (number + 1, merkle.leaf_hash(bytes([number & 255]))) for number in range(10_000)
    }
    built = standing.map(key)
    sizes = [
        len(
            canonical({"count": 100, "last": "a" * 64, "key": "k" * 44, "mapped": 10**6, **extracts_module._path(path)})
        )
        for path in (built.path(keyed_map.name_of(key, M.format(number))) for number in range(0, 10_200, 3_400))
    ]
    assert max(sizes) <= 1_200


@pytest.mark.parametrize("name", ["extract-matter", "extract-no-matter"])
def test_the_frozen_ones_verify(second: Second, tmp_path: Path, name: str) -> None:
    frozen = Path(__file__).parents[2] / "vectors" / "export"
    with zipfile.ZipFile(frozen / f"{name}.zip") as archive:
        archive.extractall(tmp_path)
    key, kept = (frozen / "extract.vkey").read_text("ascii"), (frozen / "extract.checkpoint").read_text("utf-8")
    report = verify_export(tmp_path, log_key=key, checkpoint=kept)
    assert report.ok, failed(report)
    assert second.verify(tmp_path, log_key=key, checkpoint=kept).code == 0
    told = (tmp_path / "extract.json").read_bytes()
    (tmp_path / "extract.json").write_bytes(told.replace(b'"count":', b'"count":1'))
    assert failed(verify_export(tmp_path, log_key=key, checkpoint=kept))
    assert second.verify(tmp_path, log_key=key, checkpoint=kept).code == 1

"""The keys of the log change, and whoever holds the old ones follows; whoever was not named by them does not."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export import _index, _signed
from gateway.audit.extracts import Extracts
from gateway.audit.model import Act, Filter
from gateway.audit.succession import Successions
from gateway.base.canon import canonical
from gateway.keys.twins import Signer, signing_twin
from gateway.seal import merkle, succession
from gateway.seal.note import Checkpoint, sign_checkpoint, vkey_text
from gateway.seal.succession import Named
from gateway.seal.twin import SigningTwin, public_pem
from gateway.verify import verify_export, verify_package
from gateway.verify.verify import Report, WrongUse
from tests.support.forger import put_tiles

if TYPE_CHECKING:
    from tests.unit.verify.conftest import Draft, House


VECTORS = Path(__file__).parents[2] / "vectors" / "export"


def differences(report: Report) -> str:
    assert report.exit_code == 1
    return "\n".join(f"{step.title}: {step.detail}" for step in report.steps if step.state == "failed")


class Turned:
    """A log whose keys were changed twice, with an act and a checkpoint before, between and after."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.folder = house, folder
        successions = Successions(house.units, house.log._keyring, house.log, house.clock)
        self.twins, self.vkeys, self.kept = [self.twin()], [house.log.vkey()], [house.log.checkpoint().text]
        for _ in range(2):
            successions.rotate()
            house.append(Act("test.done", "per_one"))
            self.twins.append(self.twin())
            self.vkeys.append(house.log.vkey())
            self.kept.append(house.log.checkpoint().text)
        self.export = house.log.export(folder / "turned").folder

    def twin(self) -> SigningTwin:
        with self.house.units.read() as session:
            return signing_twin(self.house.log._keyring, session, Signer.LOG)

    @property
    def lines(self) -> list[bytes]:
        return (self.export / "succession.jsonl").read_bytes().splitlines()

    def put(self, lines: list[bytes]) -> None:
        """Other changes, and whatever the newest keys can sign anew."""
        path = self.export / "succession.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        if not lines:
            path.unlink()
        for name in ("index.json", "index.sig"):
            (self.export / name).unlink()
        index = _index(self.export, "example.com/gateway")
        (self.export / "index.json").write_bytes(index)
        (self.export / "index.sig").write_bytes(_signed(index, self.twins[-1]))

    def fork(self, leaves: list[bytes]) -> Path:
        """The export as somebody makes it who has the first keys and nothing else."""
        fork, first = self.export, self.twins[0]
        (fork / "entries.jsonl").write_bytes(b"".join(leaf + b"\n" for leaf in leaves))
        (fork / "checkpoints.jsonl").write_bytes(b"")
        signed = sign_checkpoint(Checkpoint("example.com/gateway", len(leaves), merkle.root(leaves)), first)
        (fork / "checkpoint").write_text(signed, encoding="utf-8")
        (fork / "log.vkey").write_text(self.vkeys[0], encoding="ascii")
        (fork / "log.pub.pem").write_bytes(public_pem(first.public))
        self.twins.append(first)
        put_tiles(fork, leaves)
        self.put([])
        return fork


@pytest.fixture
def turned(house: House, tmp_path: Path) -> Turned:
    house.append(Act("test.done", "per_one", matter="mat_1"))
    return Turned(house, tmp_path)


def test_every_key_that_it_had_leads_to_the_newest(turned: Turned) -> None:
    for place, (vkey, kept) in enumerate(zip(turned.vkeys, turned.kept, strict=True)):
        report = verify_export(turned.export, log_key=vkey, checkpoint=kept)
        assert (report.ok, report.breaks, report.warnings) == (True, [], []), (place, report)
        assert "2 signed change(s)" in report.steps[1].detail
    other = vkey_text("example.com/gateway", SigningTwin.generate().public)
    assert "log key: log.vkey is not the log key you gave." in differences(verify_export(turned.export, log_key=other))


def test_new_keys_alone_make_no_change(turned: Turned) -> None:
    """Whoever has the newest keys only: a change from the first keys to theirs, signed by nobody else."""
    first, _second, newest = turned.twins
    said = succession.parse(turned.lines[0])
    forged = replace(said, after=Named(said.after.name, newest.public))
    turned.put([canonical(forged.signed(newest, newest))])
    assert "the old keys did not sign" in differences(verify_export(turned.export, log_key=turned.vkeys[0]))
    turned.put([canonical(forged.signed(first, SigningTwin.generate()))])
    assert "the new keys did not sign" in differences(verify_export(turned.export, log_key=turned.vkeys[0]))


def test_a_swapped_left_out_or_doubled_change_is_named(turned: Turned) -> None:
    one, two = turned.lines
    for lines, said in (
        ([two, one], "does not follow the one before"),
        ([one], "tells of other keys"),
        ([two], "log key"),
        ([one, one, two], "does not follow the one before"),
        ([], "log key"),
    ):
        turned.put(lines)
        assert said in differences(verify_export(turned.export, log_key=turned.vkeys[0])), lines


def test_a_change_that_no_entry_tells_of_is_named(turned: Turned) -> None:
    """All old keys signed it, so the chain holds; the log speaks of another."""
    one, two = turned.lines
    said = succession.parse(one)
    other = replace(said, at="2020-01-01T00:00:00.000Z")
    turned.put([canonical(other.signed(*turned.twins[:2])), two])
    assert "first entry: Entry" in differences(verify_export(turned.export, log_key=turned.vkeys[0]))
    elsewhere = replace(said, root=bytes(32))
    turned.put([canonical(elsewhere.signed(*turned.twins[:2])), two])
    assert "tree: The first" in differences(verify_export(turned.export, log_key=turned.vkeys[0]))


def test_what_the_old_keys_signed_after_they_were_replaced_is_named(turned: Turned) -> None:
    size = turned.house.log.size()
    stolen = sign_checkpoint(Checkpoint("example.com/gateway", size, bytes(32)), turned.twins[0])
    told = differences(verify_export(turned.export, log_key=turned.vkeys[0], checkpoint=stolen))
    assert "keys that were replaced after" in told
    (turned.export / "checkpoint").write_text(stolen, encoding="utf-8")
    assert "signatures: The file checkpoint" in differences(verify_export(turned.export, log_key=turned.vkeys[0]))


def test_a_thief_of_the_old_keys_who_goes_his_own_way_is_seen_by_whoever_kept_a_checkpoint(turned: Turned) -> None:
    """Without the changes, under the first keys alone, everything fits together; docs/threat-model.md says so."""
    size = turned.house.log.lineage().eras[1].after
    fork = turned.fork([turned.house.log.entry(index) for index in range(size)])
    assert verify_export(fork, log_key=turned.vkeys[0]).ok
    for kept in turned.kept[1:]:
        assert not verify_export(fork, log_key=turned.vkeys[0], checkpoint=kept).ok
    assert not verify_export(fork, log_key=turned.vkeys[1]).ok


@pytest.mark.parametrize("more", [pytest.param(0, marks=pytest.mark.nightly), 1])
def test_a_thief_of_the_old_keys_shows_nothing_to_whoever_knows_of_the_change(turned: Turned, more: int) -> None:
    """`--log-key` with the lines behind it: other entries under the change, or more of them than it allows."""
    log, lines = turned.house.log, b"\n".join(turned.lines).decode()
    size, said = log.lineage().eras[1].after, turned.lines[0]
    leaves = [log.entry(index) for index in (*range(size), size + 1)][: size + more]
    leaves[size - 1] = leaves[size - 1].replace(b'"test.done"', b'"test.gone"')
    fork = turned.fork(leaves)
    step = "signatures: The file checkpoint" if more else "tree: The first"
    assert verify_export(fork, log_key=turned.vkeys[0]).ok
    for vkey in (turned.vkeys[0], turned.vkeys[-1]):
        assert step in differences(verify_export(fork, log_key=f"{vkey}{lines}\n"))
    mine = SigningTwin.generate()
    own = replace(succession.parse(said), after=Named("example.com/gateway", mine.public), root=merkle.root(leaves))
    (fork / "log.vkey").write_text(vkey_text("example.com/gateway", mine.public), encoding="ascii")
    (fork / "log.pub.pem").write_bytes(public_pem(mine.public))
    turned.put([canonical(own.signed(turned.twins[0], mine))])
    assert "changed in another way" in differences(verify_export(fork, log_key=f"{turned.vkeys[-1]}{lines}\n"))


def test_an_export_of_before_the_change_holds_for_whoever_knows_of_it(turned: Turned) -> None:
    log, lines = turned.house.log, b"\n".join(turned.lines).decode()
    fork = turned.fork([log.entry(index) for index in range(log.lineage().eras[1].after)])
    report = verify_export(fork, log_key=f"{turned.vkeys[-1]}{lines}\n")
    assert (report.ok, report.breaks) == (True, [])


def test_old_keys_make_no_package_for_whoever_knows_of_the_change(house: House, draft: Draft) -> None:
    """The log's keys were replaced, and the seal is an entry that only somebody with the old ones signed."""
    keys = "\n".join(house.package_key.public.texts)
    with house.units.read() as session:
        stolen = signing_twin(house.log._keyring, session, Signer.LOG)
    Successions(house.units, house.log._keyring, house.log, house.clock).rotate()
    package, vkey, lines = draft.write(), house.log.vkey(), b"\n".join(house.log.succession()).decode()
    proof = (package / "audit.proof").read_text("utf-8")
    head, size = proof.partition("\n\n")[0], house.log.size()
    leaves = [house.log.entry(index) for index in range(size)]
    signed = sign_checkpoint(Checkpoint("example.com/gateway", size, merkle.root(leaves)), stolen)
    (package / "audit.proof").write_text(f"{head}\n\n{signed}", encoding="utf-8")
    assert verify_package(package, package_key=keys).ok
    assert "keys that were replaced after" in differences(
        verify_package(package, log_key=f"{vkey}{lines}\n", package_key=keys)
    )


def test_an_extract_is_followed_too(turned: Turned) -> None:
    house = turned.house
    extracts = Extracts(house.units, house.log._keyring, house.log)
    found = extracts.write(
        turned.folder / "extract", Filter(matter="mat_1"), actor="per_one", kept=json_size(turned.kept[0])
    )
    for vkey in turned.vkeys:
        assert verify_export(found.folder, log_key=vkey).ok
    assert verify_export(found.folder, log_key=turned.vkeys[0], checkpoint=turned.kept[0]).ok


def json_size(note: str) -> int:
    return int(note.split("\n")[1])


def test_packages_of_before_and_after_verify_by_either_key(house: House, draft: Draft, tmp_path: Path) -> None:
    package = draft.write()
    old = house.log.vkey()
    keys = "\n".join(text for text in house.package_key.public.texts)
    Successions(house.units, house.log._keyring, house.log, house.clock).rotate()
    new, changes = house.log.vkey(), b"\n".join(house.log.succession()).decode()
    assert verify_package(package, log_key=old, package_key=keys).ok
    assert "put the lines of succession.jsonl" in differences(verify_package(package, log_key=new, package_key=keys))
    assert verify_package(package, log_key=f"{new}{changes}\n", package_key=keys).ok
    assert verify_package(package, log_key=f"{old}{changes}\n", package_key=keys).ok
    other = vkey_text("example.com/gateway", SigningTwin.generate().public)
    for key, line in ((other, changes), (old, changes.replace('"size":', '"size":1'))):
        with pytest.raises(WrongUse):
            verify_package(package, log_key=f"{key}{line}\n", package_key=keys)


def test_a_frozen_log_of_three_pairs_of_keys_is_followed_for_ever(tmp_path: Path) -> None:
    """From the first keys, with a checkpoint that the second signed."""
    with zipfile.ZipFile(VECTORS / "turned.zip") as archive:
        archive.extractall(tmp_path)
    first, kept = ((VECTORS / name).read_text("utf-8") for name in ("turned.vkey", "turned.checkpoint"))
    assert verify_export(tmp_path, log_key=first, checkpoint=kept).ok
    lines = (tmp_path / "succession.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "succession.jsonl").write_bytes(lines[1])
    assert "log key" in differences(verify_export(tmp_path, log_key=first, checkpoint=kept))

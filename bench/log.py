"""What checking a log of a million entries costs whoever was handed its export, and how long its proofs are.

The log is made up here, as long use would have left it: acts on 10,000 matters, and once in `EVERY` entries a
checkpoint, the map of all matters and a heartbeat. It is written by the gateway's own export, and checked by the script
that travels with it, in a process of its own. Beside it, as the least that anything in Python has to do: read each line
as JSON and hash it. Processor time, which a busy machine stretches less than the clock's, and the largest memory.

Prints two Markdown tables. Exit code 1 when a bound is missed: 60 s for everything, 10 s for the root alone, memory
that grows by less than a tenth from a tenth of the entries to all; 1.2 kB for the proof of a matter, 1.5 kB for that of
an entry without its ML-DSA-44 line. Run: python -m bench.log [--quick]
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from gateway.audit import export, matters, rules
from gateway.audit.extracts import Mapped
from gateway.audit.heartbeat import BEAT
from gateway.audit.model import Act, SignedCheckpoint
from gateway.base.canon import Json, canonical
from gateway.seal import keyed_map, merkle
from gateway.seal.note import Checkpoint, sign_checkpoint
from gateway.seal.twin import SigningTwin
from gateway.verify import SCRIPT, verify

ORIGIN = "example.com/gateway"
ENTRIES, MATTERS, EVERY = 1_000_000, 10_000, 1_000
FULL_S, ROOT_S, GROWTH = 60.0, 10.0, 1.1
MATTER_BYTES, ENTRY_BYTES = 1_200, 1_500
# Every line is read, parsed and hashed, and nothing is looked at: what no check in this language can do without.
_BARE = (
    "import hashlib, json, sys\n"
    "for line in open(sys.argv[1], 'rb'):\n"
    "    json.loads(line), hashlib.sha256(b'\\0' + line[:-1]).digest()\n"
)
_TELLING = (
    "import atexit, re, runpy, sys\n"
    "told = lambda: re.search('VmHWM:\\\\s+([0-9]+)', open('/proc/self/status').read())[1]\n"
    "atexit.register(lambda: sys.stderr.write(told()))\n"
    "sys.argv = sys.argv[1:]\n"
    "runpy.run_path(sys.argv[0], run_name='__main__')\n"
)
_TYPES = ("original.kept", "rendition.made", "opening.granted", "original.opened", "release.approved", "release.sealed")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Cost(NamedTuple):
    """Processor seconds of a process, and the most memory it held."""

    seconds: float
    peak_bytes: int


class Written:
    """A log as it grows: every entry goes to `take`, as many as are asked for in all."""

    def __init__(self, key: SigningTwin, map_key: bytes) -> None:
        self.key, self.map_key = key, map_key
        self.tree = merkle.Tree()
        self.standing: dict[str, tuple[int, bytes]] = {}
        self.mapped = -1
        self.signed: list[tuple[int, str]] = []
        self._map = verify.MatterMap()
        self._moved: set[str] = set()
        self._chance = random.Random(1)
        self._names = [f"mat_{self._chance.getrandbits(80):020x}" for _ in range(MATTERS)]

    def grow(self, size: int, take: Callable[[bytes], object]) -> None:
        """Write entries until there are so many."""
        keys: list[Json] = [*self.key.public.texts]
        self._write(Act("log.opened", "gateway", facts={"origin": ORIGIN, "keys": keys}), take)
        while len(self.tree) < size:
            if size - len(self.tree) > 2 and len(self.tree) % EVERY:
                self._write(self._act(), take)
            else:
                self._beat(take)

    def checkpoint(self) -> SignedCheckpoint:
        """The log as it stands, signed."""
        size, root = len(self.tree), merkle.root_at(len(self.tree), self.tree)
        return SignedCheckpoint(sign_checkpoint(Checkpoint(ORIGIN, size, root), self.key), size, root)

    def _beat(self, take: Callable[[bytes], object]) -> None:
        signed = self.checkpoint()
        self.signed.append((signed.size, signed.text))
        self._write(Act(BEAT, "gateway", subject="log", facts={"size": signed.size, "every_s": 3600}), take)
        for matter in self._moved:
            name = verify.map_name(self.map_key, matter)
            self._map.put(name, verify.map_leaf(name, verify.map_value(*self.standing[matter])))
        self._moved.clear()
        facts: dict[str, Json] = {"root": self._map.root().hex(), "key": verify.map_key_digest(self.map_key)}
        self.mapped = len(self.tree)
        self._write(Act(matters.MAPPED, "gateway", facts=facts), take)

    def _act(self) -> Act:
        chance, of = self._chance, len(self.tree)
        facts: dict[str, Json] = {"object": f"obj_{of:020x}", "sha256": f"{chance.getrandbits(256):064x}", "bytes": of}
        matter = self._names[chance.randrange(MATTERS)]
        return Act(_TYPES[of % 6], f"per_{of % 50:020x}", matter=matter, subject=f"org_{of % 99991:020x}", facts=facts)

    def _write(self, act: Act, take: Callable[[bytes], object]) -> None:
        number, previous = self.standing.get(act.matter or "", (0, None))
        leaf = rules.entry_leaf(
            act,
            at=_BEGAN + timedelta(seconds=3 * len(self.tree)),
            chain=(number + 1, previous) if act.matter else None,
            commitment=self._chance.randbytes(32) if act.matter else None,
        )
        hashed = merkle.leaf_hash(leaf)
        self.tree.append(hashed)
        if act.matter:
            self.standing[act.matter] = (number + 1, hashed)
            self._moved.add(act.matter)
        take(leaf + b"\n")


def written(folder: Path, size: int) -> Written:
    """The export of such a log in `folder`."""
    log = Written(SigningTwin.generate(), os.urandom(32))
    folder.parent.mkdir(parents=True, exist_ok=True)
    lines = folder.with_suffix(".jsonl")
    with lines.open("wb") as file:
        log.grow(size, file.write)

    def fill(partial: Path) -> None:
        lines.rename(partial / "entries.jsonl")
        told = [canonical({"size": size, "text": text}) + b"\n" for size, text in log.signed]
        export.put(partial / "checkpoints.jsonl", b"".join(told))
        secret = {"type": export.MAP_KEY_TYPE, "key": export._b64(log.map_key)}  # noqa: SLF001 the one spelling
        export.put(partial / "matters.json", canonical(secret))

    export.write(folder, name=ORIGIN, key=log.key, checkpoint=log.checkpoint(), readme=export.WHOLE_README, fill=fill)
    return log


def spent(script: Path, *arguments: str) -> Cost:
    """What a script took, which has to succeed. It tells its peak itself: the system's account has its parent's too."""
    command = [sys.executable, "-I", "-c", _TELLING, str(script), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    told = process.stderr.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{script} {' '.join(arguments)} did not succeed")
    return Cost(usage.ru_utime + usage.ru_stime, int(told) << 10)


class Mappable(matters.Standing):
    """A standing whose map is made once; the gateway makes it anew for each proof."""

    def __init__(self, log: Written) -> None:
        super().__init__()
        self.ends = log.standing
        self._built = super().map(log.map_key)

    def map(self, key: bytes) -> keyed_map.KeyedMap:
        """The one map."""
        del key
        return self._built


def proofs(log: Written) -> tuple[int, int, int]:
    """The longest proof of a matter as `extract.json` has it, that of one that is none, and that of an entry."""
    mapped = Mapped(log.mapped, log.mapped - 1, log.map_key, Mappable(log))
    there = max(len(canonical(mapped.proof(matter))) for matter in log.standing)
    absent = max(len(canonical(mapped.proof(f"mat_{number:020x}"))) for number in range(1000))
    signed, size = log.checkpoint(), len(log.tree)
    text = "\n".join(signed.text.split("\n")[:-2]) + "\n"
    chance = random.Random(2)
    longest = 0
    for index in (0, size // 2, size - 1, *(chance.randrange(size) for _ in range(1000))):
        proof = merkle.inclusion_proof(index, size, log.tree)
        merkle.check_inclusion(index, size, log.tree(0, index), proof, signed.root)
        longest = max(longest, len(rules.proof_text(b"", index, proof, text).encode()))
    return there, absent, longest


def main() -> int:
    """Measure, print, compare with the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round with a tenth of the entries, and times ten")
    quick = parser.parse_args().quick
    size, rounds, times = (ENTRIES // 10, 1, 10) if quick else (ENTRIES, 3, 1)
    with tempfile.TemporaryDirectory(prefix="log-") as name:
        small, large = Path(name, "small"), Path(name, "large")
        written(small, size // (2 if quick else 10))
        log = written(large, size)
        bare = Path(name, "bare.py")
        bare.write_text(_BARE, encoding="ascii")
        runs: dict[str, list[Cost]] = {"full": [], "root": [], "bare": []}
        for _ in range(rounds):
            runs["full"].append(spent(SCRIPT, str(large)))
            runs["root"].append(spent(SCRIPT, str(large), "--root-only"))
            runs["bare"].append(spent(bare, str(large / "entries.jsonl")))
        before = spent(SCRIPT, str(small)).peak_bytes
    there, absent, longest = proofs(log)
    print(f"{size:,} entries of {MATTERS:,} matters, {len(log.signed):,} checkpoints and maps\n")
    print("| check | median CPU | range | beside reading | peak memory | ceiling |\n|---|---:|---:|---:|---:|---:|")
    least = times * _median(runs["bare"])
    for what, ceiling in (("full", f"{FULL_S:.0f} s"), ("root", f"{ROOT_S:.0f} s"), ("bare", "–")):
        costs = runs[what]
        seconds = sorted(times * one.seconds for one in costs)
        middle, peak = times * _median(costs), max(one.peak_bytes for one in costs) >> 20
        told = f"| {what} | {middle:.1f} s | {seconds[0]:.1f} … {seconds[-1]:.1f} s | {middle / least:.1f} × "
        print(f"{told}| {peak} MiB | {ceiling} |")
    grown = max(one.peak_bytes for one in runs["full"]) / before
    part = "half" if quick else "a tenth"
    print(f"\nmemory with all entries, beside {part} of them: {grown:.2f} × (at most {GROWTH} ×)\n")
    print("| proof | bytes as stored | ceiling |\n|---|---:|---:|")
    print(f"| all of a matter, the longest of {MATTERS:,} | {there} | {MATTER_BYTES} |")
    print(f"| no such matter, the longest of 1,000 | {absent} | {MATTER_BYTES} |")
    print(f"| entry, without its leaf and the ML-DSA-44 line, the longest of 1,003 | {longest} | {ENTRY_BYTES} |")
    slow = times * _median(runs["full"]) > FULL_S or times * _median(runs["root"]) > ROOT_S
    return 1 if slow or grown > GROWTH or max(there, absent) > MATTER_BYTES or longest > ENTRY_BYTES else 0


def _median(costs: Sequence[Cost]) -> float:
    return statistics.median(one.seconds for one in costs)


if __name__ == "__main__":
    sys.exit(main())

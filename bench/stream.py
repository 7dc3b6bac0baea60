"""How fast and how small the segment writer and range reader are, beside their baselines in the same run.

Prints one Markdown table. Exit code 1 when a floor is missed: writer ≥ 0.9 × `openssl speed -evp aes-256-gcm`,
writer ≥ 1.2 × Tink, 64 KiB random read ≤ 2 ms, ≤ 8 MiB of memory for an additional upload stream.
Rounds are interleaved, so that a busy machine slows all candidates alike. Run: python bench/stream.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.base.units import GIB, KIB, MIB
from gateway.seal.stream import RangeReader, StreamWriter
from gateway.vault.blobs.folder import FolderBlobStore
from gateway.vault.service import Keeping

KEY, AAD = os.urandom(32), b'{"object":"obj_bench"}'


def main() -> int:
    """Measure, print, compare with the floors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller streams, fewer rounds")
    parser.add_argument("--memory-of", choices=("null", "folder"), help=argparse.SUPPRESS)
    parser.add_argument("--stream-bytes", type=int, default=4 * GIB, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory_of:
        print(_added_memory(asked.memory_of, asked.stream_bytes))
        return 0
    rounds, size = (3, 64 * MIB) if asked.quick else (9, 256 * MIB)
    stream_bytes = 256 * MIB if asked.quick else 4 * GIB
    print(f"| {'what':<58} | {'median':>11} | {'range':>19} | {'floor':>16} | ok  |")
    print(f"|{'-' * 60}|{'-' * 12}:|{'-' * 20}:|{'-' * 17}:|-----|")
    good = _speeds(rounds, size)
    good &= _random_reads(200 if asked.quick else 1000)
    for sink in ("null", "folder"):
        good &= _memory(sink, stream_bytes)
    return 0 if good else 1


def _row(what: str, median: str, spread: str = "", floor: str = "", *, met: bool | None = None) -> bool:
    verdict = {None: "", True: "yes", False: "NO"}[met]
    print(f"| {what:<58} | {median:>11} | {spread:>19} | {floor:>16} | {verdict:<3} |", flush=True)
    return met is not False


def _drop(_sealed: memoryview) -> None:
    """The null sink."""


def _speeds(rounds: int, size: int) -> bool:
    data = memoryview(os.urandom(16 * MIB))
    candidates: dict[str, Callable[[], float]] = {
        "writer, null sink, pieces of 1 MiB": lambda: _timed(_write, data, MIB, size),
        "writer, null sink, pieces of 64 KiB": lambda: _timed(_write, data, 64 * KIB, size),
        "bare AESGCM.encrypt_into, 1 MiB, no format": lambda: _timed(_bare, data, MIB, size),
        "Tink (PyPI) to /dev/null, pieces of 1 MiB": lambda: _timed(_tink(), data, MIB, size),
        "openssl speed -evp aes-256-gcm, blocks of 1 MiB": _openssl,
    }
    runs: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, measure in candidates.items():
            runs[name].append(measure())
    for name, values in runs.items():
        _row(name, f"{statistics.median(values):.2f} GB/s", f"{min(values):.2f} … {max(values):.2f}")
    ours, small, bare, tink, openssl = runs.values()
    good = True
    for label, candidate in (("1 MiB", ours), ("64 KiB", small)):
        good &= _ratio(f"writer ({label}) ÷ openssl speed", candidate, openssl, 0.9)
        good &= _ratio(f"writer ({label}) ÷ Tink", candidate, tink, 1.2)
        _ratio(f"writer ({label}) ÷ bare AESGCM", candidate, bare, None)
    return good


def _ratio(what: str, ours: list[float], theirs: list[float], floor: float | None) -> bool:
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    median = statistics.median(ratios)
    spread = f"{min(ratios):.2f} … {max(ratios):.2f}"
    if floor is None:
        return _row(what, f"{median:.2f} ×", spread)
    return _row(what, f"{median:.2f} ×", spread, f"≥ {floor} ×", met=median >= floor)


def _timed(run: Callable[[memoryview, int, int], None], data: memoryview, piece: int, size: int) -> float:
    """GB/s of one run."""
    start = time.perf_counter()
    run(data, piece, size)
    return size / (time.perf_counter() - start) / 1e9


def _write(data: memoryview, piece: int, size: int) -> None:
    writer = StreamWriter(KEY, AAD, _drop)
    for offset in range(0, size, piece):
        place = offset % len(data)
        writer.write(data[place : place + piece])
    writer.close()


def _bare(data: memoryview, piece: int, size: int) -> None:
    cipher, sealed = AESGCM(KEY), memoryview(bytearray(piece + 16))
    for offset in range(0, size, piece):
        place = offset % len(data)
        cipher.encrypt_into(offset.to_bytes(12, "big"), data[place : place + piece], None, sealed)


def _tink() -> Callable[[memoryview, int, int], None]:
    import tink
    from tink import streaming_aead

    streaming_aead.register()
    template = streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB
    primitive = tink.new_keyset_handle(template).primitive(streaming_aead.StreamingAead)

    def write(data: memoryview, piece: int, size: int) -> None:
        with (
            Path(os.devnull).open("wb", buffering=0) as null,
            primitive.new_encrypting_stream(null, AAD) as sealing,
        ):
            for offset in range(0, size, piece):
                place = offset % len(data)
                sealing.write(data[place : place + piece])

    return write


def _openssl() -> float:
    """GB/s as the openssl on PATH states them for itself."""
    command = ["openssl", "speed", "-evp", "aes-256-gcm", "-seconds", "1", "-bytes", str(MIB)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(said.strip().splitlines()[-1].split()[-1].rstrip("k")) / 1e6


def _random_reads(count: int) -> bool:
    size = 256 * MIB
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sealed"
        with path.open("wb", buffering=0) as sink:
            writer = StreamWriter(KEY, AAD, sink.write)
            for _ in range(size // MIB):
                writer.write(os.urandom(MIB))
            writer.close()
        taken_ms = []
        for _ in range(count):
            offset = random.randrange(size - 64 * KIB)
            start = time.perf_counter()
            with path.open("rb", buffering=0) as source:
                RangeReader(KEY, AAD, source, size).read_range(offset, 64 * KIB)
            taken_ms.append((time.perf_counter() - start) * 1e3)
    slowest = sorted(taken_ms)[int(count * 0.99)]
    median = statistics.median(taken_ms)
    return _row(
        "open and read 64 KiB at random from 256 MiB (range to p99)",
        f"{median:.2f} ms",
        f"{min(taken_ms):.2f} … {slowest:.2f}",
        "≤ 2 ms",
        met=median <= 2,
    )


def _memory(sink: str, stream_bytes: int) -> bool:
    command = [sys.executable, __file__, "--memory-of", sink, "--stream-bytes", str(stream_bytes)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    added = int(done.stdout)
    return _row(
        f"peak memory added by one more stream of {stream_bytes / GIB:g} GiB ({sink})",
        f"{added / MIB:.1f} MiB",
        floor="≤ 8 MiB",
        met=added <= 8 * MIB,
    )


def _added_memory(sink: str, stream_bytes: int) -> int:
    """Bytes by which the peak of this process rises over one stream, with another one open beside it."""
    piece = os.urandom(64 * KIB)
    with tempfile.TemporaryDirectory() as folder:
        blobs = FolderBlobStore(Path(folder))
        first = _stream(sink, blobs)
        for _ in range(64):
            first(piece)
        before = _status_bytes("VmRSS")
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        second = _stream(sink, blobs)
        for _ in range(stream_bytes // len(piece)):
            second(piece)
        return _status_bytes("VmHWM") - before


def _stream(sink: str, blobs: FolderBlobStore) -> Callable[[bytes], None]:
    if sink == "folder":
        return Keeping(blobs, tenant="bench", matter="mat_bench", role="original").write
    return StreamWriter(KEY, AAD, _drop).write


def _status_bytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * KIB
    raise LookupError(name)


if __name__ == "__main__":
    sys.exit(main())

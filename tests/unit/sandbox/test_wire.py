"""What parent and child say to one another, frozen: read and written alike, and each broken head fails by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.sandbox.ports import Layer, Limits
from gateway.sandbox.wire import LENGTH, PREFIX, Head, Job, Malformed, header_length

FROZEN = json.loads((Path(__file__).parents[2] / "vectors" / "sandbox" / "wire.json").read_text("ascii"))


def head(data: bytes) -> Head:
    """A head as the parent reads it: the prefix first, then as many bytes as that says."""
    length = header_length(data[: PREFIX.size])
    assert len(data) == PREFIX.size + length
    return Head.from_untrusted(data[PREFIX.size :])


def test_the_frozen_job_is_read_and_written() -> None:
    told = FROZEN["job"]
    job = Job(told["task"], told["request"], Limits(**told["limits"]), frozenset(map(Layer, told["walls"])))
    assert job.to_bytes().hex() == told["bytes"]
    data = bytes.fromhex(told["bytes"])
    assert LENGTH.unpack(data[: LENGTH.size]) == (len(data) - LENGTH.size,)
    assert Job.from_bytes(data[LENGTH.size :]) == job


@pytest.mark.parametrize("told", FROZEN["heads"], ids=lambda told: told["status"])
def test_the_frozen_heads_are_read_and_written(told: dict[str, object]) -> None:
    data = bytes.fromhex(str(told["bytes"]))
    found = head(data)
    assert {"status": found.status, "header": found.header, "blobs": list(found.lengths)} == {
        name: told[name] for name in ("status", "header", "blobs")
    }
    assert found.to_bytes() == data


@pytest.mark.parametrize("name", FROZEN["broken"])
def test_a_broken_head_fails_by_name(name: str) -> None:
    told = FROZEN["broken"][name]
    with pytest.raises(Malformed, match=f"^{told['failure']}$"):
        head(bytes.fromhex(told["bytes"]))


def test_every_failure_of_a_head_has_its_broken_one() -> None:
    assert {told["failure"] for told in FROZEN["broken"].values()} == {"prefix", "json", "members", "types", "lengths"}

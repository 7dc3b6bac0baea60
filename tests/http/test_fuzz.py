"""Garbage on every route: never a 500, always a problem, always one that the interface documents."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import pytest

from tests.support.office import API, HARMLESS, matter_body
from tests.support.routes import Routes

T = TypeVar("T")

BODIES: Final[tuple[bytes, ...]] = (
    b"",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{}",
    b"{",
    b"\xff\xfe\x00",
    b'{"a": NaN}',
    b'{"a": 1e400, "b": -Infinity}',
    b'{"a": "\\ud800"}',
    b'{"a": "\\u0000"}',
    b'{"a": 1, "a": 2}',
    b"[" * 100_000,
    b'{"a":' * 40 + b"1" + b"}" * 40,
    b"9" * 6000,
    b'{"' + b"x" * 5000 + b'": 1}',
    b" " * (1 << 20) + b"{}",
)
VALUES: Final[tuple[Any, ...]] = (
    None,
    "",
    "\x01\u202e",
    "x" * 30_000,
    "../../etc/passwd",
    "not-a-member",
    2**64,
    -1,
    0.5,
    1e308,
    True,
    [],
    [[]],
    {},
    {"x": "y"},
)
SEGMENTS: Final = ("x", "%00", "%ff%fe", "a" * 2000, "..%2f..", "mat_%C3%A9", "rel_" + "z" * 26, "per_" + "0" * 26, " ")
QUERY_VALUES: Final = ("", "%00", "9" * 40, "-1", "true", "NaN", "%ff", "x" * 3000, "0x10", "1e3")
HEADERS: Final[tuple[dict[str, str], ...]] = (
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Encoding": "gzip", "Content-Type": "application/json"},
    {"Range": "bytes=9-2"},
    {"Range": "bytes=0-1,4-5"},
    {"Range": "bytes=" + "9" * 40 + "-"},
    {"Idempotency-Key": ""},
    {"Idempotency-Key": "k" * 5000},
    {"Content-Digest": "sha-256=:%%%:"},
    {"Content-Disposition": "attachment; filename*=UTF-8''%ff%fe"},
    {"Content-Disposition": 'attachment; filename="../../x"'},
    {"Expect": "something-else"},
)
EXAMPLES: Final[Mapping[str, Any]] = {
    "openMatter": matter_body(recipients=[{**matter_body()["recipients"][0], "hop": 1, "custody": [1]}]),
    "classifyOriginal": HARMLESS,
}


FEWER_BY_DAY = pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.nightly)])


def some(values: Sequence[T], step: int) -> Sequence[T]:
    """Every so manieth of the values, from another one on in each run."""
    return values[random.randrange(min(step, len(values) or 1)) :: step]


def test_garbage_in_paths(fuzzed: Routes) -> None:
    for operation, method, path, told in fuzzed.routes():
        for name in re.findall(r"\{(\w+)\}", path):
            for segment in SEGMENTS:
                url = fuzzed.url(path, **{name: segment})
                fuzzed.check(told, fuzzed.client(operation).request(method, url), segment)


@FEWER_BY_DAY
def test_garbage_in_queries(fuzzed: Routes, step: int) -> None:
    for operation, method, path, told in fuzzed.routes():
        names = [one["name"] for one in told.get("parameters", []) if one["in"] == "query"]
        for name in names:
            for text in some(QUERY_VALUES, step):
                url = f"{fuzzed.url(path)}?{name}={text}&{name}={text}&undocumented=1"
                fuzzed.check(told, fuzzed.client(operation).request(method, url), (name, text))


@FEWER_BY_DAY
def test_garbage_in_headers(fuzzed: Routes, step: int) -> None:
    for operation, method, path, told in fuzzed.routes():
        for headers in some(HEADERS, step) if operation != "exportLog" else ():
            body = b"{}" if method != "GET" else None
            answer = fuzzed.client(operation).request(method, fuzzed.url(path), headers=headers, content=body)
            fuzzed.check(told, answer, headers)


@FEWER_BY_DAY
def test_garbage_as_body(fuzzed: Routes, step: int) -> None:
    for operation, method, path, told in fuzzed.routes():
        if method == "GET" or operation == "exportLog":
            continue
        for body in some(BODIES, step):
            headers = {"Content-Type": "application/json"}
            answer = fuzzed.client(operation).request(method, fuzzed.url(path), headers=headers, content=body)
            fuzzed.check(told, answer, body[:40])


@FEWER_BY_DAY
def test_garbage_in_every_field(fuzzed: Routes, step: int) -> None:
    for operation, method, path, told in fuzzed.routes():
        content = told.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            continue
        name = content["schema"]["$ref"].rpartition("/")[2]
        whole = EXAMPLES.get(operation) or fuzzed.schema["components"]["schemas"][name]["examples"][0]
        for place, body in some([*_mutations(whole)], step):
            answer = fuzzed.client(operation).request(
                method,
                fuzzed.url(path),
                content=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )
            fuzzed.check(told, answer, place)


def test_a_refusal_repeats_nothing_that_was_sent(fuzzed: Routes) -> None:
    secret = "zzqxj"
    sent: list[Any] = [
        {**matter_body(), secret: secret},
        {**matter_body(), "round": secret},
        {**matter_body(), "purpose": secret},
        {**matter_body(), "jurisdiction": secret},
        {**matter_body(), "recipients": [{"name": "A", "class": secret, "language": secret, secret: {secret: secret}}]},
        {**matter_body(), "deadline": secret},
        [secret],
        secret,
    ]
    for body in sent:
        answer = fuzzed.client("openMatter").post(f"{API}/matters", json=body)
        assert answer.status_code == 400, answer.text
        assert secret not in answer.text
    answer = fuzzed.client("answerRendition").post(
        f"{API}/renditions/{fuzzed.ids['rendition_id']}/answers", json={"columns": {secret: 7, "column/0": secret}}
    )
    assert secret not in answer.text


def _mutations(whole: Any) -> Iterator[tuple[object, Any]]:
    for place in _places(whole):
        for value in VALUES:
            changed = copy.deepcopy(whole)
            _put(changed, place, value)
            yield (place, str(value)[:30]), changed
        removed = copy.deepcopy(whole)
        _put(removed, place, _REMOVED)
        yield (place, "removed"), removed


_REMOVED = object()


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*above, key)
        yield from _places(child, (*above, key))


def _put(whole: Any, place: tuple[Any, ...], value: Any) -> None:
    for key in place[:-1]:
        whole = whole[key]
    if value is _REMOVED:
        del whole[place[-1]]
    else:
        whole[place[-1]] = value

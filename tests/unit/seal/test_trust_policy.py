"""tlog-policy: the specification's own example, every rule broken once, and no witness that counts twice."""

from __future__ import annotations

import hashlib
from itertools import combinations

import pytest

from gateway.seal import mldsa, signature
from gateway.seal.cosignature import cosigners
from gateway.seal.note import vkeys
from gateway.seal.trust_policy import PolicyMalformed, parse_policy
from gateway.seal.twin import PublicTwin, SigningTwin

NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")


def keys_of(name: str) -> PublicTwin:
    """Always the same, because the cases below are named by what they say."""
    seed = hashlib.sha256(name.encode()).digest()
    return SigningTwin(signature.SigningKey(seed), mldsa.SigningKey(seed)).public


LOG = keys_of("log")
KEYS = {name: cosigners(f"w.example/{name}", keys_of(name)) for name in NAMES}
VKEY = {name: pair[0].vkey for name, pair in KEYS.items()}
# The example of tlog-policy, with keys.
EXAMPLE = f"""\
log {vkeys("example.com/log", LOG)[0]}

  # six witnesses
witness X1 {VKEY["X1"]}
witness X2 {VKEY["X2"]} https://x2.example.com/prefix/
witness\tX3 \t{VKEY["X3"]}
group X-witnesses 2 X1 X2 X3

witness Y1 {VKEY["Y1"]}
witness Y2 {VKEY["Y2"]}
witness Y3 {VKEY["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_example_of_the_specification_means_what_it_says() -> None:
    policy = parse_policy(EXAMPLE.encode())
    assert [(one.name, one.url) for one in policy.witnesses][:3] == [
        ("X1", None),
        ("X2", "https://x2.example.com/prefix"),
        ("X3", None),
    ]
    for count in range(7):
        for names in combinations(KEYS, count):
            xs, ys = sum(n[0] == "X" for n in names), sum(n[0] == "Y" for n in names)
            assert policy.met([KEYS[name][0] for name in names]) is (xs >= 2 and ys >= 1)
    # The other key of the same person is another key.
    assert not policy.met([pair[1] for pair in KEYS.values()])


def test_no_witness_is_asked_for_where_the_policy_says_so() -> None:
    assert parse_policy(b"quorum none").met([])


def test_names_are_octets() -> None:
    one = f"witness K {VKEY['X1']}\nwitness ".encode() + b"\xe2\x84\xaa " + f"{VKEY['X2']}\n".encode()
    assert len(parse_policy(one + b"quorum K\n").witnesses) == 2
    assert parse_policy(b"witness \xff " + f"{VKEY['X1']}\n".encode() + b"quorum \xff").met([KEYS["X1"][0]])


X1, X2, Y1 = (f"witness {name} {VKEY[name]}\n" for name in ("X1", "X2", "Y1"))


BROKEN = [
    ("", "no quorum"),
    ("quorum none\nquorum none", "Line 2.*already"),
    ("quorum X1\n" + X1, "Line 1.*defined"),
    (X1 + "group g any X2\nquorum g", "Line 2.*defined"),
    (X1 + "group g 2 X1\nquorum g", "number"),
    (X1 + "group g 0 X1\nquorum g", "number"),
    (X1 + "group g 01 X1\nquorum g", "number"),
    (X1 + "group g -1 X1\nquorum g", "number"),
    (X1 + "group g any\nquorum g", "not a log"),
    (X1 + "group g 2 X1 X1\nquorum g", "twice"),
    (X1 + X2 + "group g any X1\ngroup h 2 g X1\nquorum h", "twice"),
    (X1 + "group g any none\nquorum g", "defined"),
    (f"witness none {VKEY['X1']}\nquorum none", "taken"),
    (X1 + f"witness X1 {VKEY['X2']}\nquorum X1", "taken"),
    (X1 + f"witness again {VKEY['X1']}\nquorum X1", "listed twice"),
    (f"witness X1 {vkeys('example.com/log', LOG)[0]}\nquorum X1", "type 4"),
    (f"log {VKEY['X1']}\nquorum none", "type 1"),
    (f"log {vkeys('a', LOG)[0]}\nlog {vkeys('b', LOG)[0]}\nquorum none", "listed twice"),
    (X1.replace("\n", " ftp://x\n") + "quorum X1", "address"),
    (X1.replace("\n", " https://u:p@x\n") + "quorum X1", "address"),
    (X1.replace("\n", " https://x a\n") + "quorum X1", "not a log"),
    ("quorum\x0bnone", "control"),
    ("quorum none\r\n", "control"),
    ("\ufeffquorum none", "not a log"),
    ("quorum\u00a0none", "not a log"),
    ("#\n" * 1001, "1,000"),
]


@pytest.mark.parametrize(("text", "says"), BROKEN)
def test_what_breaks_a_rule_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(PolicyMalformed, match=says):
        parse_policy(text.encode())


def test_groups_in_groups_are_decided_however_deep() -> None:
    deep = "".join(f"group g{n} all {'X1' if n == 0 else f'g{n - 1}'}\n" for n in range(900))
    assert parse_policy((X1 + deep + "quorum g899").encode()).met([KEYS["X1"][0]])

"""Exit codes and sentences: what scripts and people in a hurry hold on to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.base import problems
from gateway.base.problems import Problem
from gateway.cli import exits
from gateway.cli.client import ServerProblem
from gateway.cli.main import COMMANDS, application
from gateway.policy.load import packs_dir
from gateway.settings import from_environment

Gateway = Callable[..., Any]


@pytest.mark.parametrize(
    ("family", "code"),
    [
        (problems.CheckFailed, 1),
        (problems.Usage, 2),
        (problems.Refused, 3),
        (problems.Conflict, 3),
        (problems.Unprocessable, 3),
        (problems.TooLarge, 3),
        (problems.NotFound, 4),
        (problems.Forbidden, 4),
        (problems.Unauthenticated, 4),
        (problems.Unavailable, 5),
    ],
)
def test_every_family_has_its_exit_code(family: type[Problem], code: int) -> None:
    class Child(family):  # type: ignore[valid-type, misc]
        """One problem of a room."""

    assert exits.code_of(Child("Something.")) == code
    assert exits.code_of(ServerProblem(family, {"detail": "Something."}, 400)) == code


def test_every_family_of_the_tree_is_covered() -> None:
    assert set(exits._OF_FAMILY) == {
        one for one in vars(problems).values() if isinstance(one, type) and Problem in one.__bases__
    }


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(gateway: Gateway, command: str) -> None:
    done = gateway(command, "--help")
    assert done.code == 0
    assert "Usage: gateway" in done.out


def test_all_commands_are_listed_together(gateway: Gateway) -> None:
    assert len(COMMANDS) == len(application().registered_commands) + len(application().registered_groups)
    done = gateway("--help")
    assert done.code == 0
    shown = [line.split(maxsplit=1) for line in done.out.partition("Commands:")[2].splitlines() if line.strip()]
    assert {name: says.strip() for name, says in shown} == {name: one.says for name, one in COMMANDS.items()}


@pytest.mark.parametrize("arguments", [["nonsense"], ["render"], ["keygen", "--key", "x"], ["release", "draft"]])
def test_a_malformed_command_line_exits_2_with_a_sentence(gateway: Gateway, arguments: list[str]) -> None:
    done = gateway(*arguments)
    assert done.code == 2
    assert done.err.strip()
    assert "Traceback" not in done.err


def test_a_problem_is_one_sentence_or_with_json_an_object(gateway: Gateway) -> None:
    plain = gateway("matter", "list")
    assert plain.code == 4
    assert plain.err.count("\n") == 1
    told = json.loads(gateway("matter", "list", "--json").err)
    assert told["type"] == "/problems/token-missing"
    assert told["detail"] == plain.err.strip()


def test_nobody_at_the_address_exits_5(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GATEWAY_TOKEN", "gwt_none")
    assert gateway("matter", "list").code == 5
    assert gateway("doctor", "--server").code == 5


def test_a_missing_token_file_says_which_setting_to_check(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN_FILE", "/nowhere/token")
    done = gateway("people", "list")
    assert (done.code, "GATEWAY_TOKEN_FILE" in done.err) == (4, True)


def test_the_names_that_clients_use_do_not_stop_a_server() -> None:
    told = {"GATEWAY_DATA": "/data", "GATEWAY_TOKEN_FILE": "t", "GATEWAY_PERSON": "p", "GATEWAY_URL": "u"}
    assert from_environment(told).data_dir == Path("/data")


def test_a_token_needs_somebody_and_something_to_be_good_for(gateway: Gateway, tmp_path: Path) -> None:
    gateway("keygen", "--out", tmp_path / "k.pem")
    assert gateway("token", "--key", tmp_path / "k.pem", "--roles", "legal").code == 2
    assert gateway("token", "--key", tmp_path / "k.pem", "--person", "per_x").code == 2
    assert gateway("token", "--key", tmp_path / "k.pem", "--person", "per_x", "--scopes", "all").code == 2
    assert gateway("token", "--key", tmp_path / "k.pem", "--person", "per_x", "--roles", "king").code == 2


def test_serving_beyond_this_machine_is_refused_before_anything_is_opened(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY_DATA", str(tmp_path))
    monkeypatch.setenv("GATEWAY_HOST", "0.0.0.0")
    done = gateway("serve")
    assert (done.code, "certificate" in done.err) == (2, True)


def test_init_then_found_once(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GATEWAY_ARGON2_MEMORY_KIB", "8192")
    assert gateway("init").code == 5, "no passphrase"
    monkeypatch.setenv("GATEWAY_PASSPHRASE", "correct horse battery staple")
    assert gateway("init", "--upgrade").code == 5, "nothing to upgrade"
    assert gateway("init").code == 0
    assert gateway("init").code == 3, "a key file is never overwritten"
    for name in ("one", "two"):
        gateway("keygen", "--out", tmp_path / f"{name}.pem")
    keys = ("--first-key", tmp_path / "one.pem", "--second-key", tmp_path / "two.pem")
    alone = ("--first-key", tmp_path / "one.pem", "--second-key", tmp_path / "one.pem")
    assert gateway("found", "--first", "Ada", "--second", "Ben", *alone).code == 3
    founded = gateway("found", "--first", "Ada", "--second", "Ben", *keys, "--json")
    assert [one["roles"] for one in json.loads(founded.out)] == [["administrator"], ["legal"]]
    assert gateway("found", "--first", "Ada", "--second", "Ben", *keys).code == 3
    assert gateway("init", "--upgrade").code == 0
    done = gateway("doctor", "--json")
    assert {one["what"] for one in json.loads(done.out)["findings"]} >= {"deployment", "key file", "disk", "policies"}
    monkeypatch.setenv("GATEWAY_PASSPHRASE", "wrong")
    assert gateway("doctor").code == 5


def test_doctor_misses_what_settings_insist_on(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare:
        """A host without walls."""

        def layers(self) -> frozenset[str]:
            return frozenset()

    monkeypatch.setattr("gateway.cli.doctor.sandbox", lambda _settings: Bare())
    done = gateway("doctor")
    assert (done.code, "sandbox landlock" in done.err) == (5, True)


def test_policy_commands_read_the_packs(gateway: Gateway, tmp_path: Path) -> None:
    assert gateway("policy", "lint").code == 0
    assert json.loads(gateway("policy", "schema").out)["title"] == "Disclosure policy"
    assert "cn-mofcom-single.order-book@1.0.0" in gateway("policy", "show").out
    assert gateway("policy", "show", "no.such-policy").code in {3, 4}
    assert gateway("policy", "lint", tmp_path / "missing.yaml").code == 2


def test_a_claim_is_proved_or_shown_not_to_be_true(gateway: Gateway) -> None:
    proved = gateway("policy", "prove", "class=EMAIL,PERSON", "--policy", "cn-mofcom-single.customer-list")
    assert proved.code == 0
    assert proved.out.startswith("PROVED for cn-mofcom-single.customer-list@1.0.0")
    claim = "field=end_user.name to recipient.class=authority"
    shown = gateway("policy", "prove", claim, "--policy", "cn-mofcom-single.customer-list")
    assert shown.code == 1
    assert "The rule end-user-name lets end_user.name of the kind customer_list leave" in shown.out
    assert gateway("policy", "prove", "field=passport.nowhere").code == 2
    assert gateway("policy", "prove", "passport").code == 2
    whole = gateway("policy", "matrix", "cn-mofcom-single.customer-list")
    assert (whole.code, "  revenue: never" in whole.out.splitlines()) == (0, True)


def test_what_a_new_version_changes_is_told_with_the_cells_of_an_original(gateway: Gateway, tmp_path: Path) -> None:
    name = "cn-mofcom-single.customer-list"
    new = (packs_dir() / "cn-mofcom-single" / "customer-list.yaml").read_text("utf-8")
    new = new.replace("version: 1.0.0", "version: 1.1.0").replace("edges: [10, 50, 100, 500,", "edges: [100,")
    (tmp_path / "new.yaml").write_text(new, "utf-8")
    table = "Customer,End user,End user of this licence,Annual volume (kg)\nA,Fahrwerk AG,yes,340\nB,Kita,no,7000\n"
    (tmp_path / "c.csv").write_text(table, "utf-8")
    same = gateway("policy", "plan", "--from", name, "--to", name)
    assert (same.code, same.out.startswith("Nothing that leaves changes")) == (0, True)
    context = ("--context", "recipient.class=authority", "--context", "purpose=export_licence")
    done = gateway(
        "policy", "plan", "--from", name, "--to", tmp_path / "new.yaml", tmp_path / "c.csv", "--kind", "customer_list",
        *context, "--json",
    )  # fmt: skip
    told = json.loads(done.out)
    assert [one["direction"] for one in told["changes"]] == ["stricter"]
    assert told["cells"] == [{"field": "column/4", "row": 2, "before": "100 – <500 kg", "after": "100 – <1000 kg"}]
    assert gateway("policy", "plan", "--from", name, "--to", name, tmp_path / "c.csv").code == 2


def test_verifying_nothing_exits_4_and_rubbish_1(gateway: Gateway, tmp_path: Path) -> None:
    assert gateway("package", "verify", tmp_path / "nothing").code == 4
    (tmp_path / "package").mkdir()
    done = gateway("package", "verify", tmp_path / "package")
    assert (done.code, bool(done.err.strip())) == (1, True)
    assert gateway("audit", "verify", tmp_path / "package").code == 1
    assert gateway("audit", "verify", tmp_path / "package", "--log-key", "no key").code == 2


def test_what_a_workbook_holds_is_searched_and_not_how_it_is_packed(gateway: Gateway, tmp_path: Path) -> None:
    assert gateway("policy", "test").code == 0
    pack = packs_dir() / "cn-mofcom-single" / "customer-list.test.yaml"
    (tmp_path / pack.name).write_text(pack.read_text("utf-8").replace("present: [", "absent: [", 1), "utf-8")
    assert gateway("policy", "test", tmp_path / pack.name).code != 0


def test_policies_are_laid_out_and_looking_changes_nothing(gateway: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a:   b # why\n", encoding="utf-8")
    assert gateway("policy", "fmt", tmp_path, "--check").code == 1
    assert file.read_text(encoding="utf-8") == "a:   b # why\n"
    assert gateway("policy", "fmt", tmp_path).code == 0
    assert file.read_text(encoding="utf-8") == "a: b  # why\n"
    assert gateway("policy", "fmt", file, "--check").code == 0
    assert list(tmp_path.iterdir()) == [file]

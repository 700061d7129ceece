"""`doctor`: can the models that contracts name be reached? It is said which contract suffers, and what to do."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from steadyhand.access.keys import KeySummary
from steadyhand.catalog.models import Catalog
from steadyhand.catalog.providers import shipped
from steadyhand.cli._examine_models import models
from steadyhand.cli._examine_today import limits, nearly_spent, switched_off, withdrawn
from steadyhand.providers.detect import Detected
from steadyhand.routing.switches import Off
from steadyhand.settings import LimitsSettings
from steadyhand.types.model import Place, Provider


def provider(name: str, base_url: str, key_variable: str, place: Place) -> Provider:
    return Provider(
        name=name, dialect="openai", base_url=base_url, key_variable=key_variable, place=place, clearance="internal"
    )


KNOWN = {
    "local": provider("local", "", "", "local"),
    "ollama": provider("ollama", "http://127.0.0.1:11434/v1", "", "local"),
    "cloud": provider("cloud", "https://cloud.example/v1", "CLOUD_KEY", "eu"),
}


def found(provider: str, *names: str, reachable: bool = False, key_set: bool = False) -> Detected:
    return Detected(provider, reachable, names, key_set, f'models.try = ["{provider}:MODEL"]')


def said(needs: dict[str, list[str]], *detected: Detected) -> list[tuple[str, str, str]]:
    return [(it.level, it.what, it.next) for it in models(needs, KNOWN, detected)]


def test_a_server_that_does_not_answer_fails_the_contracts_that_have_nothing_else() -> None:
    needs = {"answers": ["ollama:llama3"], "triage": ["ollama:llama3"], "other": ["local:extractive"]}
    [(level, what, advice)] = said(needs, found("ollama"))
    assert level == "fail"
    assert what == "ollama does not answer at http://127.0.0.1:11434/v1; answers, triage need it"
    assert advice == "start ollama there"


def test_another_model_of_the_contract_makes_it_a_warning() -> None:
    [(level, what, _)] = said({"answers": ["ollama:llama3", "local:extractive"]}, found("ollama"))
    assert level == "warn"
    assert what.endswith("answers needs it; meanwhile another model serves")


def test_a_key_that_is_not_set_is_named() -> None:
    [(level, what, advice)] = said({"answers": ["cloud:large"]}, found("cloud"))
    assert (level, what) == ("fail", "cloud has no key in CLOUD_KEY; answers needs it")
    assert advice == "export CLOUD_KEY=..."


def test_a_key_in_a_file_or_from_a_command_is_missed_too() -> None:
    base = KNOWN["cloud"]
    kept = {
        "file": replace(base, name="file", key_variable="", key_file="/run/key"),
        "tool": replace(base, name="tool", key_variable="", key_command=("pass", "show", "a key")),
        "own": replace(base, name="own", base_url="https://{resource}.example/v1"),
    }
    needs = {name: [f"{name}:m"] for name in kept}
    seen = [(it.what, it.next) for it in models(needs, kept, [found("file"), found("tool"), found("own")])]
    assert seen == [
        ("file has no key in /run/key; file needs it", "write the key into this file"),
        ("own has an address to fill in; own needs it", "set base_url in [providers.own]"),
        ("tool gets no key from its key_command; tool needs it", "try it: pass show 'a key'"),
    ]


def test_what_is_switched_off_is_recalled_with_the_way_back() -> None:
    off = Off("provider:cloud", "wrong totals", "anna", datetime(2026, 3, 1, 9, 5, tzinfo=UTC))
    [finding] = switched_off([off])
    assert finding.what == "provider:cloud is switched off since 2026-03-01 09:05 UTC by anna: wrong totals"
    assert finding.next.endswith("route on provider:cloud")


def test_a_limit_of_which_four_fifths_are_spent_is_a_warning() -> None:
    usual = LimitsSettings.model_validate(
        {"key": {"usd_per_day": 10}, "user": {"usd_per_day": 1}, "workspace": {"usd_per_day": 100}}
    )
    keys = [key("sh_a", 5), key("sh_b", None), key("sh_c", None, is_revoked=True)]
    used = {name: Decimal(usd) for name, usd in {
        "key:sh_a": "4", "key:sh_b": "7.99", "key:sh_c": "10", "user:sh_b/anna": "0.9", "feature:triage": "0.1"
    }.items()}  # fmt: skip
    most = limits(keys, usual, {"triage": Decimal("0.1")}, used)
    warned = {it.what.split()[0]: it.next for it in nearly_spent(used, most)}
    assert warned.keys() == {"key:sh_a", "user:sh_b/anna", "feature:triage"}
    assert "keys limit sh_a" in warned["key:sh_a"]
    assert "[limits.user]" in warned["user:sh_b/anna"]
    assert "budget.per_day_usd of triage" in warned["feature:triage"]


def test_a_model_that_goes_soon_is_told_with_who_names_it() -> None:
    catalog = Catalog(shipped(), now=lambda: datetime.now(UTC))
    needs = {
        "answers": ["openai:gpt-5", "openai:gpt-5"],
        "gateway.models.big": ["openai:gpt-5", "local:extractive"],
    }
    [finding] = withdrawn(needs, catalog.find, date(2026, 11, 1))
    assert finding.what == (
        "openai:gpt-5 is withdrawn by its vendor on 2026-12-11; answers, gateway.models.big name it"
    )
    assert list(withdrawn(needs, catalog.find, date(2026, 1, 1))) == []


def key(key_id: str, usd: int | None, *, is_revoked: bool = False) -> KeySummary:
    made = datetime(2026, 3, 1, tzinfo=UTC)
    limit = None if usd is None else Decimal(usd)
    return KeySummary(key_id, "shop", "caller", made, made if is_revoked else None, limit, None, None, (), None)


def test_a_model_that_the_server_does_not_have_is_named() -> None:
    server = found("ollama", "qwen3:4b", "llama3:latest", reachable=True)
    [(level, what, _), offer] = said({"answers": ["ollama:mistral"], "good": ["ollama:llama3"]}, server)
    assert (level, what) == ("fail", "ollama has no model 'mistral'; answers needs it")
    assert offer == ("ok", "ollama answers with 2 models: qwen3:4b, llama3:latest", "")


def test_what_is_used_already_is_not_advised() -> None:
    both = found("ollama", "llama3", reachable=True), found("cloud", key_set=True)
    advice = {what.split()[0]: after for _, what, after in said({"answers": ["cloud:large"]}, *both)}
    assert advice["cloud"] == ""
    assert advice["ollama"].startswith("to use it, in a contract: ")


def test_a_contract_whose_server_is_down_fails_the_doctor(empty: Path, inside) -> None:
    contract = empty / "features" / "notes_answers" / "feature.toml"
    contract.write_text(contract.read_text().replace("local:extractive", "down:model"))
    with (empty / "steadyhand.toml").open("a") as file:
        file.write('\n[providers.down]\nbase_url = "http://127.0.0.1:9/v1"\nplace = "local"\n')
    seen = inside("doctor", "-w", str(empty))
    assert seen.returncode == 1
    assert "fail  down does not answer at http://127.0.0.1:9/v1; notes_answers needs it" in seen.stdout


def test_another_database_than_postgresql_is_refused_with_a_hint(
    empty: Path, inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEADYHAND_DATABASE_URL", "mysql://me:secret@host/db")
    [finding] = [
        it for it in json.loads(inside("doctor", "--json", "-w", str(empty)).stdout) if it["level"] == "fail"
    ]
    assert "expected postgresql://USER@HOST/DATABASE" in finding["what"]
    assert "secret" not in finding["what"]
    assert finding["next"]


def test_the_doctor_never_advises_to_ask_the_doctor(empty: Path, inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYHAND_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    seen = inside("doctor", "-w", str(empty))
    assert seen.returncode == 1
    assert "steadyhand doctor" not in seen.stdout

"""`doctor`: can the models that contracts name be reached? It is said which contract suffers, and what to do."""

import json
from pathlib import Path

import pytest

from steadyhand.cli._examine_models import models
from steadyhand.providers.detect import Detected
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

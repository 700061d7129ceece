"""`keys`, `models`, `db`, `doctor`."""

import json
import re
import shutil
from pathlib import Path

import pytest

from steadyhand.knowledge.embedders import minilm


def test_a_key_is_shown_once_and_ends_when_revoked(empty: Path, inside) -> None:
    made = inside("keys", "create", "shop", "--role", "caller", "-w", str(empty))
    key = made.stdout.strip()
    assert re.fullmatch(r"sh_\w{43}", key)
    assert key not in made.stderr
    [listed] = json.loads(inside("keys", "list", "--json", "-w", str(empty)).stdout)
    assert (listed["name"], listed["role"], listed["revoked_at"]) == ("shop", "caller", None)
    assert key not in json.dumps(listed)
    assert inside("keys", "revoke", listed["id"], "-w", str(empty)).returncode == 0
    assert "revoked" in inside("keys", "list", "-w", str(empty)).stdout
    assert inside("keys", "revoke", listed["id"], "-w", str(empty)).returncode == 2
    assert inside("keys", "create", "x", "--role", "king", "-w", str(empty)).returncode == 2


def test_a_keys_limits_are_shown_and_changed(empty: Path, inside) -> None:
    limits = ("--usd-per-day", "5", "--requests-per-minute", "60", "--models", "openai:*", "--models", "sorter")
    assert inside("keys", "create", "shop", *limits, "-w", str(empty)).returncode == 0
    [listed] = json.loads(inside("keys", "list", "--json", "-w", str(empty)).stdout)
    assert (listed["usd_per_day"], listed["requests_per_minute"], listed["tokens_per_minute"]) == (5, 60, None)
    assert listed["models"] == ["openai:*", "sorter"]
    changes = (
        "--usd-per-day",
        "0.5",
        "--requests-per-minute",
        "none",
        "--tokens-per-minute",
        "9000",
        "--models",
        "none",
    )
    changed = inside("keys", "limit", listed["id"], *changes, "--json", "-w", str(empty))
    assert json.loads(changed.stdout) == {
        "id": listed["id"], "usd_per_day": 0.5, "requests_per_minute": None, "tokens_per_minute": 9000, "models": [],
    }  # fmt: skip
    inside("keys", "limit", listed["id"], "-w", str(empty))
    assert re.search(r"\$0.00 of \$0.50 +9,000 tokens", inside("keys", "list", "-w", str(empty)).stdout)
    for wrong in ("0", "-1", "much", "inf", "0.5"):
        refused = inside("keys", "create", "x", "--tokens-per-minute", wrong, "-w", str(empty))
        assert refused.returncode == 2
        assert f"found '{wrong}'" in refused.stderr
    assert inside("keys", "limit", "sh_nobody", "-w", str(empty)).returncode == 2


def test_a_keys_labels_are_shown_and_changed(empty: Path, inside) -> None:
    made = inside("keys", "create", "payroll", "--labels", "hr, finance", "-w", str(empty))
    assert made.returncode == 0
    [listed] = json.loads(inside("keys", "list", "--json", "-w", str(empty)).stdout)
    assert listed["labels"] == ["finance", "hr"]
    changed = inside("keys", "label", listed["id"], "everyone,legal", "-w", str(empty))
    assert changed.stderr.endswith(" sees documents for everyone, legal\n")
    assert "legal" in inside("keys", "list", "-w", str(empty)).stdout
    assert inside("keys", "label", listed["id"], "none", "-w", str(empty)).returncode == 0
    assert inside("keys", "label", listed["id"], "hr,,x", "-w", str(empty)).returncode == 2


def test_models_are_listed_outside_of_a_workspace(inside) -> None:
    listed = inside("models", "list", "local:", "--json")
    assert {"local:extractive", "local:nearest"} <= {model["id"] for model in json.loads(listed.stdout)}
    table = inside("models", "list", "local:extractive").stdout
    assert re.split("  +", table.splitlines()[0])[:3] == ["model", "$/M in", "$/M out"]
    assert "local" in table.splitlines()[1]


def test_a_provider_that_serves_any_name_is_no_empty_list(inside) -> None:
    listed = inside("models", "list", "lmstudio:")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "lmstudio serves any model it has, as lmstudio:MODEL" in listed.stderr


def test_prices_are_shown_with_their_tiers_and_where_they_were_read(inside) -> None:
    shown = inside("models", "prices", "openai:gpt-5.5-pro", "--at", "2026-11-21")
    assert re.split("  +", shown.stdout.splitlines()[0].strip())[-2:] == ["longer prompts", "source"]
    assert "over 272,000: 60 in, 270 out" in shown.stdout
    assert "2026-11-21 00:00 UTC, genai-prices" in shown.stderr


def test_a_price_of_an_hour_is_the_one_that_was_in_force(inside) -> None:
    said = [
        json.loads(
            inside("models", "prices", "deepseek:deepseek-chat", "--at", f"2026-11-21T{hour}:00", "--json").stdout
        )
        for hour in (12, 20)
    ]
    noon, night = (found[0]["price"]["rates"]["output"] for found in said)
    assert noon > night


def test_prices_of_a_day_that_is_none_are_refused(inside) -> None:
    refused = inside("models", "prices", "--at", "yesterday")
    assert refused.returncode == 2
    assert "expected a date such as 2026-11-21" in refused.stderr


def test_the_workspaces_own_prices_count(empty: Path, inside) -> None:
    with (empty / "steadyhand.toml").open("a") as file:
        file.write('\n[catalog."openai:gpt-4o"]\ninput_usd = 1.11\noutput_usd = 2.22\n')
    shown = inside("models", "prices", "openai:gpt-4o", "-w", str(empty)).stdout
    assert re.search(r"openai:gpt-4o +1.11 +2.22 +1.11 +1.11 +steadyhand.toml", shown)


def test_the_embedding_model_comes_from_a_folder(
    models_folder: Path, inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEADYHAND_MODELS_DIR", str(tmp_path / "models"))
    pulled = inside("models", "pull", "--from", str(models_folder / minilm.FOLDER))
    assert pulled.returncode == 0
    assert pulled.stdout == ""
    assert "ok  MiniLM embeddings verified" in pulled.stderr
    assert minilm.open(tmp_path / "models").id


def test_a_backup_brings_everything_back(empty: Path, inside, tmp_path: Path) -> None:
    assert inside("db", "upgrade", "-w", str(empty)).stderr == "the schema is up to date\n"
    inside("keys", "create", "before", "-w", str(empty))
    assert inside("db", "backup", "copy.dump", "-w", str(empty)).returncode == 0
    assert inside("db", "backup", "copy.dump", "-w", str(empty)).returncode == 2
    inside("keys", "create", "after", "-w", str(empty))
    assert inside("db", "restore", "copy.dump", "--yes", "-w", str(empty)).returncode == 0
    keys = json.loads(inside("keys", "list", "--json", "-w", str(empty)).stdout)
    assert [key["name"] for key in keys] == ["before"]
    assert inside("db", "restore", "no-such.dump", "--yes", "-w", str(empty)).returncode == 2


def test_a_restore_is_refused_while_another_process_uses_the_server(company: Path, inside) -> None:
    """The tests themselves hold the company's server."""
    assert inside("db", "backup", "copy.dump", "-w", str(company)).returncode == 0
    for _ in range(2):
        refused = inside("db", "restore", "copy.dump", "--yes", "-w", str(company))
        assert refused.returncode == 2
        assert "another process does\nhint: stop `steadyhand up`" in refused.stderr
    assert inside("db", "restore", "copy.dump", "--yes", "--force", "-w", str(company)).returncode == 0


def test_a_restore_is_not_done_by_mistake(empty: Path, inside) -> None:
    ended = inside("db", "restore", "copy.dump", "-w", str(empty))
    assert ended.returncode == 2
    assert "expected --yes" in ended.stderr


def test_the_doctor_says_for_each_thing_how_it_is_and_what_to_do(company: Path, inside) -> None:
    seen = inside("doctor", "-w", str(company))
    assert seen.returncode == 0
    assert seen.stderr == ""
    assert {line[:6].strip() for line in seen.stdout.splitlines()} <= {"ok", "warn", ""}
    for said in (
        "Python 3.",
        "PostgreSQL 18",
        "workspace Tarnwald",
        "database reachable",
        "2 contracts good",
        "knowledge base policies: 14 documents",
        "knowledge base products is empty\n      next: steadyhand ingest products",
        "free on the disk",
        "MiniLM embeddings verified",
    ):
        assert said in seen.stdout


def test_the_doctor_works_without_a_workspace_and_fails_without_the_model(
    inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEADYHAND_MODELS_DIR", str(tmp_path / "models"))
    seen = inside("doctor")
    assert seen.returncode == 1
    assert "warn  no workspace here\n      next: steadyhand init DIR" in seen.stdout
    assert re.search(r"^fail  embedding model: .*\n      next: steadyhand models pull$", seen.stdout, re.MULTILINE)


def test_the_doctor_sees_a_changed_model_file(
    models_folder: Path, inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(models_folder, tmp_path / "models")
    tokenizer = tmp_path / "models" / minilm.FOLDER / minilm.TOKENIZER.name
    tokenizer.write_bytes(tokenizer.read_bytes().replace(b"a", b"b", 1))
    monkeypatch.setenv("STEADYHAND_MODELS_DIR", str(tmp_path / "models"))
    [finding] = [it for it in json.loads(inside("doctor", "--json").stdout) if it["level"] == "fail"]
    assert "tokenizer.json is not what was published" in finding["what"]


def test_the_doctor_names_a_key_variable_and_how_to_use_it_but_never_the_key(
    inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "very-secret")
    seen = inside("doctor", "--json").stdout
    [finding] = [it for it in json.loads(seen) if it["what"].startswith("mistral")]
    assert 'models.try = ["mistral:MODEL"]' in finding["next"]
    assert "very-secret" not in seen


def test_a_broken_contract_fails_the_doctor(empty: Path, inside) -> None:
    contract = empty / "features" / "notes_answers" / "feature.toml"
    contract.write_text(contract.read_text().replace("purpose", "porpose"))
    seen = inside("doctor", "-w", str(empty))
    assert seen.returncode == 1
    assert re.search(
        r"^fail  contracts: \d+ problems?, the first .*\n      next: steadyhand check$", seen.stdout, re.MULTILINE
    )

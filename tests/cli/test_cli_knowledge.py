"""`knowledge`: what bases hold, how well they find, and a change of the embedder from the command line."""

import json
from pathlib import Path

QUESTION = '{"question": "What is this folder for?", "sources": ["welcome.md"]}\n'


def test_a_base_is_tested_changed_over_and_taken_back(empty: Path, inside) -> None:
    where = ("-w", str(empty))
    assert inside("ingest", "notes", *where).returncode == 0
    [listed] = json.loads(inside("knowledge", "list", "--json", *where).stdout)
    assert (listed["name"], listed["documents"], listed["embedder"]) == ("notes", 1, "minilm@53aa5117/fp32")

    refused = inside("knowledge", "test", "notes", *where)
    assert refused.returncode == 2
    assert "write gold/notes.jsonl" in refused.stderr

    with (empty / "steadyhand.toml").open("a") as settings:
        settings.write('\n[embedders.small]\nprecision = "int8"\n')
    unmeasured = inside("knowledge", "reindex", "notes", "--embedder", "small", *where)
    assert unmeasured.returncode == 1
    assert unmeasured.stderr.startswith(
        "no gold questions in gold/notes.jsonl: vectors are made, but not switched to"
    )
    assert "there are no gold questions to measure by" in unmeasured.stderr
    assert "--switch switches all the same" in unmeasured.stderr

    (empty / "gold").mkdir()
    (empty / "gold" / "notes.jsonl").write_text(QUESTION)
    tested = json.loads(inside("knowledge", "test", "notes", "--json", *where).stdout)
    assert [fared["rank"] for fared in tested["fared"]] == [1]
    (empty / "gold" / "notes.jsonl").write_text(QUESTION + QUESTION.replace("welcome", "welcom"))
    assert "sources that notes does not have: welcom.md\n" in inside("knowledge", "test", "notes", *where).stderr
    (empty / "gold" / "notes.jsonl").write_text(QUESTION)
    done = inside("knowledge", "reindex", "notes", "--embedder", "small", "--json", *where)
    assert (done.returncode, json.loads(done.stdout)["reason"]) == (0, "not worse")
    assert "knowledge rollback notes" in done.stderr

    shown = inside("knowledge", "show", "notes", *where).stdout
    assert "minilm@53aa5117/int8  read these" in shown
    assert shown.count("1.000") >= 6
    assert inside("knowledge", "rollback", "notes", *where).returncode == 0
    assert "2 vectors deleted" in inside("knowledge", "reclaim", "notes", *where).stderr


def test_the_report_has_an_exit_code(empty: Path, inside) -> None:
    where = ("-w", str(empty))
    inside("ingest", "notes", *where)
    assert inside("ingest", "notes", "http://127.0.0.1:9/slip", *where).returncode != 0
    assert inside("knowledge", "report", "notes", *where).returncode == 0
    for name, text in {
        "one": "A hotel may cost 120 EUR a night.",
        "two": "Hotels cost at most 90 EUR a night.",
    }.items():
        (empty / "knowledge" / "notes" / f"{name}.md").write_text(text)
    inside("ingest", "notes", *where)
    found = inside("knowledge", "report", "notes", *where)
    assert found.returncode == 1
    assert found.stdout.startswith("contradictions (1)\n")
    assert json.loads(inside("knowledge", "report", "notes", "--json", *where).stdout)["documents"] == 3
    assert inside("knowledge", "report", "nothing", *where).returncode == 2


def test_a_base_says_how_far_its_store_is(empty: Path, inside) -> None:
    where = ("-w", str(empty))
    settings = empty / "steadyhand.toml"
    written = settings.read_text().replace("[knowledge.notes]", '[knowledge.notes]\nstore = "near"')
    settings.write_text(f'{written}\n[stores.near]\nkind = "qdrant"\nurl = "file:.steadyhand/qdrant"\n')
    assert inside("ingest", "notes", *where).returncode == 0
    store = json.loads(inside("knowledge", "show", "notes", "--json", *where).stdout)["store"]
    assert (store["store"], store["kind"], store["is_built"], store["behind"]) == ("near", "qdrant", True, 0)
    assert store["rows"] == store["expected"] == 2
    assert f"near (qdrant)  {store['collection']}" in inside("knowledge", "show", "notes", *where).stdout
    assert inside("search", "notes", "What is this folder for?", *where).returncode == 0

"""Settings come from one file and the environment; what is wrong is named."""

from pathlib import Path

import pytest

from steadyhand import settings
from steadyhand.errors import NotFound, WorkspaceInvalid


def write(folder: Path, text: str) -> Path:
    (folder / settings.FILE).write_text(text)
    return folder


def test_an_empty_file_is_enough(tmp_path: Path) -> None:
    found = settings.read(write(tmp_path, ""))
    assert (found.server.host, found.server.port, found.database_url) == ("127.0.0.1", 8484, "")
    assert found.root == tmp_path.resolve()


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYHAND_SERVER__PORT", "9000")
    found = settings.read(write(tmp_path, '[server]\nport = 1\nhost = "0.0.0.0"\n'))
    assert (found.server.port, found.server.host) == (9000, "0.0.0.0")


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceInvalid) as caught:
        settings.read(write(tmp_path, 'nam = "x"\n[server]\nport = "many"\n'))
    port = "Port to listen on; 0 takes a free one."
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/steadyhand.toml:3: server.port: expected a whole number; found 'many'. hint: {port}",
        f'{tmp_path}/steadyhand.toml:1: nam: unknown key. hint: did you mean "name"?',
    ]


def test_a_fault_inside_a_named_table_is_found_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceInvalid) as caught:
        settings.read(write(tmp_path, '[knowledge.a]\nsources = ["x"]\n\n[knowledge.b]\ndata_clas = "public"\n'))
    assert str(caught.value).endswith(
        'steadyhand.toml:5: knowledge.b.data_clas: unknown key. hint: did you mean "data_class"?'
    )


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("STEADYHAND_SERVER__PORT", "abc", "server.port: expected a whole number; found 'abc'."),
        ("STEADYHAND_SERVER__PROT", "1", 'server.prot: unknown key. hint: did you mean "port"?'),
        ("STEADYHAND_SERVER", '{"port": -1}', "server.port: expected at least 0; found -1."),
        ("STEADYHAND_SERVER", "9000", "expected "),
        ("STEADYHAND_PROVIDERS", "acme", "expected JSON"),
    ],
)
def test_a_fault_of_the_environment_is_told_with_its_variable(
    variable: str, value: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(WorkspaceInvalid) as caught:
        settings.read(write(tmp_path, ""))
    assert str(caught.value).startswith(f"{variable}: ")
    assert said in str(caught.value)
    with pytest.raises(WorkspaceInvalid, match=variable):
        settings.defaults()


def test_a_variable_that_sets_nothing_is_warned_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STEADYHAND_MODEL_DIR", "/x")
    monkeypatch.setenv("STEADYHAND_DEBUG", "1")
    monkeypatch.setenv("STEADYHAND_ACME_KEY", "k")
    write(tmp_path, '[providers.acme]\nkey_variable = "STEADYHAND_ACME_KEY"\n')
    for _ in range(2):
        settings.read(tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        'STEADYHAND_MODEL_DIR sets nothing; there is no such setting. did you mean "STEADYHAND_MODELS_DIR"?'
    ]


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / settings.FILE).write_bytes(b'name = "B\xfcro"')
    with pytest.raises(WorkspaceInvalid, match="expected UTF-8"):
        settings.read(tmp_path)


def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceInvalid, match=r"steadyhand.toml:2: expected TOML: "):
        settings.read(write(tmp_path, "\nname = \n"))


def test_a_folder_without_a_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        settings.read(tmp_path)
    assert "steadyhand init" in caught.value.hint


def test_the_workspace_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = write(tmp_path, "") / "features" / "x"
    below.mkdir(parents=True)
    assert settings.find_root(below) == tmp_path.resolve()
    monkeypatch.setenv("STEADYHAND_WORKSPACE", "/elsewhere")
    assert settings.find_root(below) == Path("/elsewhere")


def test_addresses_that_may_hold_passwords_are_not_shown_with_the_settings() -> None:
    table = {"base_url": "https://a.example", "proxy": "http://user:hush-hush@proxy:1"}
    shown = settings.Settings.model_validate(
        {"database_url": "postgresql://user:hush-hush@host/db", "providers": {"mine": table}}
    )
    assert "hush" not in f"{shown!r}{shown}"


def sources_of(folder: Path, written: str) -> list[settings.SourceSettings]:
    return settings.read(write(folder, f"[knowledge.a]\nsources = [{written}]\n")).knowledge["a"].sources


def test_a_source_is_a_path_an_address_or_a_table(tmp_path: Path) -> None:
    found = sources_of(
        tmp_path,
        '"notes", "https://a.example/docs", { path = "more", access = ["hr"], every = "6h", exclude = ["old/*"] },'
        ' { database_variable = "ORDERS", table = "orders", key = "id" }',
    )
    assert [source.path for source in found] == ["notes", "", "more", ""]
    assert [source.url for source in found] == ["", "https://a.example/docs", "", ""]
    assert [source.access for source in found] == [None, None, ["hr"], None]
    assert [source.every_s for source in found] == [0, 0, 21_600, 0]
    assert [source.place for source in found][2:] == ["more", "orders of a database"]


def test_documents_of_a_base_are_for_everyone_unless_it_says_otherwise(tmp_path: Path) -> None:
    found = settings.read(write(tmp_path, '[knowledge.a]\n[knowledge.b]\naccess = ["hr"]\n')).knowledge
    assert (found["a"].access, found["b"].access) == (["everyone"], ["hr"])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('"postgresql://u:hush@h/d"', "expected a folder, a file or a web address"),
        ('{ path = "a", url = "https://b.example" }', "found path and url"),
        ("{ depth = 2 }", "expected one of path, url, database, database_variable; found none"),
        ('{ path = "a", depth = 2 }', "depth is for a url"),
        ('{ url = "https://u:hush@b.example" }', "without a user"),
        ('{ url = "file:///etc/passwd" }', "expected url to be http://HOST/PATH"),
        ('{ url = "https://b.example", every = "soon" }', "expected a time such as 15m, 6h or 1d; found 'soon'"),
        ('{ database = "sqlite:///hush", key = "id" }', "expected one of table and query; found none"),
        ('{ database = "sqlite:///hush", table = "t" }', "expected key, the column that names a row"),
        ('{ database = "sqlite:///hush", table = "t", key = "id", include = ["a"] }', "the query chooses rows"),
        ('{ path = "a", acess = [] }', 'hint: did you mean "access"?'),
        ('"a", "a"', "expected sources that differ; a is there twice"),
    ],
)
def test_a_source_with_a_fault_is_told_without_its_secrets(tmp_path: Path, written: str, said: str) -> None:
    with pytest.raises(WorkspaceInvalid) as caught:
        sources_of(tmp_path, written)
    assert said in str(caught.value)
    assert f"{tmp_path}/steadyhand.toml:" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_address_of_a_source_database_is_not_shown_with_the_settings(tmp_path: Path) -> None:
    found = sources_of(tmp_path, '{ database = "mysql://u:hush-hush@h/d", table = "t", key = "id" }')
    assert "hush" not in f"{found!r}{found[0]}"


def test_hosts_that_may_be_private_are_hosts(tmp_path: Path) -> None:
    found = settings.read(write(tmp_path, '[fetching]\nallow = ["wiki.intranet", "[::1]:8080", "10.0.0.1:9000"]\n'))
    assert found.fetching.allow == ["wiki.intranet", "[::1]:8080", "10.0.0.1:9000"]
    with pytest.raises(WorkspaceInvalid, match="expected a host, or HOST:PORT"):
        settings.read(write(tmp_path, '[fetching]\nallow = ["http://wiki.intranet"]\n'))

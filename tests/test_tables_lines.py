"""The scanner finds every key that the standard library's parser does, on the line where it stands."""

import json
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steadyhand.tables.lines import locate, nearest

KEYS = st.sampled_from(["a", "b-1", "c_2", "9", "two words", "dot.ted", 'quo"te', "é", "#no", "[x]", "="])
SCALARS = st.one_of(
    st.integers(-9, 9),
    st.booleans(),
    st.sampled_from(
        [1.5, "plain", "", "# no comment", "[a]", "= {", 'say "hi"', "it's", "two\nlines", '"""', "back\\slash"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)


def paths(value: Any, path: tuple = ()) -> set[tuple]:
    found = {path} if path else set()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found.union(*(paths(inner, (*path, key)) for key, inner in items))


def quoted(key: str) -> str:
    return (
        key
        if key.replace("_", "").replace("-", "").isalnum() and key.isascii()
        else json.dumps(key, ensure_ascii=False)
    )


class Writer:
    """Writes a value as TOML in one of the many ways there are, and notes the line of every key."""

    def __init__(self, choose: Any) -> None:
        self.choose = choose
        self.text = ""
        self.lines: dict[tuple, int] = {}

    def put(self, text: str) -> None:
        self.text += text

    def here(self, path: tuple) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def filler(self) -> str:
        return self.choose(["", "\n", '  # a comment with [brackets] = "x"\n', "\n\n\t"])

    def document(self, table: dict) -> None:
        simple = {key: value for key, value in table.items() if not self.has_header(value)}
        for key, value in simple.items():
            self.pair(key, value, ())
            self.put(self.choose(["\n", "  # why\n", "\n\n"]))
        for key, value in table.items():
            if key not in simple and isinstance(value, dict):
                self.header((key,), f"[{quoted(key)}]", value)
            elif key not in simple:
                for index, item in enumerate(value):
                    self.here((key,))
                    self.header((key, index), f"[[ {quoted(key)} ]]", item)

    def has_header(self, value: Any) -> bool:
        is_tables = isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
        return bool((isinstance(value, dict) or is_tables) and self.choose([True, False]))

    def header(self, path: tuple, header: str, table: dict) -> None:
        self.here(path)
        self.put(f"{header}{self.choose(['', ' # x = 1'])}\n")
        for key, value in table.items():
            self.pair(key, value, path)
            self.put("\n")

    def pair(self, key: str, value: Any, path: tuple) -> None:
        path = (*path, key)
        self.here(path)
        self.put(quoted(key))
        while isinstance(value, dict) and len(value) == 1 and self.choose([True, False]):
            [(key, value)] = value.items()
            path = (*path, key)
            self.here(path)
            self.put(f"{self.choose(['.', ' . '])}{quoted(key)}")
        self.put(self.choose(["=", " = "]))
        self.value(value, path)

    def value(self, value: Any, path: tuple) -> None:
        self.here(path)
        if isinstance(value, dict):
            self.put("{")
            for number, (key, inner) in enumerate(value.items()):
                self.put(", " if number else " ")
                self.pair(key, inner, path)
            self.put(" }")
        elif isinstance(value, list):
            self.put("[")
            for index, inner in enumerate(value):
                self.put(self.filler())
                self.value(inner, (*path, index))
                self.put(",")
            self.put(self.filler() + "]")
        else:
            self.put(self.scalar(value))

    def scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        ways = [json.dumps(value, ensure_ascii=False)]
        if "'" not in value:
            ways += [f"'''\n{value}'''"] + ([f"'{value}'"] if "\n" not in value else [])
        if '"' not in value and "\\" not in value:
            ways.append(f'"""\n{value}"""')
        return self.choose(ways)


@given(table=TABLES, data=st.data())
def test_every_key_is_found_on_the_line_where_it_was_written(table: dict, data: st.DataObject) -> None:
    writer = Writer(lambda options: data.draw(st.sampled_from(options)))
    writer.document(table)
    assert tomllib.loads(writer.text) == table
    found = locate(writer.text)
    assert set(found) == paths(table)
    assert found == writer.lines


def test_the_tables_of_a_list_are_counted_and_have_their_own_tables() -> None:
    text = "[[a]]\nx = 1\n[a.b]\ny = 2\n\n[[a]]\nx = 3\n[[a.c]]\n[[a.c]]\nz = 1979-05-27 07:32:00\n[d.e]\nf.g = 1\n"
    found = locate(text)
    assert set(found) == paths(tomllib.loads(text))
    assert (found["a", 0, "b", "y"], found["a", 1, "x"], found["a", 1, "c", 1, "z"]) == (4, 7, 10)
    assert (found["d",], found["d", "e", "f"], found["d", "e", "f", "g"]) == (11, 12, 12)


def test_a_key_that_is_not_there_is_on_the_line_of_its_nearest_parent() -> None:
    lines = locate("a = 1\n[b]\nc = 2\n")
    assert nearest(lines, ("b", "missing", 3)) == 2
    assert nearest(lines, ("nowhere",)) == 1

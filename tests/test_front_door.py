"""What `import steadyhand` gives, and what it must not do."""

import subprocess
import sys

import pytest

import steadyhand


def test_the_public_names_are_there() -> None:
    assert {name for name in steadyhand.__all__ if not hasattr(steadyhand, name)} == set()
    with pytest.raises(AttributeError, match="nothing"):
        _ = steadyhand.nothing


def in_a_new_process(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = in_a_new_process("import sys, steadyhand; print(*sys.modules)").split()
    assert not {"numpy", "psycopg", "fastapi", "onnxruntime", "aiohttp"} & set(loaded)


def test_the_embedding_library_is_told_to_send_nothing() -> None:
    code = "import os, steadyhand.knowledge.embedders.minilm; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert in_a_new_process(code) == "1"

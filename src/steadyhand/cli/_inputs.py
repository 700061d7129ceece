"""Reads the inputs of features as they are given to commands."""

import json
import sys
from pathlib import Path

from steadyhand.errors import InvalidInput
from steadyhand.types.json import JsonObject


def read_input(said: str) -> JsonObject:
    """The value of `--input`: JSON, `@file`, or `-` for stdin. Raises `InvalidInput`."""
    try:
        if said == "-":
            text = sys.stdin.read()
        else:
            text = Path(said[1:]).read_text(encoding="utf-8") if said.startswith("@") else said
        values = json.loads(text)
    except OSError as error:
        raise InvalidInput(f"--input: {error.filename}: {error.strerror}", hint="check the path") from None
    except ValueError as error:
        hint = """quote it for the shell: --input '{"question": "..."}'"""
        raise InvalidInput(f"--input: expected JSON; {error}", hint=hint) from None
    if not isinstance(values, dict):
        raise InvalidInput(
            f"--input: expected a JSON object; found {type(values).__name__}", hint="name the fields"
        )
    return values

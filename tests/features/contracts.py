"""Small workspaces of contracts, written for a test."""

from pathlib import Path

from steadyhand.features.known import Known
from steadyhand.types.text import DataClass

MODELS = ("local:extractive", "local:nearest", "openai:gpt-4o-mini", "mistral:small")

CLEARANCE: dict[str, DataClass] = {"local": "restricted", "mistral": "confidential", "openai": "internal"}

TRIAGE = """\
name = "triage"
purpose = "Sort a ticket."
owner = "support"
[input]
subject = "string"
body = "text <= 20000"
channel = "email | form | chat ?"
count = "integer ?"
[output]
urgency = "high | medium | low"
score = "number 0..1"
note = "text ?"
[models]
try = ["local:nearest", "openai:gpt-4o-mini"]
"""


def known(recipes: Path | None = None) -> Known:
    return Known(
        clearance_of=lambda model: CLEARANCE[model.partition(":")[0]] if model in MODELS else None,
        models=lambda: MODELS,
        guardrails=("injection", "pii", "secrets"),
        knowledge_bases=lambda: ("policies",),
        class_of=lambda base: "internal",
        recipes=recipes,
    )


def write(root: Path, name: str = "triage", toml: str = TRIAGE, **files: str) -> Path:
    """A feature's folder; `prompt_md="…"` writes `prompt.md`. Without one, a short prompt is written."""
    folder = root / "features" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "feature.toml").write_text(toml)
    for file, text in {"prompt_md": "Sort {{ input.subject }}.", **files}.items():
        stem, _, suffix = file.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)
    return folder

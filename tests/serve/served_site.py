"""A served workspace: real PostgreSQL, real embeddings, a model that answers as it is told, and one key per role."""

import json
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from openai_server import OpenAIServer, answer
from steadyhand.client import AsyncClient
from steadyhand.types.run import RoleName
from steadyhand.workspace import AsyncWorkspace

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'

SORTER = """
name = "sorter"
purpose = "Sorts letters. <b>Bold</b>"
owner = "test"
[input]
subject = "text <= 2000"
[output]
queue = "billing | support"
remark = "text ?"
[models]
try = ["test:m"]
[retry]
attempts = 0
[[check]]
id = "billing-is-seen"
rule = "output.queue != 'billing'"
severity = "review"
[value]
baseline_minutes = 4
hourly_cost = "30 EUR"
"""
ANSWERS = """
name = "answers"
purpose = "Answers from the notes."
owner = "test"
[input]
question = "text"
[output]
answer = "text"
found = "boolean"
[knowledge]
base = "notes"
cite = true
[models]
try = ["test:m"]
[retry]
attempts = 0
"""
BROKEN = 'name = "broken"\npurpose = 7\n'
HOTEL = "Hotels cost at most 120 EUR a night."
OTHERS = {"chats": "openai", "responds": "openai_responses", "claude": "anthropic"}
"""Providers of the gateway by name, with their dialects; `NAME-first` is a model of each with one that helps out."""
NOTES = {
    "travel.md": f"# Travel {HOSTILE}\n\n{HOTEL} {HOSTILE} Trains are booked in second class.\n",
    "evil <i>name & co.txt": f"A note about umlauts: Größe.\n\n{HOSTILE}\n\nThe end.\n",
}


@dataclass
class Site:
    """`url` has no slash at its end. `keys` holds one key per role."""

    url: str
    root: Path
    workspace: AsyncWorkspace
    model: OpenAIServer
    keys: dict[RoleName, str]
    http: aiohttp.ClientSession

    def says(self, output: object) -> None:
        """What the model answers from now on."""
        self.model.replies[:] = [answer(json.dumps(output))]

    def bearer(self, role: RoleName = "admin") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[role]}"}

    def client(self, role: RoleName = "admin") -> AsyncClient:
        return AsyncClient(self.url, self.keys[role], timeout_s=20)


def write(root: Path, database_url: str, models: Path, model_url: str) -> None:
    features = {"sorter": SORTER, "answers": ANSWERS, "broken": BROKEN}
    for name, contract in features.items():
        folder = root / "features" / name
        folder.mkdir(parents=True)
        (folder / "feature.toml").write_text(contract)
        (folder / "prompt.md").write_text("Do it. {{ input }}")
    notes = root / "knowledge" / "notes"
    notes.mkdir(parents=True)
    for name, text in NOTES.items():
        (notes / name).write_text(text)
    (notes / "broken.pdf").write_bytes(b"%PDF-1.4 but no more")
    (root / "steadyhand.toml").write_text(
        'name = "The <i>Site</i>"\n'
        f'database_url = "{database_url}"\nmodels_dir = "{models}"\n'
        '[embedders.small]\nprecision = "int8"\n'
        '[knowledge.notes]\nsources = ["knowledge/notes"]\n'
        f'[providers.test]\ndialect = "openai"\nbase_url = "{model_url}"\nplace = "local"\n'
        'clearance = "restricted"\nkey_variable = ""\n'
        + "".join(
            f'[providers.{name}]\ndialect = "{dialect}"\nbase_url = "{model_url}"\nplace = "local"\n'
            'clearance = "restricted"\nkey_variable = ""\n'
            f'[gateway.models.{name}-first]\ntry = ["{name}:m", "test:second"]\n'
            for name, dialect in OTHERS.items()
        )
        + '[gateway.models.fast]\ntry = ["test:fast"]\n'
        '[gateway.models."gpt-4o-mini"]\ntry = ["test:fast"]\n'
        '[gateway.models."text-embedding-3-small"]\ntry = ["test:e"]\n'
    )

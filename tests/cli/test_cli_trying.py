"""One question to one model, from the command line, over a real connection."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import Result
from typer.testing import CliRunner

from steadyhand.cli._shell import Shell, new_app
from steadyhand.cli._trying import try_model
from steadyhand.errors import NotFound, UsageError

ANSWER = {"role": "assistant", "content": "Hello there."}
LINE = {
    "model": "tiny",
    "message": ANSWER,
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 9,
    "eval_count": 4,
}


class OllamaServer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.asked = json.loads(self.rfile.read(int(self.headers["content-length"])))  # type: ignore[attr-defined]
        body = json.dumps(LINE).encode() + b"\n"
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    found = HTTPServer(("127.0.0.1", 0), OllamaServer)
    Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


async def serve(*arguments: object) -> None:
    raise AssertionError


def said(tmp_path: Path, *words: str, address: str = "http://127.0.0.1:1") -> Result:
    (tmp_path / "steadyhand.toml").write_text(f'[providers.ollama]\nbase_url = "{address}"\n', encoding="utf-8")
    app = new_app()
    app.command()(try_model)
    return CliRunner().invoke(app, [*words], obj=Shell(serve, workspace=tmp_path))


def test_a_model_that_answers_is_shown_with_what_it_took(server: HTTPServer, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    found = said(tmp_path, "ollama:tiny", "Who are you?", "--json", address=address)
    assert found.exit_code == 0
    tried = json.loads(found.stdout.splitlines()[0])
    assert (tried["text"], tried["answered_as"], tried["cost_usd"]) == ("Hello there.", "tiny", 0)
    assert (tried["usage"]["input_tokens"], tried["usage"]["output_tokens"]) == (9, 4)
    assert server.asked["messages"] == [{"role": "user", "content": "Who are you?"}]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("model", "kind"), [("openai:gpt-4o-mni", NotFound), ("local:extractive", UsageError)])
def test_a_model_that_cannot_be_asked_is_refused(tmp_path: Path, model: str, kind: type[Exception]) -> None:
    assert isinstance(said(tmp_path, model).exception, kind)

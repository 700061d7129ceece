"""`traces`: what a call of the gateway shows, as a pure function of its rows; and a ledger with nothing in it."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from steadyhand.cli import _trace
from steadyhand.ledger.reader import RunTrace

PROMPT = json.dumps({"model": "fast", "messages": [{"role": "user", "content": "May I?\nSay it briefly."}]})


def attempt(model: str, **fields: object) -> dict[str, object]:
    nothing = {"cached_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0, "is_estimated": False}
    return {
        "seq": 0, "model": model, "attempt": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": Decimal(0),
        "duration_s": 0.04, "first_token_s": None, "error": "", "prompt": PROMPT, "answer": "", **nothing, **fields,
    }  # fmt: skip


def gateway_call(*calls: dict[str, object], **fields: object) -> str:
    run = {
        "id": "01M7YC0F0JFW1GEA3YKH44WXFX", "feature": "passthrough", "feature_version": "1", "status": "answered",
        "door": "gateway", "principal": "web-shop", "end_user": "anna", "data_class": "internal",
        "model": "house:small", "confidence": None, "cost_usd": Decimal("0.0002"), "snapshot": "",
        "started_at": datetime(2026, 11, 21, 6, 16, 59, tzinfo=UTC), "duration_s": 0.07, "input": {}, "output": None,
        "evidence": [], "error": None, "routing": "house:down was asked; house:small may see it", **fields,
    }  # fmt: skip
    return _trace.shown(RunTrace(run=run, steps=[], calls=list(calls), retrievals=[], verdicts=[], review=None), 90)


def test_a_call_of_the_gateway_tells_who_asked_whom_what_and_why() -> None:
    shown = gateway_call(
        attempt("house:down", error="house:down: found status 500"),
        attempt(
            "house:small", input_tokens=1240, cached_tokens=1024, cache_write_tokens=100, output_tokens=86,
            reasoning_tokens=64, answer="Yes.\n\nYou may.", cost_usd=Decimal("0.0002"), first_token_s=0.005,
        ),
    )  # fmt: skip
    assert "gateway call for fast" in shown
    assert "web-shop (gateway) for anna" in shown
    assert "  user  May I?\n        Say it briefly." in shown
    assert "answer\n  Yes.\n\n  You may." in shown
    assert "routing\n  house:down was asked\n  house:small may see it" in shown
    assert "    house:down: found status 500" in shown
    assert "the first token after 5 ms" in shown
    assert "1,240 in (1,024 cached, 100 written to the cache), 86 out (64 reasoning)   $0.00020" in shown
    assert "knowledge base" not in shown


def test_an_unknown_price_and_estimated_tokens_are_said() -> None:
    shown = gateway_call(attempt("house:new", cost_usd=None, output_tokens=3, is_estimated=True), cost_usd=None)
    assert "house:new   40 ms   0 in, 3 out, estimated   price unknown" in shown
    assert "answered by house:small   70 ms   price unknown" in shown


def test_evidence_of_a_stale_source_is_told_from_other() -> None:
    quoted = {"source": "a.md", "page": 1, "quote": "Lunch ends at 14:15."}
    shown = gateway_call(evidence=[quoted, quoted | {"is_stale": True}])
    assert '[1] a.md, page 1: "Lunch' in shown
    assert '[2] a.md, page 1, which was due to be looked at again: "Lunch' in shown


def test_a_call_that_came_to_no_model_says_why() -> None:
    error = {"code": "model.none", "message": "no model may serve this call", "hint": ""}
    shown = gateway_call(status="failed", model=None, error=error, routing="")
    assert "failed without a model" in shown
    assert shown.endswith("error\n  code     model.none\n  message  no model may serve this call")


def test_no_runs_is_said_to_people_and_nothing_to_programs(empty: Path, inside) -> None:
    workspace = ("-w", str(empty))
    assert inside("traces", "tail", "--feature", "nothing", *workspace).stderr == "no run is like that\n"
    silent = inside("traces", "tail", "--feature", "nothing", "--json", *workspace)
    assert (silent.stdout, silent.stderr) == ("", "")

"""Features as models: a client names a feature where it would name a model, and the feature runs.

Input: the last message, which is the user's. When its text is a JSON object that fits the feature's input, it is
the input; else, for a feature with one required text field, it is that field. Earlier turns, system messages, tools
and sampling parameters mean nothing to a feature, whose prompt is its contract's.

Output: the text field, when the feature answers nothing but a text and whether it was found, else the output as
JSON; also when the client asks for JSON. The field `steadyhand` of the answer holds the run's id, status, evidence,
confidence, checks and cost. A run that waits for a person, was refused or failed is an error. In a stream nothing
leaves before the run is recorded: everything comes at once, see docs/adr/0010.
"""

import json
import time
from collections.abc import AsyncGenerator, Callable

from steadyhand.checks.schema import violations
from steadyhand.errors import InvalidInput, ReviewPending, SteadyhandError, of_code
from steadyhand.pipeline.gateway.client import GatewayCall, Served, Streamed
from steadyhand.pipeline.gateway.names import check_allowed
from steadyhand.types.feature import Feature
from steadyhand.types.ids import FeatureName
from steadyhand.types.json import Json, JsonObject, JsonSchema, fields, found_field, required
from steadyhand.types.message import Media
from steadyhand.types.model import Completion, CompletionRequest
from steadyhand.types.run import Answer
from steadyhand.types.wire import answer_json, plain
from steadyhand.workspace import AsyncWorkspace

_TOLD = ("run_id", "status", "evidence", "confidence", "checks", "cost_usd", "model")
_KEPT_S = 1.0  # how long the list of features is believed


class FeatureModels:
    """The same for features as the pipeline's `Passthrough` is for models."""

    def __init__(
        self,
        workspace: AsyncWorkspace,
        monotonic: Callable[[], float] = time.monotonic,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self._workspace = workspace
        self._monotonic = monotonic
        self._epoch = epoch
        self._names: frozenset[str] = frozenset()
        self._until = -1.0

    def offers(self, name: str) -> bool:
        """Is this the name of a feature, and not one that the settings give to models?"""
        if ":" in name or name in self._workspace.settings.gateway.models:
            return False
        now = self._monotonic()
        if now >= self._until:
            self._names, self._until = frozenset(self._workspace.features.names()), now + _KEPT_S
        return name in self._names

    async def answer(self, call: GatewayCall) -> Served:
        """The feature's answer as a whole answer. Raises the error that the run ended with."""
        completion, run_id = await self._run(call)
        body = call.dialect.answer(completion, model=call.head.model, run_id=run_id, created=int(self._epoch()))
        return Served(status=200, body=body, run_id=run_id, model=call.head.model)

    async def stream(self, call: GatewayCall) -> Streamed:
        """The same as a stream, whose pieces are there at once."""
        completion, run_id = await self._run(call)
        writer = call.dialect.Writer(
            model=call.head.model,
            run_id=run_id,
            created=int(self._epoch()),
            wants_usage=call.head.wants_usage,
        )
        begun = b"".join([writer.begin(), *map(writer.delta, completion.deltas)])
        return Streamed(run_id=run_id, model=call.head.model, first=begun, rest=_only(writer.end(completion)))

    async def _run(self, call: GatewayCall) -> tuple[Completion, str]:
        check_allowed(call.principal, call.head.model)
        feature = self._workspace.features.get(FeatureName(call.head.model))
        request = call.dialect.read(call.body, feature.timeout_s)
        values = input_of(feature, request)
        answer = await self._workspace.run(
            feature.name, values, principal=call.principal, door="gateway", end_user=call.head.end_user
        )
        wants_json = request.is_json or request.output_schema is not None
        return completion_of(answer, feature, wants_json=wants_json), answer.run_id


async def _only(piece: bytes) -> AsyncGenerator[bytes, None]:
    yield piece


def input_of(feature: Feature, request: CompletionRequest) -> JsonObject:
    """The feature's input, from the last message. Raises `InvalidInput` with what was expected."""
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "user" or any(isinstance(part, Media) for part in last.parts):
        raise InvalidInput(
            f"expected the last message to be the user's, with the input of {feature.name!r} as text",
            hint=_hint(feature),
        )
    given = _object(last.text)
    if given is not None and not violations(given, feature.input_schema, "input"):
        return given
    name = _only_text(feature.input_schema)
    if name:
        return {name: last.text}
    problems = violations(given, feature.input_schema, "input") if given else ["the last message is no JSON object"]
    raise InvalidInput(
        f"expected the input of {feature.name!r} as JSON; {'; '.join(problems)}", hint=_hint(feature)
    )


def completion_of(answer: Answer, feature: Feature, *, wants_json: bool) -> Completion:
    """The answer of a run as a model's answer. Raises the error that the run ended with."""
    if answer.output is None:
        raise _ending(answer)
    shown = answer_json(answer)
    told = {name: shown[name] for name in _TOLD}
    return Completion(text=_text(answer, feature, wants_json=wants_json), extra={"steadyhand": told})


def _text(answer: Answer, feature: Feature, *, wants_json: bool) -> str:
    assert answer.output is not None
    schema = feature.output_schema
    is_only_text = set(fields(schema)) <= {feature.text_field, found_field(schema), "citations"}
    text = answer.output.get(feature.text_field) if feature.text_field and is_only_text else None
    if isinstance(text, str) and not wants_json:
        return text
    return json.dumps(plain(answer.output), ensure_ascii=False)


def _ending(answer: Answer) -> SteadyhandError:
    """The error that a run without an output stands for."""
    failure = answer.error
    error: SteadyhandError
    if answer.status == "review":
        error = ReviewPending(
            "a person decides before this output is given",
            hint=f"steadyhand review list shows the run {answer.run_id}",
        )
    elif failure is None:
        error = SteadyhandError(f"the run {answer.status}")
    else:
        error = (of_code(failure.code) or SteadyhandError)(failure.message, hint=failure.hint)
    error.run_id = answer.run_id
    return error


def _object(text: str) -> JsonObject | None:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _only_text(schema: JsonSchema) -> str:
    """The one required field, when it is free text; "" otherwise."""
    needed = required(schema)
    field = fields(schema).get(needed[0]) if len(needed) == 1 else None
    is_text = isinstance(field, dict) and field.get("type") == "string" and not {"enum", "format"} & field.keys()
    return needed[0] if is_text else ""


def _hint(feature: Feature) -> str:
    needed = required(feature.input_schema)
    names = [name if name in needed else f"{name} (optional)" for name in fields(feature.input_schema)]
    return f"its input has the fields {', '.join(names)}"

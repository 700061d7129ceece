"""A gateway call as lines of COPY's text format: written once, for the journal and for the database alike.

Source of the format: PostgreSQL's manual, COPY, "Text Format". Formatting by hand costs a tenth of going through
the driver's adapters, and this is done for every request of the fastest path.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from steadyhand.errors import StorageError
from steadyhand.ledger.rows import price_row
from steadyhand.types.exchange import Exchange
from steadyhand.types.model import ModelCall, Price
from steadyhand.types.quota import Spending

VERSION = "1"

RUN = (
    "id", "feature", "feature_version", "status", "door", "principal", "data_class", "model", "attempts",
    "cost_usd", "snapshot", "error_code", "started_at", "duration_s", "key_id", "end_user", "routing",
)  # fmt: skip
MODEL_CALL = (
    "run_id", "seq", "model", "attempt", "input_tokens", "output_tokens", "cached_tokens", "cost_usd", "price",
    "duration_s", "first_token_s", "error", "prompt", "answer", "cache_write_tokens", "reasoning_tokens",
    "is_estimated",
)  # fmt: skip
PAYLOAD = ("run_id", "input", "output", "evidence", "error")
VERDICT = ("run_id", "seq", "kind", "name", "severity", "ok", "detail")

TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "R": ("run", RUN),
    "C": ("model_call", MODEL_CALL),
    "P": ("run_payload", PAYLOAD),
    "V": ("verdict", VERDICT),
}
"""By the letter that a line of the journal begins with, in the order that foreign keys ask for."""

_FINDINGS = 100  # of one call that are listed one by one
_NULL = "\\N"

_spending = msgspec.json.Encoder()
_spending_of = msgspec.json.Decoder(Spending)
_prices: dict[int, tuple[Price, str]] = {}


class Lines(NamedTuple):
    """The rows of one call: a line each, by the letter of its table, and what it used of its limits."""

    rows: list[tuple[str, str]]
    spendings: tuple[Spending, ...]

    def record(self) -> bytes:
        """All of it as the journal keeps it."""
        parts = [letter + line for letter, line in self.rows]
        parts += [f"S{_spending.encode(spent).decode()}\n" for spent in self.spendings]
        return "".join(parts).encode("utf-8", "replace")


def lines(exchange: Exchange) -> Lines:
    """Every row of a finished call."""
    rows = [("R", _run(exchange))]
    for seq, call in enumerate(exchange.calls):
        rows.append(("C", _call(exchange, seq, call)))
    if exchange.failure is not None:
        failure = exchange.failure
        said = {"code": failure.code, "message": failure.message, "hint": failure.hint}
        error = _json({key: value.replace("\0", "") for key, value in said.items()})
        rows.append(("P", f"{exchange.run_id}\t{{}}\t{_NULL}\t[]\t{error}\n"))
    for seq, finding in enumerate(exchange.findings[:_FINDINGS]):
        detail = _text(f"{finding.path}[{finding.start}:{finding.end}]")
        rows.append(("V", f"{exchange.run_id}\t{seq}\tguardrail\t{_text(finding.kind)}\tnote\tf\t{detail}\n"))
    return Lines(rows, exchange.spendings)


def read(record: bytes) -> Lines:
    """What `Lines.record` wrote. Raises `StorageError` for anything else."""
    rows, spendings = [], []
    try:
        for raw in record.splitlines(keepends=True):  # of bytes: text has line ends that COPY knows nothing of
            line = raw.decode()
            if line[0] == "S":
                spendings.append(_spending_of.decode(line[1:]))
            else:
                rows.append((line[0], line[1:]))
    except ValueError as error:  # of the text or of the spending
        raise StorageError(f"expected a record of the journal; {error}") from None
    if [letter for letter, _ in rows][:1] != ["R"] or not TABLES.keys() >= {letter for letter, _ in rows}:
        raise StorageError(f"expected a record of the journal; found {record[:40]!r}")
    return Lines(rows, tuple(spendings))


def _run(exchange: Exchange) -> str:
    principal = exchange.principal
    error = exchange.failure.code if exchange.failure else _NULL
    started_at = datetime.fromtimestamp(exchange.started_s, UTC).isoformat()
    cost_usd = _NULL if exchange.cost_usd is None else f"{exchange.cost_usd:f}"
    model = _NULL if exchange.model is None else _text(exchange.model)
    return (
        f"{exchange.run_id}\t{exchange.feature}\t{VERSION}\t{exchange.status}\t{exchange.door}\t"
        f"{_text(principal.name)}\t{exchange.data_class}\t{model}\t{len(exchange.calls)}\t{cost_usd}\t\t{error}\t"
        f"{started_at}\t{exchange.duration_s:.6f}\t{principal.key_id}\t{_text(exchange.end_user)}\t"
        f"{_text(exchange.routing)}\n"
    )


def _call(exchange: Exchange, seq: int, call: ModelCall) -> str:
    usage = call.usage
    cost_usd = _NULL if call.cost_usd is None else f"{call.cost_usd:f}"
    first_token_s = _NULL if call.first_token_s is None else f"{call.first_token_s:.6f}"
    price = _NULL if call.price is None else _price(call.price)
    return (
        f"{exchange.run_id}\t{seq}\t{_text(call.model)}\t{call.attempt}\t{usage.input_tokens}\t"
        f"{usage.output_tokens}\t{usage.cached_tokens}\t{cost_usd}\t{price}\t{call.duration_s:.6f}\t{first_token_s}\t"
        f"{_text(call.error)}\t{_text(call.prompt)}\t{_text(call.answer)}\t{usage.cache_write_tokens}\t"
        f"{usage.reasoning_tokens}\t{'t' if usage.is_estimated else 'f'}\n"
    )


def _price(price: Price) -> str:
    """The row a cost was computed with. A catalogue gives the same few objects again and again."""
    known = _prices.get(id(price))
    if known is not None and known[0] is price:
        return known[1]
    if len(_prices) > 1_000:
        _prices.clear()
    text = _json(price_row(price))
    _prices[id(price)] = (price, text)
    return text


def _json(value: object) -> str:
    return _text(msgspec.json.encode(value).decode())


def _text(value: str) -> str:
    """`value` as a column. Most texts need nothing, and looking is faster than replacing."""
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if "\n" in value:
        value = value.replace("\n", "\\n")
    if "\t" in value:
        value = value.replace("\t", "\\t")
    if "\r" in value:
        value = value.replace("\r", "\\r")
    if "\0" in value:
        value = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return value

"""A cost plan's figures: as tables for people, as one object for programs."""

from decimal import Decimal

from steadyhand.cli._figures import count, money
from steadyhand.cli._terminal import Terminal, hanging
from steadyhand.types.json import JsonObject
from steadyhand.types.wire import plain
from steadyhand.value.plan import Build, Estimate, Hosting, Prices, Training, Workload, estimates
from steadyhand.value.plan_tables import HostingTable, PlanFile


def show(terminal: Terminal, plan: PlanFile, prices: Prices) -> None:
    """Everything that is planned, each with its title and its table."""
    for workload in plan.workloads:
        _show_workload(terminal, workload, estimates(workload, prices))
    for table in plan.hosting:
        _show_hosting(terminal, table, prices)
    for training in (table.planned() for table in plan.training):
        shown = f"{training.examples:,} examples of {training.example_tokens:,} tokens, {training.epochs} times"
        terminal.data(f"{training.name}\n  {shown}\n  {_usd(training.usd)} once\n")
    for build in (table.planned() for table in plan.build):
        terminal.data(f"{build.name}\n  {_usd(build.build_usd)} to build\n  {_pays(build)}\n")


def figures(plan: PlanFile, prices: Prices) -> JsonObject:
    """The same, exact; a price or a month that is not known is null."""
    return {
        "name": plan.name,
        "prices": plain(prices),
        "workloads": [_workload_json(workload, prices) for workload in plan.workloads],
        "hosting": [_hosting_json(table, prices) for table in plan.hosting],
        "training": [{**_object(table.planned()), "usd": float(table.planned().usd)} for table in plan.training],
        "build": [_build_json(table.planned()) for table in plan.build],
    }


def _show_workload(terminal: Terminal, workload: Workload, found: tuple[Estimate, ...]) -> None:
    used = workload.usage
    cached = f" ({used.cached_tokens:,} cached)" if used.cached_tokens else ""
    calls = f"{count(workload.calls_a_month, 'call')}, " if len(workload.calls) > 1 else ""
    terminal.data(
        f"{workload.name}\n  {count(workload.units, workload.unit)} a month, {calls}"
        f"{used.input_tokens:,} tokens in{cached}, {used.output_tokens:,} out"
    )
    titles = ("  model", "a month", f"a {workload.unit}", "")
    rows = [(f"  {it.model}", *_costs(it), "cheapest" if it.is_cheapest else "") for it in found]
    terminal.table(titles, rows, numbers=(1, 2))
    for estimate in found:
        if remark := _remark(estimate, workload):
            terminal.data(hanging(f"  {estimate.model}: ", remark, terminal.width))
    if workload.saved_minutes:
        terminal.data(f"  saves {workload.saved_hours:,.1f} hours of work a month")
    terminal.data("")


def _costs(found: Estimate) -> tuple[str, str]:
    if found.usd is None or found.unit_usd is None:
        return "unknown", "unknown"
    unit = f"${found.unit_usd:,.4f}" if found.unit_usd >= Decimal("0.01") else money(found.unit_usd)
    return f"${found.usd:,.2f}", unit


def _remark(found: Estimate, workload: Workload) -> str:
    if found.usd is None:
        return "its price is not known"
    if found.usd == 0:
        return "no price per token: plan its hosting"
    return "" if workload.budget_usd is None else _length(found, workload.budget_usd)


def _length(found: Estimate, budget_usd: tuple[Decimal, Decimal]) -> str:
    within = f"{_usd(budget_usd[0])} to {_usd(budget_usd[1])}"
    if found.answers is None:
        return f"no answer is short enough for {within}"
    return f"{found.answers[0]:,} to {found.answers[1]:,} tokens of output cost {within}"


def _show_hosting(terminal: Terminal, table: HostingTable, prices: Prices) -> None:
    hosting = table.planned()
    asked = hosting.question
    terminal.data(
        f"{hosting.name}\n  {count(hosting.gpus, 'graphics processor')} at {_usd(hosting.gpu_hour_usd)} an hour,"
        f" {_usd(hosting.usd)} a month"
    )
    titles = ("  instead of", f"cheaper from ({asked.input_tokens:,} tokens in, {asked.output_tokens:,} out)")
    terminal.table(titles, [(f"  {model}", _from(hosting, prices, model)) for model in prices])
    for mtok_usd in table.against_mtok_usd:
        speed = f"{hosting.tokens_per_s(mtok_usd):,.0f} tokens a second, day and night"
        terminal.data(f"  {_usd(mtok_usd)} a million tokens need {speed}")
    terminal.data("")


def _from(hosting: Hosting, prices: Prices, model: str) -> str:
    price = prices[model]
    if price is None:
        return "unknown: its price is not known"
    questions = hosting.break_even(price)
    return "never: it costs nothing" if questions is None else f"{questions:,.0f} questions a month"


def _pays(build: Build) -> str:
    net = build.saves_usd - build.runs_usd
    months = f"in month {build.months:,}" if build.months else "never"
    paid = f"pays for itself {months}: saves {_usd(build.saves_usd)} and costs {_usd(build.runs_usd)} a month"
    if build.affordable is None or build.within is None or net <= 0:
        return paid
    least, most = build.affordable
    first, last = build.within
    return f"{paid}\n  to do so in month {first} to {last}, it may cost ${least:,} to ${most:,}"


def _workload_json(workload: Workload, prices: Prices) -> JsonObject:
    return {
        "name": workload.name,
        "unit": workload.unit,
        "units": workload.units,
        "calls": workload.calls_a_month,
        "input_tokens": workload.usage.input_tokens,
        "cached_tokens": workload.usage.cached_tokens,
        "output_tokens": workload.usage.output_tokens,
        "saved_hours": float(workload.saved_hours),
        "models": plain(estimates(workload, prices)),
    }


def _hosting_json(table: HostingTable, prices: Prices) -> JsonObject:
    hosting = table.planned()
    known = {model: price for model, price in prices.items() if price is not None}
    return {
        **_object(hosting),
        "usd": float(hosting.usd),
        "break_even": {model: plain(hosting.break_even(price)) for model, price in known.items()},
        "tokens_per_s": {f"{usd:f}": float(hosting.tokens_per_s(usd)) for usd in table.against_mtok_usd},
    }


def _build_json(build: Build) -> JsonObject:
    return {**_object(build), "months": build.months, "affordable": plain(build.affordable)}


def _object(value: Hosting | Training | Build) -> JsonObject:
    found = plain(value)
    assert isinstance(found, dict)
    return found


def _usd(amount: Decimal) -> str:
    """`$1,460`, `$42.50`; more digits below a cent."""
    if amount == amount.to_integral_value():
        return f"${amount:,.0f}"
    return f"${amount:,.2f}" if amount >= Decimal("0.01") else money(amount)

"""Settles what a run had set aside, however it ended: what was used is booked with the run's rows."""

from dataclasses import replace
from decimal import Decimal

from steadyhand.types.run import Run


def settled(run: Run) -> Run:
    """The run with its spendings, and nothing set aside. Calls whose price is unknown cost nothing here.

    What is set aside later is for later calls.
    """
    calls = run.calls[run.booked_calls :]
    usd = sum((call.cost_usd for call in calls if call.cost_usd is not None), Decimal(0))
    tokens = sum(call.usage.input_tokens + call.usage.output_tokens for call in calls)
    held = [reservation for reservation in (run.admission, run.reservation) if reservation is not None]
    spent = [spending for reservation in held for spending in reservation.settle(usd=usd, tokens=tokens)]
    return replace(
        run, admission=None, reservation=None, spendings=(*run.spendings, *spent), booked_calls=len(run.calls)
    )

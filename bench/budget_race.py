"""Do processes that share a budget ever admit one call too many, and what is left behind by those that are killed?

    python bench/budget_race.py [--processes 4] [--callers 64] [--rounds 20] [--database URL]

First every caller of every process wants one of ten calls at once, round after round, each with a budget of its
own: `admitted` is the most that were let in. Then callers reserve, settle and book without a pause, and in the
middle of it half of the processes are killed with SIGKILL: `phantoms` is how many of the calls that must be
possible then cannot be reserved at once, by one process. `booked_is_recorded`: what the quota says was used is the
sum of the rows that were committed with it. Without `--database` a server is started in a temporary folder.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from harness import finish, say
from steadyhand.access.quotas import Quotas
from steadyhand.errors import BudgetExceeded
from steadyhand.storage import Database, embedded, migrate
from steadyhand.types.quota import Limit, Reservation

CALL_USD, CALLS = Decimal("0.1"), 10
COST_USD = Decimal("0.0001")  # of a call that is settled
MOST_USD = CALLS * CALL_USD
CHURN_S = 0.5


async def main(url: str, processes: int, callers: int, rounds: int) -> None:
    database = Database(url, max_connections=2)
    await database.open()
    await database.execute("CREATE TABLE IF NOT EXISTS budget_race (usd numeric NOT NULL)")
    workers = [await _started(url) for _ in range(processes)]
    admitted = [
        sum(await _all(workers, {"do": "race", "scope": f"key:race{one}", "callers": callers // processes}))
        for one in range(rounds)
    ]
    say(f"{callers} callers in {processes} processes, {CALLS} calls: admitted {admitted}")
    await _all(workers, {"do": "release"})
    figures = await _killed(database, workers, callers)
    finish({"admitted": max(admitted), "admitted_least": min(admitted), **figures})
    await database.execute("DROP TABLE budget_race")
    await database.close()


async def _killed(database: Database, workers: list[Process], callers: int) -> dict[str, Any]:
    """What is left when half of the processes die while they work."""
    limit = Limit("key:killed", "usd", MOST_USD)
    half = len(workers) // 2
    for worker in workers:
        _tell(worker, {"do": "churn", "scope": limit.scope, "callers": callers // len(workers)})
    await asyncio.sleep(CHURN_S)
    for worker in workers[:half]:
        worker.kill()
    await asyncio.gather(*(worker.wait() for worker in workers[:half]))
    for worker in workers[half:]:
        _tell(worker, {"do": "stop"})
    await asyncio.gather(*(worker.wait() for worker in workers[half:]))
    before = await database.row("SELECT count(*) AS leases FROM quota_lease WHERE scope = %s", [limit.scope])
    used, recorded = await _used(database, limit.scope)
    possible = int((MOST_USD - used) / CALL_USD)
    quotas = Quotas(database, time.time)
    began_s = time.perf_counter()
    reserved = await _reserved(quotas, limit, possible + 1)
    freed_ms = (time.perf_counter() - began_s) * 1000
    await quotas.close()
    say(f"{half} of {len(workers)} killed after {recorded / COST_USD:f} calls; they left {before} behind")
    return {
        "phantoms": possible - len(reserved),
        "reserved_again_ms": round(freed_ms, 1),
        "booked_is_recorded": used == recorded,
        "calls_booked": int(recorded / COST_USD),
    }


async def _used(database: Database, scope: str) -> tuple[Decimal, Decimal]:
    """What the quota says, and what the rows say."""
    row = await database.row(
        "SELECT (SELECT coalesce(sum(used), 0) FROM quota WHERE scope = %s) AS used,"
        " (SELECT coalesce(sum(usd), 0) FROM budget_race) AS recorded",
        [scope],
    )
    assert row is not None
    return row["used"], row["recorded"]


async def _reserved(quotas: Quotas, limit: Limit, callers: int) -> list[Reservation]:
    """The reservations of those callers, all at once, that were let in."""

    async def one() -> Reservation | None:
        with suppress(BudgetExceeded):
            return await quotas((limit,), usd=CALL_USD, tokens=0)
        return None

    found = await asyncio.gather(*(one() for _ in range(callers)))
    return [reservation for reservation in found if reservation is not None]


# ---- a process that takes part


async def work(url: str) -> None:
    """Does what it is told, a line of JSON each, and answers each with a line."""
    database = Database(url, max_connections=4)
    await database.open()
    quotas = Quotas(database, time.time)
    print(json.dumps("ready"), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        task = json.loads(line)
        limit = Limit(task.get("scope", ""), "usd", MOST_USD)
        match task["do"]:
            case "race":
                print(json.dumps(len(await _reserved(quotas, limit, task["callers"]))), flush=True)
            case "release":
                await quotas.close()
                quotas = Quotas(database, time.time)
                print(json.dumps(0), flush=True)
            case "churn":
                callers = [asyncio.create_task(_churn(database, quotas, limit)) for _ in range(task["callers"])]
            case "stop":
                for caller in callers:
                    caller.cancel()
                await asyncio.gather(*callers, return_exceptions=True)
                break
    await quotas.close()
    await database.close()


async def _churn(database: Database, quotas: Quotas, limit: Limit) -> None:
    while True:
        try:
            reservation = await quotas((limit,), usd=CALL_USD, tokens=0)
        except BudgetExceeded:
            await asyncio.sleep(0.01)
            continue
        await asyncio.shield(_booked(database, quotas, reservation))


async def _booked(database: Database, quotas: Quotas, reservation: Reservation) -> None:
    spendings = reservation.settle(usd=COST_USD, tokens=0)
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO budget_race VALUES (%s)", [COST_USD])
        await quotas.book(transaction, spendings)
    quotas.booked(spendings)


async def _started(url: str) -> Process:
    worker = await asyncio.create_subprocess_exec(sys.executable, __file__, "--work", url, stdin=PIPE, stdout=PIPE)
    await _answer(worker)
    return worker


async def _all(workers: list[Process], task: dict[str, Any]) -> list[int]:
    """Tell them all, then hear them all."""
    for worker in workers:
        _tell(worker, task)
    return [await _answer(worker) for worker in workers]


def _tell(worker: Process, task: dict[str, Any]) -> None:
    assert worker.stdin is not None
    worker.stdin.write(json.dumps(task).encode() + b"\n")


async def _answer(worker: Process) -> Any:  # noqa: ANN401 - what JSON holds
    assert worker.stdout is not None
    return json.loads(await worker.stdout.readline())


@contextmanager
def _server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="steadyhand-bench-"))
    server = embedded.start(folder / ".steadyhand", None)
    try:
        migrate.upgrade(server.url)
        yield server.url
    finally:
        server.release()
        shutil.rmtree(server.layout.data.parent, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--database")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        asyncio.run(work(arguments.work))
    elif arguments.database:
        asyncio.run(main(arguments.database, arguments.processes, arguments.callers, arguments.rounds))
    else:
        with _server() as found:
            asyncio.run(main(found, arguments.processes, arguments.callers, arguments.rounds))

"""See what knowledge bases hold and need; change their vectors."""

from collections.abc import Sequence
from typing import Annotated

import typer

from steadyhand.cli._called import command
from steadyhand.cli._care import print_report
from steadyhand.cli._figures import count
from steadyhand.cli._running import in_workspace
from steadyhand.cli._shell import AsJson, Shell, new_app, shell_of
from steadyhand.errors import InvalidInput
from steadyhand.knowledge import bases, gold
from steadyhand.knowledge.contents import BaseSummary
from steadyhand.knowledge.generations import Generation
from steadyhand.knowledge.gold import Past, Scores
from steadyhand.knowledge.index.mirror import MirrorStatus
from steadyhand.knowledge.reindex import Reindexed
from steadyhand.workspace import OWNER, AsyncWorkspace

app = new_app(__doc__)

_BASES = ("knowledge base", "documents", "passages", "failed", "revision", "vectors")
_GENERATIONS = ("vectors", "searches", "complete since (UTC)")
_STORE = ("store", "collection", "rows", "of", "changes to come", "state")
_SCORES = ("vectors", "nDCG@10", "recall@10", "MRR", "span recall", "questions", "revision", "at (UTC)")

_Base = Annotated[str, typer.Argument(metavar="KB", help="The knowledge base.")]
_Embedder = Annotated[
    str, typer.Option("--embedder", metavar="NAME", help="A table of [embedders], or `default` for [embedder].")
]


@app.command("list")
def list_bases(context: typer.Context, as_json: AsJson = False) -> None:
    """List the knowledge bases with what they hold.

    \b
    Example:
      steadyhand knowledge list
    """
    shell = shell_of(context)
    found = in_workspace(shell, lambda workspace: workspace.knowledge.bases(OWNER))
    if as_json:
        shell.terminal.json(found)
    elif found:
        shell.terminal.table(_BASES, [_summary(each) for each in found], numbers=(1, 2, 3, 4))
    shell.terminal.say(count(len(found), "knowledge base"))


@app.command()
def show(context: typer.Context, base: _Base, as_json: AsJson = False) -> None:
    """Show a knowledge base: its vectors, one line for each embedder, its store, and how its gold questions fared.

    \b
    Example:
      steadyhand knowledge show policies
    """
    shell = shell_of(context)

    async def look(
        workspace: AsyncWorkspace,
    ) -> tuple[BaseSummary, list[Generation], MirrorStatus | None, list[Past]]:
        found = await workspace.knowledge.base(base, OWNER)
        generations, store = await workspace.generations.of(base), await workspace.mirrors.status(base)
        return found, generations, store, await gold.history(workspace.database, base)

    summary, generations, store, scores = in_workspace(shell, look)
    if as_json:
        shell.terminal.json({"base": summary, "generations": generations, "store": store, "scores": scores})
        return
    shell.terminal.table(_BASES, [_summary(summary)], numbers=(1, 2, 3, 4))
    shell.terminal.data("")
    shell.terminal.table(_GENERATIONS, [_generation(each) for each in generations])
    if store is not None:
        shell.terminal.data("")
        shell.terminal.table(_STORE, [_store(store)], numbers=(2, 3, 4))
    if scores:
        shell.terminal.data("")
        shell.terminal.table(_SCORES, [_past(each) for each in scores], numbers=(1, 2, 3, 4, 5, 6))


@app.command()
def report(context: typer.Context, base: _Base, as_json: AsJson = False) -> None:
    """Tell what wants a look: documents that are stale, failed, never retrieved, duplicate or contradict others,
    sources that are overdue, and questions that found little.

    What was retrieved comes from the ledger of the last 90 days. Exit code 1 when there is something to look at.

    \b
    Example:
      steadyhand knowledge report policies --json
    """
    shell = shell_of(context)
    found = in_workspace(shell, lambda workspace: workspace.knowledge_report(base))
    if as_json:
        shell.terminal.json(found)
    else:
        print_report(shell.terminal, found)
    raise typer.Exit(min(found.problems, 1))


@app.command("test")
def ask_gold_questions(context: typer.Context, base: _Base, as_json: AsJson = False) -> None:
    """Ask the gold questions of gold/KB.jsonl and tell where their answers come; the scores are kept.

    A line is {"question": "…", "sources": ["travel.pdf#page=3"], "quote": "…"}; page and quote may be left out.
    `steadyhand knowledge show KB` lists earlier scores. Exit code 1 when a question does not find its source.

    \b
    Example:
      steadyhand knowledge test policies
    """
    shell = shell_of(context)

    async def ask(workspace: AsyncWorkspace) -> tuple[Scores, list[str]]:
        active, *_ = await workspace.generations.of(base)
        reindexing = workspace.reindexing(base)
        scores = await reindexing.measured(active.embedder, OWNER)
        if scores is None:
            raise InvalidInput(
                f"expected gold questions of {base!r}; found none",
                hint=f'write gold/{base}.jsonl: {{"question": "…", "sources": ["travel.pdf#page=3"]}}',
            )
        return scores, await bases.absent(workspace.database, base, reindexing.sources)

    scores, absent = in_workspace(shell, ask)
    missed = [fared for fared in scores.fared if fared.rank is None]
    if as_json:
        shell.terminal.json(scores)
    else:
        rows = [(str(fared.rank or "-"), f"{fared.ndcg:.2f}", fared.question) for fared in scores.fared]
        shell.terminal.table(("rank", "nDCG", "question"), rows, numbers=(0, 1))
    shell.terminal.say(_said(scores))
    if absent:
        shell.terminal.say(f"sources that {base} does not have: {', '.join(absent)}")
    raise typer.Exit(min(len(missed), 1))


@app.command()
def reindex(
    context: typer.Context,
    base: _Base,
    *,
    embedder: _Embedder = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Switch although scores fall; this is kept.")] = False,
    switch: Annotated[bool, typer.Option("--switch", help="Switch where there are no gold questions.")] = False,
    in_background: Annotated[
        bool, typer.Option("--background", help="Leave it to the running `steadyhand up`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the vectors of another embedder, measure them on the gold questions, and switch searches to them.

    Searches and ingest go on meanwhile with the vectors they have; started again, it makes only what is missing.
    Searches are not switched when nDCG@10, recall@10 or span recall falls by more than 0.005. The old vectors stay
    until `reclaim`, so that `rollback` is instant. Without --embedder it takes the one that the settings want.

    \b
    Examples:
      steadyhand knowledge reindex policies
      steadyhand knowledge reindex policies --embedder multilingual --switch
      steadyhand knowledge reindex policies --background
    """
    shell = shell_of(context)
    if in_background:
        _leave(shell, base, embedder, anyway=anyway, unmeasured=switch, as_json=as_json)
        return
    done = in_workspace(
        shell,
        lambda workspace: _reindexed(shell, workspace, base, embedder, anyway=anyway, unmeasured=switch),
    )
    if as_json:
        shell.terminal.json(done)
    _tell(shell, base, done)
    raise typer.Exit(0 if done.is_switched or done.was == done.became else 1)


@app.command()
def rollback(context: typer.Context, base: _Base, as_json: AsJson = False) -> None:
    """Go back to the vectors that searches read before the last switch. Nothing is computed.

    \b
    Example:
      steadyhand knowledge rollback policies
    """
    shell = shell_of(context)
    now = in_workspace(shell, lambda workspace: workspace.generations.rollback(base))
    if as_json:
        shell.terminal.json({"knowledge_base": base, "vectors": now})
    shell.terminal.say(f"{base}: searches read the vectors of {now} again")


@app.command()
def reclaim(context: typer.Context, base: _Base, as_json: AsJson = False) -> None:
    """Delete the vectors that searches do not read. After that there is nothing to roll back to.

    \b
    Example:
      steadyhand knowledge reclaim policies
    """
    shell = shell_of(context)
    gone = in_workspace(shell, lambda workspace: workspace.generations.reclaim(base))
    if as_json:
        shell.terminal.json({"knowledge_base": base, "deleted": gone})
    shell.terminal.say(f"{base}: {count(gone, 'vector')} deleted")


async def _reindexed(
    shell: Shell, workspace: AsyncWorkspace, base: str, name: str, *, anyway: bool, unmeasured: bool
) -> Reindexed:
    reindexing = workspace.reindexing(base)
    if not (reindexing.is_measurable or anyway or unmeasured):
        shell.terminal.say(f"no gold questions in gold/{base}.jsonl: vectors are made, but not switched to")
    with shell.terminal.progress(f"Embedding {base}") as advance:
        async for built in reindexing.build(name):
            advance(built.done, built.total, "passages")
    return await reindexing.finish(OWNER, name=name, anyway=anyway, unmeasured=unmeasured)


def _leave(shell: Shell, base: str, name: str, *, anyway: bool, unmeasured: bool, as_json: bool) -> None:
    made = in_workspace(
        shell, lambda workspace: workspace.reindexes.ask(base, name=name, anyway=anyway, unmeasured=unmeasured)
    )
    if as_json:
        shell.terminal.json({"knowledge_base": base, "embedder": made})
    shell.terminal.say(f"{base}: the vectors of {made} are left to the running server (`steadyhand up`)")
    shell.terminal.say(f"`{command('knowledge', 'show', base)}` tells when they are complete, and which are read")


def _tell(shell: Shell, base: str, done: Reindexed) -> None:
    for name, scores in (("before", done.before), ("after", done.after)):
        if scores is not None:
            shell.terminal.say(f"{name:<7} {_said(scores)}")
    if done.is_switched:
        shell.terminal.say(f"{base}: searches read the vectors of {done.became} now ({done.reason})")
        shell.terminal.say(f"`{command('knowledge', 'rollback', base)}` goes back to {done.was}")
    elif done.was == done.became:
        shell.terminal.say(f"{base}: {done.reason}")
    else:
        shell.terminal.complain(f"error: {base} was not switched to {done.became}: {done.reason}")
        option = "--anyway" if done.losses else "--switch"
        shell.terminal.complain(f"hint: the vectors are kept; {option} switches all the same")


def _said(scores: Scores) -> str:
    """`nDCG@10 0.912, recall@10 0.950, MRR 0.880, span recall 0.940 on 20 questions`."""
    spans = "" if scores.span_recall is None else f", span recall {scores.span_recall:.3f}"
    figures = f"nDCG@10 {scores.ndcg:.3f}, recall@10 {scores.recall:.3f}, MRR {scores.mrr:.3f}{spans}"
    return f"{figures} on {count(len(scores.fared), 'question')}"


def _summary(found: BaseSummary) -> Sequence[str]:
    figures = (found.documents, found.chunks, found.failed, found.revision)
    return (found.name, *(f"{figure:,}" for figure in figures), found.embedder)


def _generation(found: Generation) -> Sequence[str]:
    since = f"{found.built_at:%Y-%m-%d %H:%M}" if found.built_at else "not complete"
    return found.embedder, "read these" if found.is_active else "", since


def _store(found: MirrorStatus) -> Sequence[str]:
    state = "searched" if found.is_built else "being built"
    rows = f"{found.rows:,}" if found.rows is not None else "-"
    figures = (rows, f"{found.expected:,}", f"{found.behind:,}")
    is_there = found.rows is not None
    return f"{found.store} ({found.kind})", found.collection, *figures, state if is_there else "does not answer"


def _past(found: Past) -> Sequence[str]:
    spans = "-" if found.span_recall is None else f"{found.span_recall:.3f}"
    figures = (f"{found.ndcg:.3f}", f"{found.recall:.3f}", f"{found.mrr:.3f}", spans, f"{found.questions:,}")
    return (found.embedder, *figures, f"{found.revision:,}", f"{found.at:%Y-%m-%d %H:%M}")

"""Several embedders' vectors of one base: built beside each other, measured, switched, rolled back, never mixed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from steadyhand.errors import InvalidInput, ModelFilesError, NotFound, UsageError, WrongEmbedder
from steadyhand.knowledge import gold
from steadyhand.knowledge.embedding.embedders import DEFAULT
from steadyhand.settings import EmbedderSettings
from steadyhand.types.ports import Vectors
from steadyhand.types.run import Principal
from steadyhand.workspace import OWNER, AsyncWorkspace

SETTINGS = """
[embedder]
precision = "fp32"
[embedders.small]
precision = "int8"
[embedders.deaf]
name = "onnx"
folder = "deaf"
"""


@dataclass
class Deaf:
    """An embedder that hears nothing of what is said: vectors at random, by the hash of the text."""

    name: str = "deaf@1"
    texts: int = 0
    stop_after: int = 1_000_000
    asked: list[str] = field(default_factory=list)

    async def id(self) -> str:
        return self.name

    async def __call__(self, texts: Sequence[str]) -> Vectors:
        if self.texts + len(texts) > self.stop_after:
            raise ModelFilesError("the power went out")
        self.texts += len(texts)
        self.asked += texts
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
        vectors = np.array([np.random.default_rng(seed).normal(size=16) for seed in seeds], dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    async def questions(self, texts: Sequence[str]) -> Vectors:
        return await self(texts)

    async def count_tokens(self, texts: Sequence[str]) -> list[int] | None:
        return None

    def close(self) -> None: ...


@dataclass
class House:
    workspace: AsyncWorkspace
    deaf: Deaf

    @property
    def root(self) -> Path:
        return self.workspace.settings.root

    async def ingest(self) -> None:
        async for progress in self.workspace.sync("notes"):
            assert progress.outcome in ("added", "unchanged", "removed"), progress

    def write(self, name: str, text: str) -> None:
        (self.root / "knowledge" / "notes" / name).write_text(text)

    def ask_for(self, *lines: str) -> None:
        (self.root / "gold").mkdir(exist_ok=True)
        (self.root / "gold" / "notes.jsonl").write_text("\n".join(lines))

    async def build(self, name: str) -> int:
        return len([built async for built in self.workspace.reindexing("notes").build(name)])

    async def best(self, question: str) -> str:
        return (await self.workspace.search("notes", question)).passages[0].source

    async def active(self) -> str:
        return (await self.workspace.generations.of("notes"))[0].embedder


@pytest.fixture
async def house(database_url: str, tmp_path: Path, models_folder: Path) -> AsyncIterator[House]:
    (tmp_path / "features").mkdir()
    (tmp_path / "knowledge" / "notes").mkdir(parents=True)
    models = f'models_dir = "{models_folder}"\n'
    (tmp_path / "steadyhand.toml").write_text(f'database_url = "{database_url}"\n{models}{SETTINGS}')
    async with await AsyncWorkspace.open(tmp_path) as workspace:
        deaf, opened = Deaf(), workspace.embedders._open_one
        workspace.embedders._open_one = lambda wanted, base: deaf if wanted.name == "onnx" else opened(wanted, base)
        made = House(workspace, deaf)
        for name, text in NOTES.items():
            made.write(name, text)
        await made.ingest()
        yield made


NOTES = {
    "travel.md": "# Travel\n\nHotels cost at most 120 EUR a night. Trains come before planes.\n",
    "leave.md": "# Leave\n\nEverybody has 30 days of paid vacation a year.\n",
    "office.md": "# Office\n\nThe door is locked at six in the evening; the guard has a key.\n",
}
QUESTION = '{"question": "How long is the holiday?", "sources": ["leave.md"], "quote": "30 days of paid vacation"}'


async def test_a_base_goes_over_to_vectors_that_are_as_good(house: House) -> None:
    house.ask_for(QUESTION)
    before = await house.active()
    await house.build("small")
    done = await house.workspace.reindexing("notes").finish(OWNER, name="small")
    assert (done.is_switched, done.reason) == (True, "not worse")
    assert await house.active() == done.became != before
    assert await house.best("How long is the holiday?") == "leave.md"
    assert [past.embedder for past in await gold.history(house.workspace.database, "notes")] == [
        done.became,
        before,
    ]


async def until_reindexed(house: House) -> None:
    house.workspace.jobs.start()
    while await house.workspace.reindexes.is_asked_for("notes"):
        await asyncio.sleep(0.05)


async def test_a_job_brings_a_base_to_other_vectors(house: House) -> None:
    house.ask_for(QUESTION)
    before = await house.active()
    wanted = await house.workspace.reindexes.ask("notes", name="small")
    assert await house.workspace.reindexes.ask("notes", name="small") == wanted  # waits already
    assert await house.active() == before
    await until_reindexed(house)
    assert await house.active() == wanted != before
    assert await house.best("How long is the holiday?") == "leave.md"


async def test_a_job_does_not_switch_to_vectors_that_are_worse(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.ask_for(*[f'{{"question": "{text}", "sources": ["{name}"]}}' for name, text in WORDLESS.items()])
    before = await house.active()
    await house.workspace.reindexes.ask("notes", name="deaf")
    await until_reindexed(house)
    assert await house.active() == before
    assert f"notes: searches still read the vectors of {before}: scores fell" in caplog.text


async def test_what_is_wrong_is_said_to_who_asks_and_not_to_the_job(house: House) -> None:
    with pytest.raises(NotFound, match="expected an embedder of the settings"):
        await house.workspace.reindexes.ask("notes", name="nobody")
    with pytest.raises(NotFound, match="expected a knowledge base"):
        await house.workspace.reindexes.ask("nothing")
    assert not await house.workspace.reindexes.is_asked_for("notes")


async def test_vectors_that_are_worse_are_not_switched_on_unless_wanted(house: House) -> None:
    house.ask_for(*[f'{{"question": "{text}", "sources": ["{name}"]}}' for name, text in WORDLESS.items()])
    await house.build("deaf")
    refused = await house.workspace.reindexing("notes").finish(OWNER, name="deaf")
    assert not refused.is_switched
    assert refused.losses[0].startswith("nDCG@10")
    assert await house.active() == refused.was
    wanted = await house.workspace.reindexing("notes").finish(OWNER, name="deaf", anyway=True)
    assert (wanted.is_switched, wanted.reason) == (True, "worse, wanted anyway")
    assert await house.active() == "deaf@1"


WORDLESS = {"travel.md": "What may accommodation be worth?", "leave.md": "How long is my holiday?",
            "office.md": "When does the building close?"}  # fmt: skip


async def test_without_gold_questions_somebody_has_to_say_so(house: House) -> None:
    await house.build("small")
    refused = await house.workspace.reindexing("notes").finish(OWNER, name="small")
    assert (refused.is_switched, refused.reason) == (False, "there are no gold questions to measure by")
    done = await house.workspace.reindexing("notes").finish(OWNER, name="small", unmeasured=True)
    assert (done.is_switched, done.reason) == (True, "not measured")


async def test_a_build_that_was_broken_off_goes_on_where_it_stopped(house: House) -> None:
    for number in range(150):
        house.write(f"{number}.md", f"# Note {number}\n\nThe number of this note is {number}.\n")
    await house.ingest()
    house.deaf.stop_after = 100
    with pytest.raises(ModelFilesError):
        await house.build("deaf")
    made = house.deaf.texts
    assert 0 < made <= 100
    house.deaf.stop_after = 1_000_000
    await house.build("deaf")
    assert house.deaf.texts == len(set(house.deaf.asked)) == 153
    assert await house.build("deaf") > 0
    assert house.deaf.texts == 153


async def test_documents_that_come_meanwhile_get_vectors_of_both(house: House) -> None:
    await house.build("deaf")
    house.write("new.md", "# Cars\n\nA rental car is booked by the travel desk.\n")
    await house.ingest()
    assert any("rental car" in text for text in house.deaf.asked)
    await house.workspace.generations.switch("notes", "deaf@1", "not measured")
    assert {passage.source for passage in (await house.workspace.search("notes", "rental car")).passages} >= {
        "new.md"
    }


async def test_searches_and_ingest_go_on_while_vectors_are_built(house: House) -> None:
    steps = house.workspace.reindexing("notes").build("deaf")
    await anext(steps)
    house.write("new.md", "# Cars\n\nA rental car is booked by the travel desk.\n")
    found, _ = await asyncio.gather(house.best("hotel"), house.ingest())
    assert found == "travel.md"
    async for _ in steps:
        pass
    await house.workspace.generations.switch("notes", "deaf@1", "not measured")


async def test_vectors_that_cannot_be_kept_up_do_not_hold_up_ingest_and_are_not_switched_on(house: House) -> None:
    await house.build("deaf")
    house.deaf.stop_after = 0
    house.write("new.md", "# Cars\n\nA rental car is booked by the travel desk.\n")
    await house.ingest()
    assert await house.best("rental car") == "new.md"
    with pytest.raises(UsageError, match="still lacks some"):
        await house.workspace.generations.switch("notes", "deaf@1", "not measured")


async def test_a_switch_is_taken_back_in_one_statement_until_it_is_reclaimed(house: House) -> None:
    before = await house.active()
    await house.build("small")
    await house.workspace.reindexing("notes").finish(OWNER, name="small", unmeasured=True)
    assert await house.workspace.generations.rollback("notes") == before == await house.active()
    with pytest.raises(UsageError, match="nothing was switched"):
        await house.workspace.generations.rollback("notes")
    assert await house.workspace.generations.reclaim("notes") == 3
    assert [each.embedder for each in await house.workspace.generations.of("notes")] == [before]
    assert await house.best("How much may a hotel cost?") == "travel.md"


async def test_vectors_that_were_given_up_are_not_gone_back_to(house: House) -> None:
    await house.build("small")
    await house.workspace.reindexing("notes").finish(OWNER, name="small", unmeasured=True)
    await house.workspace.generations.reclaim("notes")
    with pytest.raises(UsageError, match="was given up"):
        await house.workspace.generations.rollback("notes")


async def test_changed_settings_leave_a_base_with_the_vectors_it_has(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    before = await house.active()
    house.workspace.embedders._configured = house.workspace.settings.model_copy(
        update={"embedder": EmbedderSettings(precision="int8")}
    )
    house.write("new.md", "# Cars\n\nA rental car is booked by the travel desk.\n")
    await house.ingest()
    assert await house.active() == before
    assert await house.best("rental car") == "new.md"
    assert "knowledge reindex notes" in caplog.text


async def test_a_changed_model_is_another_embedder_and_is_never_compared(house: House) -> None:
    await house.build("deaf")
    await house.workspace.generations.switch("notes", "deaf@1", "not measured")
    assert (await house.workspace.search("notes", "hotel")).passages
    house.deaf.name = "deaf@2"  # somebody put other files into the folder
    with pytest.raises(WrongEmbedder, match="the same settings make deaf@2 now"):
        await house.workspace.search("notes", "hotel")
    house.write("new.md", "# Cars\n\nA rental car is booked by the travel desk.\n")
    with pytest.raises(WrongEmbedder):
        await house.ingest()


async def test_what_is_not_there_is_said(house: House) -> None:
    with pytest.raises(NotFound, match="found none named 'nothing'"):
        await house.workspace.generations.of("nothing")
    with pytest.raises(NotFound, match="found none named 'nothing'"):
        await house.workspace.generations.rollback("nothing")
    with pytest.raises(NotFound) as caught:
        await house.build("smal")
    assert caught.value.hint == 'did you mean "small"?'
    assert DEFAULT in str(caught.value)
    with pytest.raises(UsageError, match="was given up"):
        await house.workspace.generations.switch("notes", "nobody@1", "not measured")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[]", "expected a JSON object; found []"),
        ("{", "expected a JSON object"),
        ('{"question": "x"}', "sources: expected a list of paths; found None"),
        ('{"question": " ", "sources": ["a"]}', "question: expected a text"),
        ('{"question": "x", "sources": [1]}', "sources: expected paths such as travel.pdf#page=3; found 1"),
        ('{"question": "x", "sources": ["a"], "qoute": "y"}', "found 'qoute'"),
        ('{"question": "x", "sources": ["a"], "filter": {"year": {"above": 1}}}', "expected a comparison"),
    ],
)
def test_faulty_gold_questions_are_named_with_their_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "gold").mkdir()
    (tmp_path / "gold" / "notes.jsonl").write_text(f"{QUESTION}\n\n{line}\n")
    with pytest.raises(InvalidInput) as caught:
        gold.read(tmp_path, "notes")
    assert said in str(caught.value)
    assert "notes.jsonl:3: " in str(caught.value)


async def test_a_question_is_right_on_its_page_only(house: House) -> None:
    house.ask_for(
        '{"question": "How long is the holiday?", "sources": ["leave.md#page=1"]}',
        '{"question": "How long is the holiday?", "sources": ["leave.md#page=2"]}',
    )
    questions = gold.read(house.root, "notes")
    scores = await gold.evaluate(house.workspace.searcher, "notes", questions, Principal("x", "admin"))
    assert [fared.rank for fared in scores.fared] == [1, None]
    assert (scores.mrr, scores.recall, scores.span_recall) == (0.5, 0.5, None)

"""The tables of a cost plan: every key, what it means, and its default. A table knows what it plans."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from steadyhand.types.model import Price, Rates, Usage
from steadyhand.value.plan import Build, Hosting, Training, Workload, conversation

HOURS_A_MONTH = Decimal(730)

_Name = Annotated[str, Field(min_length=1, description="What it is called in the result.")]
_Count = Annotated[int, Field(gt=0)]
_Tokens = Annotated[int, Field(ge=0)]
_Usd = Annotated[Decimal, Field(strict=False, ge=0)]
_Paid = Annotated[Decimal, Field(strict=False, gt=0)]
_Range = Annotated[tuple[_Usd, _Usd], Field(strict=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class PriceTable(_Table):
    """A price of the plan's own, for a model that the catalogue does not know or that does not exist yet."""

    input_usd: _Usd = Field(description="US dollars for a million input tokens.")
    output_usd: _Usd = Field(description="US dollars for a million output tokens.")
    cached_usd: _Usd | None = Field(None, description="For a million tokens read from a prompt cache.")

    def price(self) -> Price:
        cached = self.input_usd if self.cached_usd is None else self.cached_usd
        return Price(Rates(self.input_usd, self.output_usd, cached, self.input_usd), "the plan")


class _Work(_Table):
    name: _Name
    per_month: _Count | None = Field(None, description="How many there are in a month.")
    per_day: _Count | None = Field(None, description="How many there are in a day; instead of per_month.")
    days_per_month: _Count = Field(30, description="Days that count in a month.")
    cached_tokens: _Tokens = Field(0, description="Tokens of each prompt that come from the vendor's prompt cache.")
    budget_usd: _Range | None = Field(None, description="The least and the most US dollars of a month.")

    @property
    def units(self) -> int:
        return self.per_month or (self.per_day or 0) * self.days_per_month

    def workload(self, unit: str, calls: tuple[Usage, ...], saved_minutes: Decimal = Decimal(0)) -> Workload:
        return Workload(
            name=self.name,
            unit=unit,
            units=self.units,
            calls=calls,
            budget_usd=self.budget_usd,
            saved_minutes=saved_minutes,
        )


class ChatTable(_Work):
    """Conversations: every call reads all that was said before."""

    turns: _Count = Field(description="Answers in a conversation.")
    system_tokens: _Tokens = Field(description="Tokens of the system prompt.")
    passage_tokens: _Tokens = Field(0, description="Tokens of the passages that each call reads.")
    user_tokens: _Tokens = Field(description="Tokens of what a person says at a time.")
    answer_tokens: _Tokens = Field(description="Tokens of an answer.")

    def planned(self) -> Workload:
        calls = conversation(
            self.turns,
            system=self.system_tokens,
            passages=self.passage_tokens,
            user=self.user_tokens,
            answer=self.answer_tokens,
            cached=self.cached_tokens,
        )
        return self.workload("conversation", calls)


class DocumentTable(_Work):
    """Documents that are read whole, one call each."""

    pages: _Count = Field(description="Pages of a document.")
    page_tokens: _Count = Field(500, description="Tokens of a page.")
    prompt_tokens: _Tokens = Field(0, description="Tokens of the instructions.")
    output_tokens: _Tokens = Field(description="Tokens of what comes out.")
    minutes_by_hand: _Usd | None = Field(None, description="Minutes that a person needs for a document.")
    minutes_of_review: _Usd = Field(Decimal(0), description="Minutes that a person still looks at it.")

    def planned(self) -> Workload:
        read = self.prompt_tokens + self.pages * self.page_tokens
        saved = self.minutes_by_hand - self.minutes_of_review if self.minutes_by_hand is not None else Decimal(0)
        return self.workload("document", (Usage(read, self.output_tokens, self.cached_tokens),), saved)


class QuestionTable(_Work):
    """Questions that are answered from passages."""

    prompt_tokens: _Tokens = Field(description="Tokens of the instructions and the question.")
    passages: _Tokens = Field(0, description="Passages that are read for an answer.")
    passage_tokens: _Tokens = Field(0, description="Tokens of a passage.")
    output_tokens: _Tokens = Field(description="Tokens of an answer.")

    def planned(self) -> Workload:
        read = self.prompt_tokens + self.passages * self.passage_tokens
        return self.workload("question", (Usage(read, self.output_tokens, self.cached_tokens),))


class CallTable(_Work):
    """Anything else: so many calls with so many tokens."""

    input_tokens: _Tokens = Field(description="Tokens of a prompt.")
    output_tokens: _Tokens = Field(description="Tokens of an answer.")

    def planned(self) -> Workload:
        return self.workload("call", (Usage(self.input_tokens, self.output_tokens, self.cached_tokens),))


class HostingTable(_Table):
    """Models on one's own or rented graphics processors."""

    name: _Name
    gpus: _Count = Field(description="Graphics processors that run all the time.")
    gpu_hour_usd: _Paid = Field(description="US dollars for an hour of one.")
    hours_per_month: _Paid = Field(HOURS_A_MONTH, description="Hours that are paid for.")
    input_tokens: _Tokens = Field(description="Tokens of the prompt of a question, to compare with the models.")
    output_tokens: _Tokens = Field(description="Tokens of its answer.")
    against_mtok_usd: list[_Paid] = Field(
        default_factory=list, description="Prices of a million tokens that it has to reach."
    )

    def planned(self) -> Hosting:
        question = Usage(self.input_tokens, self.output_tokens)
        return Hosting(
            name=self.name,
            gpus=self.gpus,
            gpu_hour_usd=self.gpu_hour_usd,
            hours=self.hours_per_month,
            question=question,
        )


class TrainingTable(_Table):
    """Fine-tuning at a vendor."""

    name: _Name
    examples: _Count = Field(description="Examples to learn from.")
    example_tokens: _Count = Field(description="Tokens of one, input and output together.")
    epochs: _Count = Field(3, description="Times that each is shown.")
    mtok_usd: _Paid = Field(description="US dollars for a million tokens of training.")

    def planned(self) -> Training:
        return Training(**self.model_dump())


class BuildTable(_Table):
    """What is built once and saves money from then on."""

    name: _Name
    build_usd: _Paid = Field(description="US dollars to build it.")
    saves_usd_per_month: _Usd = Field(description="US dollars that it saves in a month.")
    runs_usd_per_month: _Usd = Field(description="US dollars that it costs in a month.")
    within_months: Annotated[tuple[_Count, _Count], Field(strict=False)] | None = Field(
        None, description="Months, from and to, in which it should have paid for itself."
    )

    def planned(self) -> Build:
        return Build(
            name=self.name,
            build_usd=self.build_usd,
            saves_usd=self.saves_usd_per_month,
            runs_usd=self.runs_usd_per_month,
            within=self.within_months,
        )


class PlanFile(_Table):
    """A cost plan."""

    name: _Name
    models: list[str] = Field(min_length=1, description="Models to compare: provider:name, or a price of the plan.")
    price: dict[str, PriceTable] = Field(default_factory=dict, description="Prices of the plan's own, by name.")
    chat: list[ChatTable] = Field(default_factory=list, description="Conversations.")
    document: list[DocumentTable] = Field(default_factory=list, description="Documents that are read.")
    question: list[QuestionTable] = Field(default_factory=list, description="Questions answered from passages.")
    call: list[CallTable] = Field(default_factory=list, description="Any other calls.")
    hosting: list[HostingTable] = Field(default_factory=list, description="Models on own graphics processors.")
    training: list[TrainingTable] = Field(default_factory=list, description="Fine-tuning at a vendor.")
    build: list[BuildTable] = Field(default_factory=list, description="What is built and then saves money.")

    @property
    def workloads(self) -> tuple[Workload, ...]:
        work: list[ChatTable | DocumentTable | QuestionTable | CallTable]
        work = [*self.chat, *self.document, *self.question, *self.call]
        return tuple(table.planned() for table in work)

"""What the endpoints for code take and give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, BaseModel, Field

from beastmode.faces.http.problems import Refusal
from beastmode.faces.http.shapes import Shape
from beastmode.tasks.chat import Attachment, Ended, Shown, attachment_of
from beastmode.tasks.edits import preview
from beastmode.tasks.proposal import Place

if TYPE_CHECKING:
    from beastmode.tasks.chat.events import Event
    from beastmode.tasks.proposal import Proposal, Step

LONGEST_MESSAGE = 1_000_000
MOST_FILES = 50


class GivenFile(Shape):
    """A file of the workspace or lines of it; or, with `content`, text that is in no file there. Lines count from 1."""

    path: str = Field("", max_length=1000)
    content: str | None = Field(None, max_length=LONGEST_MESSAGE)
    line: int = Field(1, ge=1, le=10_000_000)
    end_line: int | None = Field(None, ge=1, le=10_000_000)

    def attachment(self) -> Attachment:
        """As tasks have it."""
        last = None if self.end_line is None else self.end_line - 1
        if self.content is not None:
            return Attachment("", self.line - 1, last, "selection", self.content, self.path)
        return Attachment(self.path, self.line - 1, last)


class Named(BaseModel):
    """`src/users.js`, `src/users.js:10` or `src/users.js:10-20`."""

    path: str

    def attachment(self) -> Attachment:
        """As tasks have it."""
        return attachment_of(self.path)


class Body(Shape):
    """What every request for code may say.

    `model` is an id such as `custom:my-code-model` or `openai:gpt-4`; without one the owner's selection answers.
    """

    model: str | None = Field(None, max_length=300)
    custom_model_id: str | None = Field(None, max_length=300)
    repo: str | None = Field(None, max_length=300, description="A workspace that the owner named.")
    use_llm: bool = Field(default=True, validation_alias=AliasChoices("useLLM", "use_llm", "useLlm"))
    local_only: bool = Field(default=False, description="Nothing may leave the gateway's machine.")

    @property
    def chosen(self) -> str | None:
        """The model that is asked for."""
        return self.model or (f"custom:{self.custom_model_id}" if self.custom_model_id else None)


class ChatBody(Body):
    """A question; with `useLLM` false, only what a model would be shown."""

    message: str = Field(max_length=LONGEST_MESSAGE)
    session_id: str | None = Field(None, max_length=100, description="Without one, nothing is kept.")
    given: list[GivenFile | str] = Field(
        default=[], max_length=MOST_FILES, validation_alias=AliasChoices("files", "given")
    )

    @property
    def files(self) -> list[GivenFile | Named]:
        """What the user wants the model to see."""
        return [Named(path=each) if isinstance(each, str) else each for each in self.given]


class TaskBody(Body):
    """What every task may say. With `apply` the change is written, where the owner allows that."""

    instruction: str = Field("", max_length=LONGEST_MESSAGE)
    apply: bool = False

    @property
    def words(self) -> str:
        """What is wanted, in words."""
        return self.instruction

    @property
    def about(self) -> list[GivenFile | Named]:
        """The files that it is about."""
        return []

    @property
    def place(self) -> Place | None:
        """The lines that something is said about."""
        return None


class FeatureBody(TaskBody):
    """A feature that is wanted."""

    feature_request: str = Field(max_length=LONGEST_MESSAGE)
    files: list[str] = Field(default=[], max_length=MOST_FILES)

    @property
    def words(self) -> str:
        """What is wanted, in words."""
        return "\n\n".join(filter(None, (self.feature_request, self.instruction)))

    @property
    def about(self) -> list[GivenFile | Named]:
        """The files that it is about."""
        return [Named(path=each) for each in self.files]


class Opportunity(Shape):
    """Lines that could be better, as `beastmode opportunities --json` or the editor's command gives them; from 0."""

    kind: str = Field("", max_length=200)
    reason: str = Field("", max_length=4000)
    suggestion: str = Field("", max_length=4000)
    description: str = Field("", max_length=4000)
    line: int = Field(0, ge=0, le=10_000_000)
    end_line: int | None = Field(None, ge=0, le=10_000_000)


class RefactorBody(TaskBody):
    """Code that could be better."""

    file: str = Field(max_length=1000)
    opportunity: Opportunity | None = None

    @property
    def about(self) -> list[GivenFile | Named]:
        """The files that it is about."""
        return [] if self.opportunity else [Named(path=self.file)]

    @property
    def place(self) -> Place | None:
        """The lines that something is said about."""
        found = self.opportunity
        if found is None:
            return None
        last = found.line if found.end_line is None else found.end_line
        if last < found.line:
            raise Refusal(422, "The opportunity ends before it begins", "Give `line` and `endLine`, counted from 0")
        said = " ".join(filter(None, (found.reason, found.description, found.suggestion)))
        return Place(self.file, found.line, last, said, found.kind)


class TestsBody(TaskBody):
    """Code that is to be tested."""

    file: str = Field(max_length=1000)

    @property
    def about(self) -> list[GivenFile | Named]:
        """The files that it is about."""
        return [Named(path=self.file)]


class SourceShown(Shape):
    """Lines that the model was shown, from 1, and why."""

    path: str
    line: int
    end_line: int
    why: str


class Code(Shape):
    """A block of code in an answer, with the path that it gives, if any."""

    language: str
    path: str
    text: str


class ChatAnswer(Shape):
    """An answer: its text, its code, who gave it, what it cost in US dollars (null where no price is known)."""

    success: bool = True
    session_id: str | None
    message: str
    code: str
    code_blocks: list[Code]
    sources: list[SourceShown]
    left_out: list[str]
    model: str
    request_id: str
    finish_reason: str
    input_tokens: int | None
    output_tokens: int | None
    estimated: bool
    cost: str | None
    latency_ms: int


class FileChanged(Shape):
    """What becomes of a file; `content` is all of it afterwards, null for one that is deleted."""

    kind: str
    path: str
    new_path: str | None
    added: int
    removed: int
    content: str | None


class CheckSeen(Shape):
    """What was looked at in a change, and what was seen."""

    name: str
    ok: bool
    evidence: str


class PlanStep(Shape):
    """One file of a plan."""

    kind: str
    path: str
    new_path: str | None
    why: str


class TaskAnswer(Shape):
    """A proposal. Nothing of it is written unless `applied` says so."""

    success: bool = True
    summary: str
    diff: str
    code: str
    files: list[FileChanged]
    checks: list[CheckSeen]
    plan: list[PlanStep]
    text: str
    left_out: list[str]
    applied: bool
    model: str
    request_ids: list[str]
    repaired: int
    cost: str | None
    latency_ms: int


def chat_answer(body: ChatBody, last: Event | None) -> ChatAnswer:
    """The whole answer of a chat; from `Shown` alone where no model was asked."""
    if not isinstance(last, Ended):
        found = sources(last) if isinstance(last, Shown) else {"sources": [], "leftOut": []}
        return ChatAnswer(
            session_id=body.session_id, message="", code="", code_blocks=[], sources=found["sources"],
            left_out=found["leftOut"], model="", request_id="", finish_reason="not asked", input_tokens=None,
            output_tokens=None, estimated=False, cost=None, latency_ms=0,
        )  # fmt: skip
    turn, spent = last.turn, last.turn.spent
    return ChatAnswer(
        session_id=body.session_id,
        message=turn.answer,
        code="\n\n".join(block.text.rstrip("\n") for block in last.code),
        code_blocks=[Code(language=each.language, path=each.path, text=each.text) for each in last.code],
        sources=[_source(each) for each in turn.sources],
        left_out=[],
        model=turn.model,
        request_id=turn.request_id,
        finish_reason=turn.ended,
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        estimated=spent.estimated,
        cost=None if spent.cost is None else f"{spent.cost:f}",
        latency_ms=round(turn.total_s * 1000),
    )


def sources(shown: Shown) -> dict[str, Any]:
    """What a model is shown, and what it is not."""
    found = [_source(each).model_dump(by_alias=True) for each in shown.sources]
    return {"sources": found, "leftOut": list(shown.left_out)}


def _source(source: Any) -> SourceShown:
    return SourceShown(path=source.path, line=source.line + 1, end_line=source.end_line + 1, why=source.why)


def step(planned: Step) -> PlanStep:
    """A step of a plan."""
    return PlanStep(kind=planned.kind, path=planned.path, new_path=planned.new_path or None, why=planned.why)


def task_answer(proposal: Proposal, *, applied: bool) -> TaskAnswer:
    """The result of a task."""
    change = proposal.change
    edits = change.edits if change else ()
    shown = preview(change) if change else ()
    files = [
        FileChanged(
            kind=each.kind,
            path=each.path,
            new_path=each.new_path or None,
            added=each.added,
            removed=each.removed,
            content=edit.text,
        )
        for each, edit in zip(shown, edits, strict=True)
    ]
    return TaskAnswer(
        summary=change.summary if change else "",
        diff=proposal.diff,
        code="\n".join(each.content for each in files if each.content is not None),
        files=files,
        checks=[CheckSeen(name=each.name, ok=each.ok, evidence=each.evidence) for each in proposal.checks],
        plan=[step(each) for each in proposal.plan],
        text=proposal.text,
        left_out=list(proposal.left_out),
        applied=applied,
        model=proposal.model,
        request_ids=list(proposal.request_ids),
        repaired=proposal.repaired,
        cost=None if proposal.cost is None else f"{proposal.cost:f}",
        latency_ms=round(proposal.latency * 1000),
    )

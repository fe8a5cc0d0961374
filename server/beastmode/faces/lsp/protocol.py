"""What this server says beyond standard LSP; docs/lsp-extensions.md and client-extension/src/protocol.ts mirror it.

A test compares the three, so a change here is a change there.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

COMMANDS: tuple[str, ...] = (
    "beastmode.accepted",
    "beastmode.chat.delete",
    "beastmode.chat.rename",
    "beastmode.chat.sessions",
    "beastmode.chat.show",
    "beastmode.completion.why",
    "beastmode.consent.decide",
    "beastmode.consent.show",
    "beastmode.dashboard.open",
    "beastmode.log",
    "beastmode.models.check",
    "beastmode.models.fetch",
    "beastmode.models.form",
    "beastmode.models.list",
    "beastmode.models.refresh",
    "beastmode.models.remove",
    "beastmode.models.select",
    "beastmode.models.test",
    "beastmode.opportunities.find",
    "beastmode.rejected",
    "beastmode.status",
    "beastmode.tasks.run",
)
"""Of `workspace/executeCommand`; each takes at most one object."""

SETTINGS: tuple[str, ...] = ("codeLenses", "disabledLanguages", "enabled", "localOnly")
"""Of the section `beastmode` in `workspace/configuration`; they can only narrow what the user allowed elsewhere."""

CHAT = "beastmode/chat"
"""Request `ChatParams` -> `ChatAnswer`; parts of it before, as `$/progress` with `ChatPart`."""

STATUS = "beastmode/status"
"""Notification, params `Status`."""

ACCEPTED = "beastmode.accepted"

REJECTED = "beastmode.rejected"
"""For editors that can tell; VS Code cannot, and there the text tells."""

DID_FOCUS = "textDocument/didFocus"
"""Notification {textDocument: {uri}, position?}: where the user looks; the shape is Copilot's."""

DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"
"""Notification {item, acceptedLength}: UTF-16 units of a suggestion that were taken, in all; the shape is Copilot's."""

POWER = "beastmode/power"
"""Notification {onBattery}: on battery the search index rests."""


class ChatAttachment(TypedDict, total=False):
    """What the model is to see: a file, lines of it, a selection, a diagnostic; `uri`, `path` or `text` is needed.

    `text` is a selection as the editor has it, `message` what a diagnostic says; `range` is LSP's.
    """

    uri: str
    path: str
    range: dict[str, Any]
    kind: Literal["file", "selection", "diagnostic"]
    text: str
    message: str


class ChatParams(TypedDict, total=False):
    """A message, the only field that is needed; with `sessionId` it belongs to a conversation that is kept."""

    message: str
    sessionId: str
    model: str
    attachments: list[ChatAttachment]
    partialResultToken: str | int


class ChatSource(TypedDict):
    """Lines of a file that the model was shown, from zero, both included; `isCut`: there was no room for more."""

    path: str
    line: int
    endLine: int
    kind: Literal["file", "selection", "diagnostic", "named", "definition", "search"]
    why: str
    isCut: bool


class ChatCitation(TypedDict):
    """A reference in the answer, as `written` there, to lines that exist."""

    written: str
    path: str
    uri: str
    line: int
    endLine: int


class ChatCode(TypedDict):
    """A fenced block of the answer; `path` is what the answer says, need not exist, and may be empty."""

    language: str
    path: str
    text: str


class ChatPart(TypedDict, total=False):
    """One piece of an answer that is coming: `sources` with `leftOut` first, then `text` and `reasoning`."""

    sources: list[ChatSource]
    leftOut: list[str]
    text: str
    reasoning: str


class ChatError(TypedDict):
    """Why an answer broke off."""

    text: str
    fix: str


class ChatAnswer(TypedDict):
    """A whole answer; `finish` is why the model stopped (`length`: its token limit), null where `error` broke it off.

    `cost` is in US dollars, null where no price is known; `isKept`: it stands in the session.
    """

    text: str
    reasoning: str
    model: str
    requestId: str
    sessionId: str | None
    isKept: bool
    finish: str | None
    error: ChatError | None
    sources: list[ChatSource]
    citations: list[ChatCitation]
    code: list[ChatCode]
    inputTokens: int | None
    outputTokens: int | None
    estimated: bool
    cost: str | None
    firstSeconds: float | None
    totalSeconds: float


class ChatSession(TypedDict):
    """A conversation that is kept; `usedAt` is Unix time in seconds, `turns` how many questions it has."""

    id: str
    title: str
    usedAt: float
    turns: int


class ChatTurn(TypedDict):
    """A question that was kept, and its answer as far as it came."""

    question: str
    answer: ChatAnswer


class TaskParams(TypedDict, total=False):
    """What is wanted: `task` is needed (feature, refactor, tests, document, fix, explain), most need `uri`.

    `range` says which lines are meant. `opportunity` {kind, reason, suggestion, line, endLine} and `diagnostic` (LSP's)
    say what is to be mended. Parts come as `$/progress` with `TaskPart` where there is a `partialResultToken`.
    """

    task: str
    instruction: str
    uri: str
    range: dict[str, Any]
    opportunity: dict[str, Any]
    diagnostic: dict[str, Any]
    model: str
    isTrusted: bool
    partialResultToken: str | int


class TaskStep(TypedDict):
    """One file of a plan; `newPath` where it is renamed."""

    kind: Literal["create", "change", "rename", "delete"]
    path: str
    newPath: str | None
    why: str


class TaskPart(TypedDict, total=False):
    """What a task does now: `message` for a progress bar, `text` and `reasoning` of the model, its `plan`."""

    message: str
    text: str
    reasoning: str
    plan: list[TaskStep]


class TaskCheck(TypedDict):
    """What was looked at in a change, and what was seen."""

    name: str
    ok: bool
    evidence: str


class TaskEdit(TypedDict):
    """LSP's TextEdit, against the text before."""

    range: dict[str, Any]
    newText: str


class TaskFile(TypedDict):
    """What becomes of one file; `version`: of the open document that the edits are made for, or null."""

    kind: Literal["create", "change", "rename", "delete"]
    uri: str
    newUri: str | None
    version: int | None
    edits: list[TaskEdit]
    added: int
    removed: int


class TaskResult(TypedDict):
    """A change for the user to look at, checked and not written; without `files` the result is `text`.

    `cost` is in US dollars, null where no price is known; `leftOut`: what the model had to do without, as sentences.
    """

    summary: str
    model: str
    cost: str | None
    repaired: bool
    checks: list[TaskCheck]
    files: list[TaskFile]
    text: str
    plan: list[TaskStep]
    leftOut: list[str]


class Consent(TypedDict):
    """Whether the tests of a folder may be run, null: not asked yet; `isNeeded`: the task would run some now.

    `isolated` and `notIsolated` are sentences: what is to be said before the user is asked.
    """

    folder: str
    allowed: bool | None
    isNeeded: bool
    isolated: list[str]
    notIsolated: list[str]


class OpportunityPlace(TypedDict):
    """Another place with the same lines; from zero, both included."""

    uri: str
    path: str
    line: int
    endLine: int


class Opportunity(TypedDict):
    """Lines where code could be better, from zero, both included: why, and what to do; `id` survives edits elsewhere.

    `path` is relative to the workspace, `name` that of the function or class; `others` are those of a duplicate.
    """

    id: str
    kind: str
    severity: Literal["low", "medium", "high"]
    uri: str
    path: str
    line: int
    endLine: int
    name: str
    reason: str
    suggestion: str
    others: list[OpportunityPlace]


class ModelName(TypedDict):
    """A model as a person knows it."""

    id: str
    name: str


class HealthStatus(TypedDict):
    """How the model does, and why we say so."""

    level: Literal["unknown", "healthy", "degraded", "unhealthy"]
    issues: list[str]


class Today(TypedDict):
    """What the ledger says since local midnight; null where it cannot know."""

    requests: int
    success_rate: str | None
    p95_latency: str | None
    cost: str | None
    savings: str | None
    savings_percent: str | None


class Action(TypedDict):
    """A command of this server that mends something."""

    title: str
    command: str


class NoticeStatus(TypedDict):
    """Something the user should know; never shown as a dialog."""

    text: str
    fix: str
    action: Action | None


class Status(TypedDict):
    """Everything a status bar shows; `lines` is ready to be shown as it is."""

    model: ModelName | None
    health: HealthStatus
    activity: Literal["loading", "idle", "working"]
    today: Today
    notice: NoticeStatus | None
    key_source: str
    lines: list[str]

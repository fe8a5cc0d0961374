"""What this server says beyond standard LSP; docs/lsp-extensions.md and client-extension/src/protocol.ts mirror it.

A test compares the three, so a change here is a change there.
"""

from __future__ import annotations

from typing import Literal, TypedDict

COMMANDS: tuple[str, ...] = (
    "beastmode.accepted",
    "beastmode.completion.why",
    "beastmode.log",
    "beastmode.models.check",
    "beastmode.models.fetch",
    "beastmode.models.form",
    "beastmode.models.list",
    "beastmode.models.refresh",
    "beastmode.models.remove",
    "beastmode.models.select",
    "beastmode.models.test",
    "beastmode.rejected",
    "beastmode.status",
)
"""Of `workspace/executeCommand`; each takes at most one object."""

SETTINGS: tuple[str, ...] = ("disabledLanguages", "enabled", "localOnly")
"""Of the section `beastmode` in `workspace/configuration`; they can only narrow what the user allowed elsewhere."""

CHAT = "beastmode/chat"
"""Request {message, model?, partialResultToken?} -> {text, model, requestId, finish, error}."""

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

"""Chat about a workspace: sessions that last, context that is shown as data, answers whose references are checked."""

from beastmode.tasks.chat.attachments import Attachment, attachment_of
from beastmode.tasks.chat.chat import Chat
from beastmode.tasks.chat.events import Answering, Ended, Event, Part, Shown, Thought
from beastmode.tasks.chat.export import to_markdown
from beastmode.tasks.chat.history import History, MemoryHistory, SessionNotFound
from beastmode.tasks.chat.reading import CannotAttach
from beastmode.tasks.chat.turns import Session, Source, Turn

__all__ = [
    "Answering",
    "Attachment",
    "CannotAttach",
    "Chat",
    "Ended",
    "Event",
    "History",
    "MemoryHistory",
    "Part",
    "Session",
    "SessionNotFound",
    "Shown",
    "Source",
    "Thought",
    "Turn",
    "attachment_of",
    "to_markdown",
]

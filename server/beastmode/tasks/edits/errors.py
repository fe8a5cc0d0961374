"""What can go wrong between a model's answer and the disk. Each error says it twice: to the user, and to the model."""

from __future__ import annotations

from beastmode.domain.errors import BeastModeError

_MOST_SHOWN = 120
_ASK_AGAIN = "Nothing was written: ask again, or choose another model or edit format"


class CannotApply(BeastModeError):
    """An answer that cannot become a change.

    Args:
        message: names the file and the reason.
        advice: what the model should do instead, as an instruction to it.
        fix: what the user can do.
        path: the file, as far as it is known.
    """

    kind = "cannot_apply"

    def __init__(self, message: str, advice: str, fix: str = _ASK_AGAIN, *, path: str = "") -> None:
        super().__init__(message, fix)
        self.advice = advice
        self.path = path

    @property
    def for_model(self) -> str:
        """What to tell the model in the one repair round."""
        return (
            f"Your answer could not be applied, and nothing was written: {self.message}.\n{self.advice}\n"
            "Give the complete answer again, in the same format."
        )


class PathRefused(CannotApply):
    """An answer names a file that no model may write."""

    kind = "path_refused"


class StaleFile(BeastModeError):
    """A file is no longer what the change was made for; it was left alone, as was every other file of the change."""

    kind = "stale_file"

    def __init__(self, path: str, what: str = "changed on disk since the change to it was made") -> None:
        super().__init__(f"{path} {what}", "Nothing was written: ask again, so that the file is read anew")
        self.path = path


class CannotWrite(BeastModeError):
    """The system refused to write. Whatever had been written of the change was taken back."""

    kind = "cannot_write"


def shown(text: str) -> str:
    """Somebody else's text, short and harmless enough for an error message."""
    cut = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)

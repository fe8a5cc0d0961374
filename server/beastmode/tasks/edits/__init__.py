"""From a model's answer to a checked change on disk.

`FORMATS` has the words for the prompt, `read_change` makes a `Change` of the answer, `diff` and `preview` show it,
`write` makes it and `recover` finishes what a crash interrupted. `CannotApply.for_model` is for the repair round. No
model is called here, and nothing is run.
"""

from beastmode.tasks.edits.apply import Files, change_of, read_change
from beastmode.tasks.edits.change import Change, EditFormat, FileEdit, Limits
from beastmode.tasks.edits.errors import CannotApply, CannotWrite, PathRefused, StaleFile
from beastmode.tasks.edits.files import WorkspaceFiles
from beastmode.tasks.edits.formats import FORMATS
from beastmode.tasks.edits.guard import Guard
from beastmode.tasks.edits.preview import FilePreview, diff, preview
from beastmode.tasks.edits.write import recover, write

__all__ = [
    "FORMATS",
    "CannotApply",
    "CannotWrite",
    "Change",
    "EditFormat",
    "FileEdit",
    "FilePreview",
    "Files",
    "Guard",
    "Limits",
    "PathRefused",
    "StaleFile",
    "WorkspaceFiles",
    "change_of",
    "diff",
    "preview",
    "read_change",
    "recover",
    "write",
]

"""Running what was generated before it is shown: sandbox, throw-away copies, test runners, faults, coverage.

Nothing here is run without a `Permission`, which only `Consent.require` gives.
"""

from beastmode.tasks.verify.check import check_tests
from beastmode.tasks.verify.consent import Consent, Decisions, Kind, NotAllowedToRun, Permission
from beastmode.tasks.verify.copies import Copy, CopyTooLarge, Limits, copy_of
from beastmode.tasks.verify.isolation import Isolation
from beastmode.tasks.verify.runners import NoRunner, Runner, new_test_file, runner_for, runners, usual_test_file
from beastmode.tasks.verify.running import Bench, Ran, bench
from beastmode.tasks.verify.sandbox import CannotRun, Run, Sandbox
from beastmode.tasks.verify.verdict import Judged, Judgement, Target, Verdict

__all__ = [
    "Bench",
    "CannotRun",
    "Consent",
    "Copy",
    "CopyTooLarge",
    "Decisions",
    "Isolation",
    "Judged",
    "Judgement",
    "Kind",
    "Limits",
    "NoRunner",
    "NotAllowedToRun",
    "Permission",
    "Ran",
    "Run",
    "Runner",
    "Sandbox",
    "Target",
    "Verdict",
    "bench",
    "check_tests",
    "copy_of",
    "new_test_file",
    "runner_for",
    "runners",
    "usual_test_file",
]

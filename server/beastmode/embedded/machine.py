"""What this machine can give a model: instructions, cores, memory, and a place behind everything else in the queue.

Apart, because each question has one answer for each operating system and the server reads best without them.
"""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from pathlib import Path

from beastmode.domain.errors import ModelUnavailable

_PF_AVX2 = 40
"""PF_AVX2_INSTRUCTIONS_AVAILABLE of Windows' IsProcessorFeaturePresent."""
_MOST_THREADS = 8
"""Memory bandwidth, not cores, bounds generation beyond this."""
NO_AVX2 = (
    "The built-in model needs a processor with AVX2, which this one lacks",
    "Register a model of your own with `beastmode models add`",
)
"""Message and fix; also for a process that died of an illegal instruction."""


def check_processor() -> None:
    """See that the runtime's instructions exist: its x86 builds die without AVX2.

    Raises:
        ModelUnavailable: they do not.
    """
    if platform.machine().lower() in {"x86_64", "amd64"} and not _has_avx2():
        raise ModelUnavailable(*NO_AVX2)


def _has_avx2() -> bool:
    """True also where it cannot be found out: then the attempt itself will tell."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows only

        return bool(ctypes.windll.kernel32.IsProcessorFeaturePresent(_PF_AVX2))
    elif sys.platform == "darwin":  # noqa: RET505  # mypy follows platforms through branches, not past returns
        asked = ("/usr/sbin/sysctl", "-n", "hw.optional.avx2_0")
        try:
            return subprocess.run(asked, capture_output=True, check=False, timeout=5).stdout.strip() != b"0"
        except (OSError, subprocess.TimeoutExpired):
            return True
    else:
        try:
            processor = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return True
        return "flags" not in processor or " avx2" in processor


def check_memory(needed: int) -> None:
    """See that `needed` bytes are free, so that loading does not push the editor into swap.

    Raises:
        ModelUnavailable: they are not; names both figures.
    """
    import psutil  # noqa: PLC0415  # 60 ms, and only the server process asks

    available = psutil.virtual_memory().available
    if available < needed:
        raise ModelUnavailable(
            f"The built-in model needs {needed / 1e9:.1f} GB of free memory, this machine has {available / 1e9:.1f} GB",
            "Close something, set builtin.model to a smaller one, or register a model that runs elsewhere",
        )


def thread_count(wanted: int | None) -> int:
    """How many threads to compute with: what the user wants within what there is, else all but one core.

    Two stay two: on a machine that small the second core is half of the speed, and the low priority makes it yield.
    """
    logical = _logical()
    if wanted is not None:
        return max(1, min(wanted, logical))
    return max(min(2, logical), min(_MOST_THREADS, min(_physical() or logical, logical) - 1))


def _logical() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    else:  # noqa: RET505  # as above
        return os.cpu_count() or 1


def _physical() -> int | None:
    import psutil  # noqa: PLC0415  # as above

    return psutil.cpu_count(logical=False)


def step_back() -> None:
    """Give this process a low priority, and make it the first to go when memory runs out; best effort."""
    if sys.platform == "win32":
        import psutil  # noqa: PLC0415  # as above

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        with contextlib.suppress(OSError):
            os.nice(5)  # behind the editor, yet not behind every build that runs
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")

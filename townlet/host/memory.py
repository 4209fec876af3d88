"""Memory that is checked before it is taken, so that what cannot fit is refused in words and nothing is begun.

Linux grants more memory than there is and ends the process later, in the middle of its work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from townlet.errors import InputError

#: Less than this is not looked at: it would be lost among what a process takes anyway.
_SMALL = 64 * 2**20

#: What to change where worlds or a rollout of them do not fit.
FEWER = "fewer worlds or ticks (--worlds, --rollout-ticks, --ticks, or their fields in the scenario)"

_CGROUP = Path("/sys/fs/cgroup")


def available_memory() -> int:
    """Bytes that this process may still take: what the machine, its control group and its own limit leave."""
    import psutil

    left = [int(psutil.virtual_memory().available), *_left_by_cgroup(_CGROUP)]
    try:
        import resource
    except ImportError:  # Windows has no such limits.
        return min(left)
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        left.append(soft - int(psutil.Process().memory_info().vms))
    return max(0, min(left))


def require_memory(needed: int, what: str, change: str) -> None:
    """Raise InputError unless ``needed`` bytes can be had for ``what``; ``change`` says how to need less."""
    if needed >= _SMALL and needed > (available := available_memory()):
        raise _refusal(f"{_gib(available)} available", needed, what, change)


@contextlib.contextmanager
def memory_for(needed: int, what: str, change: str) -> Iterator[None]:
    """Around the taking of ``needed`` bytes: InputError as of :func:`require_memory`, also where taking them fails."""
    require_memory(needed, what, change)
    try:
        yield
    except MemoryError:
        raise _refusal("too little", needed, what, change) from None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory could not be had, by Python, NumPy, or torch, which has no type of error for it."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error) or "out of memory" in str(error)


def _refusal(found: str, needed: int, what: str, change: str) -> InputError:
    return InputError.of("memory", "", found, f"{_gib(needed)} for {what}; {change} need less")


def _gib(size: int) -> str:
    # Sizes come from options, and may be beyond any float.
    return f"{size // 2**30:,} GiB" if size >= 2**40 else f"{size / 2**30:,.1f} GiB"


def _left_by_cgroup(root: Path) -> list[int]:
    """What a container's limit leaves, of either version of control groups; empty where there is none.

    What the kernel keeps of files counts as used there, but is given up on demand.
    """
    for folder, limit, usage in (
        (root, "memory.max", "memory.current"),
        (root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            most, used = (int((folder / name).read_text(encoding="ascii")) for name in (limit, usage))
            stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        except (OSError, ValueError):
            continue
        return [most - used + int(stat.get("inactive_file", 0)) + int(stat.get("active_file", 0))]
    return []

"""Memory checks before large allocations, so that work that cannot fit is refused before it begins.

Linux grants more memory than there is, and kills the process later, in the middle of its work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from townlet.errors import InputError

#: Smaller amounts are not checked: they are negligible beside what a process uses anyway.
_SMALL = 64 * 2**20

#: Advice if worlds or rollouts do not fit.
FEWER = "fewer worlds or ticks (--worlds, --rollout-ticks, --ticks, or their fields in the scenario)"

_CGROUP = Path("/sys/fs/cgroup")


def available_memory() -> int:
    """Return the bytes that this process may still allocate under the limits of machine, control group and process."""
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
    """Raise InputError unless ``needed`` bytes are available for ``what``; ``change`` says how to need less."""
    if needed >= _SMALL and needed > (available := available_memory()):
        raise _refusal(f"{_gib(available)} available", needed, what, change)


@contextlib.contextmanager
def memory_for(needed: int, what: str, change: str) -> Iterator[None]:
    """Wrap an allocation: raise InputError like :func:`require_memory`, and also if the allocation itself fails."""
    require_memory(needed, what, change)
    try:
        yield
    except MemoryError:
        raise _refusal("too little", needed, what, change) from None


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of Python, NumPy or torch, which has no type for it, means that memory ran out."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error) or "out of memory" in str(error)


def _refusal(found: str, needed: int, what: str, change: str) -> InputError:
    return InputError.of("memory", "", found, f"{_gib(needed)} for {what}; {change} need less")


def _gib(size: int) -> str:
    # Sizes come from options and may exceed any float.
    return f"{size // 2**30:,} GiB" if size >= 2**40 else f"{size / 2**30:,.1f} GiB"


def _left_by_cgroup(root: Path) -> list[int]:
    """The bytes that a container's limit leaves, for either version of control groups; empty without a limit.

    The kernel's file cache counts as used there but is freed on demand, so it is added back.
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

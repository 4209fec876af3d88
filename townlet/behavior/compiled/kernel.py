"""The kernel that computes the network: chosen by a rule from the device and the processor's instruction set."""

from __future__ import annotations

import functools
import os
import platform
from typing import NamedTuple

import torch

from townlet.config.training import NetworkConfig
from townlet.errors import InputError, nearest_name
from townlet.host.workers import worker_threads
from townlet.world.engine.compile import COMPILED

#: The environment variable that chooses a kernel by hand.
VARIABLE = "TOWNLET_KERNEL"


class Kernel(NamedTuple):
    """A way to compute the network.

    A tile is a piece of a matrix product that stays in the processor's registers: ``rows`` rows of ``vectors`` vectors
    of ``lanes`` float32 numbers each. Every number is one chain of fused multiply-adds, so tiles of all sizes give the
    same bits.
    """

    name: str
    needs: tuple[str, ...] = ()
    """Features of the processor, as LLVM names them."""
    lanes: int = 0
    vectors: int = 0
    rows: int = 0

    @property
    def width(self) -> int:
        """Columns of a tile; matrices are stored in panels of so many columns."""
        return self.lanes * self.vectors


#: The network by torch's own operations: on an accelerator, on processors without fused multiply-adds, and wherever it
#: has a memory or layer norm.
TORCH = Kernel("torch")

_PLAIN = NetworkConfig()

#: Tiles leave registers for a row of the other matrix. AVX-512 and NEON have 32 registers, AVX2 has 16.
_TILED = (
    Kernel("avx512", ("avx512f",), lanes=16, vectors=2, rows=8),
    Kernel("avx2", ("avx2", "fma"), lanes=8, vectors=2, rows=4),
    Kernel("neon", ("neon",), lanes=4, vectors=4, rows=4),
)
KERNELS = (*_TILED, TORCH)


def usable_kernels() -> list[Kernel]:
    """The kernels that this processor can run, the widest first and torch's last."""
    tiled = [kernel for kernel in _TILED if COMPILED and all(_features().get(need) for need in kernel.needs)]
    return [*tiled, TORCH]


@functools.cache
def processor_kernel() -> Kernel:
    """The kernel of this process on the processor: that of ``$TOWNLET_KERNEL``, else the widest that it can run.

    Nothing is timed, so that the choice is the same in every process. Raises InputError for a name that is unknown, and
    for a kernel that this processor cannot run.
    """
    usable = {kernel.name: kernel for kernel in usable_kernels()}
    named = os.environ.get(VARIABLE)
    if not named:
        return next(iter(usable.values()))
    if named not in usable:
        known = any(kernel.name == named for kernel in KERNELS)
        expected = (
            f"one that this processor can run: {', '.join(usable)}" if known else nearest_name(named, list(usable))
        )
        raise InputError.of("environment", VARIABLE, repr(named), expected)
    return usable[named]


def kernel_for(device: torch.device, network: NetworkConfig) -> Kernel:
    """The kernel for such a network on this device: torch's for one with a memory or layer norm."""
    return processor_kernel() if device.type == "cpu" and network.is_plain else TORCH


def threads_for(device: torch.device, network: NetworkConfig, threads: int) -> int:
    """The number of threads for a training with such a network on this device that is to have at least ``threads``.

    Torch's results depend on how many rows it is given at once, so there it is exactly ``threads``.
    """
    return threads if kernel_for(device, network) is TORCH else worker_threads(threads)


def arithmetic(device: torch.device, network: NetworkConfig = _PLAIN) -> str:
    """What decides the last bits of such a network's results on this device, in words.

    Tiles of every width give the same bits. Torch's depend on its version and on the processor's instruction set.
    """
    if kernel_for(device, network) is not TORCH:
        return "tiles"
    return (
        f"torch {torch.__version__} {torch.backends.cpu.get_cpu_capability() if device.type == 'cpu' else device.type}"
    )


@functools.cache
def _features() -> dict[str, bool]:
    import llvmlite.binding as llvm  # type: ignore[import-untyped]

    # Every 64-bit Arm processor has NEON; LLVM cannot ask all of them what else they have.
    always = {"neon": platform.machine() in ("aarch64", "arm64")}
    try:
        return always | dict(llvm.get_host_cpu_features())
    except RuntimeError:
        return always

"""Libraries that multiply matrices, each with one thread per call: those that a trainer of this machine could use."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.metadata
import re
import sys
import tempfile
from collections.abc import Callable
from os import close, dup, dup2
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numba.extending import get_cython_function_address
from numpy.typing import NDArray

from townlet.behavior.compiled.kernel import TORCH, processor_kernel

# Untyped, because torch's stubs lack them.
_mkl: Any = torch.backends.mkl
_mkldnn: Any = torch.backends.mkldnn

Matrix = NDArray[np.float32]
#: Of one product: the two factors and the memory for the result, each contiguous or a transposed view of such.
Prepare = Callable[[Matrix, Matrix, Matrix], Callable[[], object]]


class Library(NamedTuple):
    """A way to multiply matrices."""

    name: str
    prepare: Prepare
    """Takes the factors, float32 [M, K] and [K, N], and the result [M, N], and returns the function that multiplies
    them. What a trainer does once per minibatch, such as packing weights, may be done here."""
    describe: Callable[[], str]
    """Version and instruction set, as the library itself names them."""


def libraries(device: str) -> list[Library]:
    """The libraries at hand on a device, ``cpu`` or ``cuda``."""
    if device != "cpu":
        return [Library("torch", functools.partial(_torch_on, device), lambda: str(torch.cuda.get_device_name()))]
    found = [Library("torch", _torch, _torch_library), Library("NumPy", _numpy, lambda: _openblas("numpy.libs"))]
    if _onednn_linear() is not None:
        found.append(Library("oneDNN", _onednn, _onednn_library))
    if _scipy_sgemm() is not None:
        found.append(Library("SciPy", _scipy, lambda: _openblas("scipy.libs")))
    if processor_kernel() is not TORCH:
        found.append(Library("tiles", _tiles, _tiles_of))
    return found


def _tiles(left: Matrix, right: Matrix, result: Matrix) -> Callable[[], object]:
    from townlet.bench.tiles import multiplication

    return multiplication(left, right)


def _tiles_of() -> str:
    return f"Numba {importlib.metadata.version('numba')}, {processor_kernel().name}"


def _torch(left: Matrix, right: Matrix, result: Matrix) -> Callable[[], object]:
    _limit_this_thread()
    factors = torch.from_numpy(left), torch.from_numpy(right)
    return functools.partial(torch.mm, *factors, out=torch.from_numpy(result))


def _limit_this_thread() -> None:
    """Let torch's libraries use one core in calls of this thread.

    A new thread does not inherit the main thread's number before its first parallel operation, and a matrix product is
    none: MKL and oneDNN would use all cores.
    """
    torch.set_num_threads(1)


def _torch_on(device: str, left: Matrix, right: Matrix, result: Matrix) -> Callable[[], object]:
    a, b, out = (torch.from_numpy(matrix).to(device) for matrix in (left, right, result))

    def multiply() -> None:
        # Without many in a row, waiting for the device would take longer than the products.
        for _ in range(CALLS_ON_DEVICE):
            torch.mm(a, b, out=out)
        torch.cuda.synchronize()

    return multiply


#: Products per call of a function that :func:`libraries` prepares for another device than the processor.
CALLS_ON_DEVICE = 64


def _numpy(left: Matrix, right: Matrix, result: Matrix) -> Callable[[], object]:
    _limit_openblas("numpy.libs")
    return functools.partial(np.matmul, left, right, out=result)


def _onednn(left: Matrix, right: Matrix, result: Matrix) -> Callable[[], object]:
    _limit_this_thread()
    # It has no `out`, and takes weights as [outputs, inputs].
    factors = torch.from_numpy(left), torch.from_numpy(right).t()
    linear = _onednn_linear()
    assert linear is not None
    return functools.partial(linear, *factors, None, "none", [], "")


def _onednn_linear() -> Callable[..., torch.Tensor] | None:
    """oneDNN's linear layer; it is not part of torch's public interface, so it may be missing."""
    if not _mkldnn.is_available():
        return None
    return getattr(torch.ops.mkldnn, "_linear_pointwise", None)


def _scipy(left: Matrix, right: Matrix, result: Matrix) -> Callable[[], object]:
    _limit_openblas("scipy.libs")
    # BLAS stores matrices by columns. In its eyes, ours are transposed, and the product is that of the transposed ones
    # in the other order.
    if result.strides[1] != result.itemsize:
        left, right, result = right.T, left.T, result.T
    (rows, depth), columns = left.shape, right.shape[1]
    one, zero = ctypes.c_float(1.0), ctypes.c_float(0.0)
    numbers = [ctypes.c_int(number) for number in (columns, rows, depth)]
    arguments: list[Any] = [*(_flag(matrix) for matrix in (right, left)), *map(ctypes.byref, numbers)]
    arguments += [ctypes.byref(one), *_place(right), *_place(left), ctypes.byref(zero), *_place(result)]
    multiply = _scipy_sgemm()
    assert multiply is not None
    return functools.partial(multiply, *arguments)


def _flag(matrix: Matrix) -> ctypes.c_char_p:
    return ctypes.c_char_p(b"N" if matrix.strides[1] == matrix.itemsize else b"T")


def _place(matrix: Matrix) -> tuple[Any, Any]:
    """Address and leading dimension."""
    return matrix.ctypes.data_as(ctypes.c_void_p), ctypes.byref(ctypes.c_int(max(matrix.strides) // matrix.itemsize))


@functools.cache
def _scipy_sgemm() -> Callable[..., None] | None:
    """BLAS's SGEMM as SciPy offers it to compiled code; a call lets other threads run."""
    try:
        address = get_cython_function_address("scipy.linalg.cython_blas", "sgemm")
    except (ImportError, ValueError):
        return None
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(address)


def _torch_library() -> str:
    if not _mkl.is_available():
        built_with = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
        return built_with[1] if built_with else "BLAS"
    told = _told(_mkl.verbose(_mkl.VERBOSE_ON), lambda: torch.mm(*torch.ones(2, 16, 16)))
    found = re.search(r"(oneMKL [\d.]+).*? for Intel\(R\) 64 architecture (.*?),", told)
    return ", ".join(found.groups()) if found else "oneMKL"


def _onednn_library() -> str:
    matrix = torch.ones(16, 16)
    verbose = _mkldnn.verbose(_mkldnn.VERBOSE_ON)
    told = _told(verbose, _onednn(*[matrix.numpy()] * 3))
    version, instructions = re.search(r"oneDNN v([\d.]+)", told), re.search(r"isa:(.*)", told)
    return ", ".join(["oneDNN" + (f" {version[1]}" if version else ""), *([instructions[1]] if instructions else [])])


def _openblas(folder: str) -> str:
    """Version and kernels of the OpenBLAS in a package's folder of libraries."""
    told = [_openblas_function(folder, f"get_{what}") for what in ("config", "corename")]
    if None in told:
        return "BLAS"
    for function in told:
        assert function is not None
        function.restype = ctypes.c_char_p
    config, core = (function().decode() for function in told if function is not None)
    return f"{config.split('  ')[0].split(' DYNAMIC')[0]}, {core}"


@functools.cache
def _limit_openblas(folder: str) -> None:
    """Let the OpenBLAS in a package's folder use one core per call, in this whole process."""
    limit = _openblas_function(folder, "set_num_threads")
    if limit is not None:
        limit(1)


def _openblas_function(folder: str, name: str) -> Any:
    """A function of the OpenBLAS in a package's folder of libraries; None if there is none."""
    for file in sorted(Path(np.__file__).parents[1].glob(f"{folder}/*openblas*")):
        library = ctypes.CDLL(str(file))
        for suffix in ("64_", ""):
            with contextlib.suppress(AttributeError):
                return getattr(library, f"scipy_openblas_{name}{suffix}")
    return None


def _told(setting: contextlib.AbstractContextManager[Any], call: Callable[[], object]) -> str:
    """What a library writes to standard output, below Python, during a call under a setting."""
    sys.stdout.flush()
    kept = dup(1)
    with tempfile.TemporaryFile() as file:
        dup2(file.fileno(), 1)
        try:
            with setting:
                call()
        finally:
            ctypes.CDLL(None).fflush(None)
            dup2(kept, 1)
            close(kept)
        file.seek(0)
        return file.read().decode(errors="replace")

"""Libraries of compiled code: those of rules keep unfinished code, and that of an entry finishes all rules it needs.

Numba finishes every function by itself: it links a copy of all that the function calls, optimizes that twice and
translates it to machine code. A rule deep in a town's step was so finished again in each of its callers, theirs
and so on. Here only an entry is finished: once, with all its rules, as one program that nothing else calls into.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import binding  # type: ignore[import-untyped]
from numba.core import cgutils
from numba.core.codegen import JITCodeLibrary

# Untyped, because Numba's stubs lack them.
_normalized: Any = cgutils.normalize_ir_text


class _Library(JITCodeLibrary):
    """A library that takes code as it is; Numba optimizes each function as it comes."""

    def add_ir_module(self, ir_module: Any) -> None:
        """Add a function's code."""
        parsed = binding.parse_assembly(_normalized(str(ir_module)))
        parsed.name = ir_module.name
        parsed.data_layout = self._codegen._data_layout
        self._final_module.link_in(parsed)

    def _parts(self) -> Iterator[Any]:
        """This library and all libraries it links, those they link included, each once."""
        seen: set[int] = set()
        waiting: list[Any] = [self]
        while waiting:
            library = waiting.pop()
            if id(library) not in seen:
                seen.add(id(library))
                yield library
                if isinstance(library, RuleLibrary) or library is self:
                    waiting.extend(library._linking_libraries)


class RuleLibrary(_Library):
    """The code of a rule, without that of the rules it calls, not optimized."""

    def finalize(self) -> None:
        """Nothing is to be done before an entry needs the rule."""
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """The code for a caller that was not compiled as a rule or an entry."""
        whole = self._final_module.clone()
        for part in self._parts():
            if part is not self:
                code = part._final_module if isinstance(part, RuleLibrary) else part._get_module_for_linking()
                whole.link_in(code, preserve=True)
        for function in whole.functions:
            if not function.is_declaration and function.linkage == binding.Linkage.external:
                function.linkage = "linkonce_odr"
        return whole


class EntryLibrary(_Library):
    """The code of an entry with all its rules."""

    def finalize(self) -> None:
        """Link all rules, optimize everything once and translate it to machine code."""
        self._offered = {function.name for function in self._final_module.functions if not function.is_declaration}
        libraries = [library for library in self._parts() if library is not self]
        for library in libraries:
            if isinstance(library, RuleLibrary):
                self._reload_init.update(library._reload_init)
                self._final_module.link_in(library._final_module, preserve=True)
        self._linking_libraries = [library for library in libraries if not isinstance(library, RuleLibrary)]
        finish: Any = super().finalize
        finish()

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.name not in self._offered:
                # So that the optimizer knows all calls, and omits what none of them needs.
                function.linkage = "internal"
        codegen: Any = self._codegen
        passes, builder = codegen._module_pass_manager()
        passes.run(self._final_module, builder)

"""Comparison of runs in the same unseen worlds: studies of several seeds, single trainings, and shipped policies."""

from townlet.study.comparison.compare import compare
from townlet.study.comparison.report import comparison_text, write_comparison

__all__ = ["compare", "comparison_text", "write_comparison"]

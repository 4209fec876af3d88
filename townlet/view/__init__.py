"""Plots and pages: learning curves, charts of captures, the playback, and HTML reports.

Matplotlib is imported only when a plot is drawn.
"""

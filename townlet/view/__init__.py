"""Plots and pages for people: learning curves, what happened in a capture, and the HTML report.

Matplotlib is loaded only when something is drawn.
"""

"""The Dagster instance of a project: where it lies, how it is configured and opened, and the servers beside its
UI.
"""

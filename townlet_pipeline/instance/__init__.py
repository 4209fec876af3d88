"""The project's Dagster instance: where it lies, how it is configured and opened, and the servers of its pages."""

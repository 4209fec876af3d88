"""The column of a scenario: the assets from its capture to its evaluation, with their checks, sensors and jobs."""

"""Studies of a scenario, as assets: many trainings that answer one question."""

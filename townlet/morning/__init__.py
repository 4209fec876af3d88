"""Morning overview: the last night of every scenario, why, what to do next, and the nights before it."""

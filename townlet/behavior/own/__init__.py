"""Behaviours that are made outside Townlet: from a function, by a factory in a user's module, or from a file."""

from townlet.behavior.own.functions import ActionsBehavior, LogitsBehavior, from_actions, from_logits

__all__ = ["ActionsBehavior", "LogitsBehavior", "from_actions", "from_logits"]

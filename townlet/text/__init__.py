"""Texts of users, shown as they were typed: in a terminal and in Markdown."""

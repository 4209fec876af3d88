"""Text from users, shown as typed: in a terminal and in Markdown."""

"""Updates of a network on a processor, compiled."""

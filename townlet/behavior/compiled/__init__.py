"""The network's passes on a processor: compiled, in tiles as wide as its vectors, with the same bits on every one."""

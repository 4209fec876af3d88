"""How rules run: compiling, random draws, compiler intrinsics, and the stack machine of preconditions."""

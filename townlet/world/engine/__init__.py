"""The engine that runs the rules: compiler, random draws, intrinsics, and the stack machine of preconditions."""

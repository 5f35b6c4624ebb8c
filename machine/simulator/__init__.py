"""Running programs: state, the plain interpreter, the engine that translates to numpy, and
`native`, the one in C."""

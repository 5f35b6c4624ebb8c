"""Running programs: state, the plain interpreter, and the engine that translates first."""

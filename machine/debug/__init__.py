"""Watching a program run: traces, breakpoints, profiles, a sanitizer, the emulator's own files."""

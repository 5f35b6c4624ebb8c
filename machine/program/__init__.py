"""Programs as text, words and files: assembler, disassembler, loop nests, source maps."""

"""The PLENA machine: parameters, instruction table, assembler, simulator. No IR here."""

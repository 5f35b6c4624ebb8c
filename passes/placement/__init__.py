"""When and where tiles live: rows done together, live ranges, addresses in SRAM."""

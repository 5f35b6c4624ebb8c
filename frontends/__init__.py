"""Ways in: builders and model configurations."""

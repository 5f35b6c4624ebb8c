"""Ways in: MLIR text with locations, pipelines as text, the builder, model configurations, ONNX."""

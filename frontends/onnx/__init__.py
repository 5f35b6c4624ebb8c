"""ONNX models to `fa.attention`: `importer` reads a model, one file for each kind of node."""

"""The temporal network, its losses and its ONNX export: submodules that need torch."""

"""What is compiled for TorchScript: modules of plain tensors, read by a compiler of its own."""

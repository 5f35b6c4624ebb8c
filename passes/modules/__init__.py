"""Modules of more than a kernel: host code beside kernels, attention found in other programs."""

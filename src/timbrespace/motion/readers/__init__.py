"""Readers of motion, one layout of file each; which one is meant is seen from the content."""

"""Building blocks shared by transforms and models."""

"""The ground floor: parts, shapes, batches, files, errors, energy. Knows nothing of sound or models."""

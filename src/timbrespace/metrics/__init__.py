"""Pure functions that judge: reconstruction, spectra, divergences."""

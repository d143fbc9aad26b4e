"""Models side by side on the same sounds: what they rebuild, and where hands and other paths lead in them."""

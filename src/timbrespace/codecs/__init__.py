"""Models that turn sound into latents and back."""

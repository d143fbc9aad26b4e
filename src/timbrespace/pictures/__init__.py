"""Pictures of sounds and latents, as RGB arrays or PNG bytes; no global state, no window."""

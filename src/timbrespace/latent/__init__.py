"""What is done with latents: paths, maps, spaces."""

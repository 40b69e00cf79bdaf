"""What the book measures and shows with: `vae_tf` itself needs none of it."""

"""What keeps the program safe: input checks, downloads, checkpoints, quiet."""

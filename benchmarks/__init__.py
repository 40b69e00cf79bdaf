"""Speed beside the neighbours, and quality for time: `make bench`."""

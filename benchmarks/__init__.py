"""Speed and likelihood beside other programs: `make bench` and CONTRIBUTING."""

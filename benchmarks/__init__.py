"""Speed and likelihood beside other programs; CONTRIBUTING.md says how."""

"""The parts of the command line: what its commands take, and what they show while they work."""

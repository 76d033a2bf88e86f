"""The measurements that the README reports: one command for each, its results in `results/`."""

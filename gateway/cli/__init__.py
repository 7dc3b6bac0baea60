"""The command line: one module per room; exit codes live here and nowhere else."""

"""What a document is made of, and how it is rebuilt from what a plan names and from nothing else."""

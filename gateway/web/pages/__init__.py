"""The review desk: pages over the same services as the interface, which work without a script."""

"""The words of the interface as pydantic models, each with an example."""

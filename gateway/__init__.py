"""The one door through which compelled disclosures leave a company."""

__version__ = "0.1.0"

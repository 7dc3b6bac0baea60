"""The one door through which compelled disclosures leave a company."""

import os

__version__ = "0.1.0"

# Polars writes tables to disk in clear once memory runs short, unless it never thinks that it does.
os.environ |= {"POLARS_OOC_MEMORY_BUDGET_FRACTION": "1000000", "POLARS_OOC_SPILL_DIR": os.devnull}
os.environ.pop("POLARS_OOC_MEMORY_BUDGET_MB", None)

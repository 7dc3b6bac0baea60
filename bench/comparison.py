"""What other redactors leave of the secrets that the corpus plants: `python -m bench.comparison [--seed N]`.

Every tool gets the same files, and those that take words get every secret verbatim, which nobody has who really
redacts. They run in virtual environments that are thrown away; what cannot be installed is named with the reason and
skipped. Of each file those secrets count that stand in its bytes, not those that only pixels show. The search is the
corpus's own.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.corpus import search
from tests.corpus.formats import LABELS, planted
from tests.corpus.places import Specimen
from tests.corpus.product import rendered, walls

INSTALL_S, RUN_S = 600, 120
UNWRITTEN = re.compile(r"name of the file|words .*")
TEXTS = ("csv", "tsv", "json", "xml", "txt")
MEDIA = {"pdf": "application/pdf"}

# Each is called with the file, where the result belongs, and a JSON list of all secrets.
PYMUPDF = """
import json, sys
import pymupdf
document = pymupdf.open(sys.argv[1])
for page in document:
    for secret in json.load(open(sys.argv[3])):
        for place in page.search_for(secret):
            page.add_redact_annot(place, fill=(0, 0, 0))
    page.apply_redactions()
{more}
document.save(sys.argv[2], garbage=4, deflate=True, clean=True)
"""
PRESIDIO = """
import json, sys, tempfile
import spacy
from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_anonymizer import AnonymizerEngine
model = tempfile.mkdtemp()
spacy.blank("en").to_disk(model)
names = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
engine = NlpEngineProvider(nlp_configuration=names).create_engine()
registry = RecognizerRegistry()
registry.load_predefined_recognizers()
registry.add_recognizer(PatternRecognizer("SECRET", deny_list=json.load(open(sys.argv[3]))))
data = open(sys.argv[1], "rb").read()
text = data.decode("utf-16" if data[:2] == b"\\xff\\xfe" else "utf-8")
found = AnalyzerEngine(registry=registry, nlp_engine=engine).analyze(text, language="en")
open(sys.argv[2], "w", encoding="utf-8", newline="").write(AnonymizerEngine().anonymize(text, found).text)
"""
OPENMED_CELLS = """
import json, re, sys
from openmed.multimodal.xlsx import redact_xlsx
secrets = re.compile("|".join(map(re.escape, json.load(open(sys.argv[3])))))
redact_xlsx(sys.argv[1], sys.argv[2], cell_deidentifier=lambda text: secrets.sub("[SECRET]", text))
"""
OPENMED_METADATA = """
import sys
from openmed.multimodal.metadata_scrub import scrub_metadata
scrub_metadata(sys.argv[1], output_path=sys.argv[2], verify=False)
"""


@dataclass(frozen=True)
class Tool:
    """A redactor: what to install and run for which formats; without a script it is a command of the system."""

    name: str
    labels: tuple[str, ...]
    packages: tuple[str, ...] = ()
    script: str = ""


TOOLS = (
    Tool("mat2", ("xlsx", "ods", "jpeg", "png", "heic", "webp", "tiff", "bmp", "gif", "pdf", "txt")),
    Tool("PyMuPDF, redaction", ("pdf",), ("pymupdf",), PYMUPDF.format(more="")),
    Tool("PyMuPDF, redaction and scrub", ("pdf",), ("pymupdf",), PYMUPDF.format(more="document.scrub()")),
    Tool("presidio, deny list", TEXTS, ("presidio-analyzer", "presidio-anonymizer"), PRESIDIO),
    Tool("openmed, cells", ("xlsx",), ("openmed", "openpyxl"), OPENMED_CELLS),
    Tool("openmed, metadata", ("jpeg", "png", "pdf"), ("openmed", "pillow", "pikepdf", "pypdf"), OPENMED_METADATA),
)


def main() -> None:
    """Plant, redact with everything there is, search, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    seed = options.parse_args().seed
    specimens = {label: planted(label, seed, walls()) for label in LABELS}
    table = {"gateway": {label: _by_gateway(one, seed) for label, one in specimens.items()}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for tool in TOOLS:
            print(f"{tool.name} …", file=sys.stderr, flush=True)
            command = _command(tool, folder)
            if isinstance(command, str):
                print(f"{tool.name}: skipped, {command}")
                continue
            table[tool.name] = {label: _by_tool(command, specimens[label], folder) for label in tool.labels}
    walls().close()
    print(f"\nseed {seed}\n\n| format | secrets | {' | '.join(table)} |\n|---|---:|{'---:|' * len(table)}")
    for label, one in specimens.items():
        cells = (row.get(label, "–") for row in table.values())
        print(f"| {label} | {len(_counted(one))} | {' | '.join(cells)} |")


def _counted(one: Specimen) -> Mapping[str, str]:
    return {place: secret for place, secret in one.secrets.items() if not UNWRITTEN.fullmatch(place)}


def _by_gateway(one: Specimen, seed: int) -> str:
    made = rendered(one.original, seed=seed).rebuilt
    return "refused" if made is None else str(len(search.survivors(made.data, _counted(one), made.media_type)))


def _by_tool(command: list[str], one: Specimen, folder: Path) -> str:
    """How many secrets are left, or that the tool would not."""
    label = one.label
    shutil.rmtree(folder / "work", ignore_errors=True)
    (folder / "work").mkdir()
    source, target, words = (folder / "work" / name for name in (f"in.{label}", f"out.{label}", "secrets.json"))
    source.write_bytes(one.original.data)
    words.write_text(json.dumps(list(one.secrets.values())), "utf-8")
    places = {"{source}": str(source), "{target}": str(target), "{words}": str(words)}
    filled = [places.get(part, part) for part in command]
    try:
        done = subprocess.run(filled, check=False, capture_output=True, text=True, timeout=RUN_S)
    except subprocess.TimeoutExpired:
        return "no answer"
    cleaned = source.with_name(f"in.cleaned.{label}")
    result = next((path for path in (target, cleaned) if path.exists()), None)
    if result is None:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        print(f"  {label}: refused, {''.join(last)[:160]}", file=sys.stderr)
        return "refused"
    return str(len(search.survivors(result.read_bytes(), _counted(one), MEDIA.get(label))))


def _command(tool: Tool, folder: Path) -> list[str] | str:
    """How to call it, or why it cannot be."""
    if not tool.script:
        return (
            [tool.name, "{source}"]
            if shutil.which(tool.name)
            else f"{tool.name} is not installed (Debian: {tool.name})"
        )
    place = folder / "-".join(tool.packages)
    try:
        if not place.exists():
            subprocess.run(
                [sys.executable, "-m", "venv", str(place)], check=True, capture_output=True, timeout=INSTALL_S
            )
            install = [str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *tool.packages]
            subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return f"{' and '.join(tool.packages)} cannot be installed here"
    script = place / f"{tool.name.replace(', ', '-')}.py"
    script.write_text(tool.script, "utf-8")
    return [str(place / "bin" / "python"), str(script), "{source}", "{target}", "{words}"]


if __name__ == "__main__":
    main()

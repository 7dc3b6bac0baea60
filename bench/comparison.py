"""What other redactors leave of the secrets that the corpus plants: `python -m bench.comparison [--seed N]`.

Every tool gets the same files, and those that take words get every secret verbatim, which nobody has who really
redacts. They run in virtual environments that are thrown away; what cannot be installed is named with the reason and
skipped. No model is fetched. Of each file those secrets count that stand in its bytes, not those that only pixels show.
The search is the corpus's own.
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

INSTALL_S, RUN_S = 600, 300
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
# Every way that openmed has to take a file of its own formats, with the secrets where a model would stand.
OPENMED = """
import json, re, sys
from pathlib import Path
source, target, words = sys.argv[1:]
secrets = re.compile("|".join(map(re.escape, json.load(open(words)))))
extension = Path(source).suffix

def without(text, *_args, **_options):
    return secrets.sub("[SECRET]", text)

def spans(text):
    return [{"start": one.start(), "end": one.end(), "replacement": "[SECRET]"} for one in secrets.finditer(text)]

if extension == ".xlsx":
    from openmed.multimodal.xlsx import redact_xlsx
    redact_xlsx(source, target, cell_deidentifier=without)
elif extension in {".csv", ".tsv"}:
    from openmed.multimodal.tabular_csv import redact_table
    Path(target).write_text(redact_table(source, text_redactor=without).text, "utf-8")
elif extension == ".txt":
    from openmed.multimodal.documents_text import extract_text, write_redacted_text
    found = [tuple(one.values()) for one in spans(extract_text(source).text)]
    write_redacted_text(source, target, found, preserve_columns=False)
elif extension == ".docx":
    from openmed.multimodal.documents_docx import extract_docx, write_redacted_docx
    from openmed.multimodal.metadata_scrub import scrub_metadata
    write_redacted_docx(source, target, spans(extract_docx(source).text))
    scrub_metadata(target, verify=False)
elif extension == ".eml":
    from openmed.multimodal.email import redact_email
    redact_email(source, target, models={"text_redactor": without})
elif extension == ".pdf":
    import pdfplumber
    from openmed.multimodal.render_pdf import write_redacted_pdf
    with pdfplumber.open(source) as document:
        places = [
            (page.page_number - 1, tuple(word[side] for side in ("x0", "top", "x1", "bottom")))
            for page in document.pages
            for word in page.within_bbox(page.bbox).extract_words()
            if secrets.search(word["text"])
        ]
    write_redacted_pdf(source, target, places)
else:
    from openmed.multimodal.metadata_scrub import scrub_metadata
    scrub_metadata(source, output_path=target, verify=False)
"""


@dataclass(frozen=True)
class Tool:
    """A redactor: what to install and run for which formats; without a script it is a command of the system."""

    name: str
    labels: tuple[str, ...]
    packages: tuple[str, ...] = ()
    script: str = ""


MAT2 = ("xlsx", "ods", "jpeg", "png", "heic", "tiff", "gif", "pdf", "docx", "svg", "mp4", "txt")
OPENMED_TAKES = ("csv", "tsv", "xlsx", "jpeg", "png", "webp", "tiff", "pdf", "docx", "eml", "txt")
# Without the models and recognition of letters that the extra `multimodal` brings; nothing of that is asked for.
OPENMED_NEEDS = (
    "openmed",
    "openpyxl",
    "pillow",
    "pikepdf",
    "pypdf",
    "pdfplumber",
    "python-docx",
    "piexif",
    "pypdfium2",
)
TOOLS = (
    Tool("mat2", MAT2),
    Tool("PyMuPDF, redaction", ("pdf",), ("pymupdf",), PYMUPDF.format(more="")),
    Tool("PyMuPDF, redaction and scrub", ("pdf",), ("pymupdf",), PYMUPDF.format(more="document.scrub()")),
    Tool("presidio, deny list", TEXTS, ("presidio-analyzer", "presidio-anonymizer"), PRESIDIO),
    Tool("openmed", OPENMED_TAKES, OPENMED_NEEDS, OPENMED),
)


def main() -> None:
    """Plant, redact with everything there is, search, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options.add_argument("--environments", type=Path, help="a folder that keeps them for the next run")
    asked = options.parse_args()
    specimens = {label: planted(label, asked.seed, walls()) for label in LABELS}
    table = {"gateway": {label: _by_gateway(one, asked.seed) for label, one in specimens.items()}}
    walls().close()
    with tempfile.TemporaryDirectory() as name:
        for tool in TOOLS:
            print(f"{tool.name} …", file=sys.stderr, flush=True)
            command = _command(tool, (asked.environments or Path(name)).absolute())
            if isinstance(command, str):
                print(f"{tool.name}: skipped, {command}")
                continue
            table[f"{tool.name} ({_version(tool, command)})"] = {
                label: _by_tool(command, one, Path(name))
                for label, one in specimens.items()
                if _extension(label) in tool.labels
            }
    print(f"\nseed {asked.seed}\n\n| file | secrets | {' | '.join(table)} |\n|---|---:|{'---:|' * len(table)}")
    for label, one in specimens.items():
        cells = (row.get(label, "–") for row in table.values())
        print(f"| {label} | {len(_counted(one))} | {' | '.join(cells)} |")


def _extension(label: str) -> str:
    """Of a file that leaves in several forms the same."""
    return label.partition(",")[0]


def _counted(one: Specimen) -> Mapping[str, str]:
    return {place: secret for place, secret in one.secrets.items() if not UNWRITTEN.fullmatch(place)}


def _by_gateway(one: Specimen, seed: int) -> str:
    made = rendered(one.original, seed=seed, output=one.output).rebuilt
    return "refused" if made is None else str(len(search.survivors(made.data, _counted(one), made.media_type)))


def _by_tool(command: list[str], one: Specimen, folder: Path) -> str:
    """How many secrets are left, or that the tool would not."""
    label = _extension(one.label)
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
        print(f"  {label}: refused, {''.join(last)[:160]}", file=sys.stderr, flush=True)
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
    script = place / f"run-{tool.name.replace(', ', '-')}.py"
    script.write_text(tool.script, "utf-8")
    return [str(place / "bin" / "python"), str(script), "{source}", "{target}", "{words}"]


def _version(tool: Tool, command: list[str]) -> str:
    asked = [command[0], "--version"]
    if tool.packages:
        asked = [command[0], "-c", f"import importlib.metadata as m; print(m.version({tool.packages[0]!r}))"]
    done = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=RUN_S)
    return done.stdout.split()[-1] if done.stdout.split() else "unknown"


if __name__ == "__main__":
    main()

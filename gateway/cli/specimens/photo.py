"""A photo of a workshop with everything in it that must not leave, and metadata that says too much."""

from __future__ import annotations

import io
import random
import struct
from dataclasses import dataclass

from gateway.cli.specimens.exif import Camera, exif_block
from gateway.cli.specimens.scene import REGIONS, workshop

_XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">
<dc:creator><rdf:Seq><rdf:li>{creator}</rdf:li></rdf:Seq></dc:creator>
<photoshop:Instructions>{instructions}</photoshop:Instructions>
<dc:subject><rdf:Bag><rdf:li>{subject}</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True, slots=True)
class SpecimenPhoto:
    """The photo's bytes, the planted texts, and what a reviewer would draw."""

    data: bytes
    withheld: tuple[str, ...]
    regions: tuple[tuple[str, tuple[int, int, int, int]], ...]


def production_photo(seed: int) -> SpecimenPhoto:
    """A JPEG of 1800 × 1200 pixels, encoded as a camera would, with EXIF, GPS, XMP, comment and thumbnail."""
    chance = random.Random(f"photo/{seed}")  # noqa: S311 specimens are drawn to be the same again
    scene = workshop(seed)
    camera = Camera(
        make="Lichtwerk",
        model="LW-740 Industrie",
        serial=f"LW740-{chance.randint(10**7, 10**8 - 1)}",
        owner="Korbinian Brandlhuber",
        copyright="Rheintal Motion GmbH, Werk Halle 3",
        description="Linie 2, Rotor Volta-X9 vor Abnahme",
        software="LichtwerkSync 4.1 auf PC-FERTIGUNG-07",
        taken_at="2025:09:18 06:42:11",
        latitude=(47, 41, chance.randint(1000, 5900)),
        longitude=(9, 11, chance.randint(1000, 5900)),
    )
    xmp = {
        "creator": "brandlhuber.k@rheintal-motion.example",
        "instructions": "Nur intern: Klebespalt 0,085 mm sichtbar",
        "subject": "Prozessparameter Magnetisierung 3.42 T",
    }
    comment = "Auftrag SO-2025041881, Freigabe durch Oberhauser offen"
    small = scene.resize((240, 160))
    thumbnail = io.BytesIO()
    small.save(thumbnail, "JPEG", quality=70)
    picture = io.BytesIO()
    scene.save(picture, "JPEG", quality=88)
    data = _with_segments(
        picture.getvalue(),
        (0xE1, exif_block(camera, thumbnail.getvalue())),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + _XMP.format(**xmp).encode("utf-8")),
        (0xFE, comment.encode("utf-8")),
    )
    withheld = (
        camera.serial, camera.owner, camera.copyright, camera.description, camera.software, camera.taken_at,
        *xmp.values(), comment,
    )  # fmt: skip
    return SpecimenPhoto(data=data, withheld=withheld, regions=REGIONS)


def _with_segments(jpeg: bytes, *segments: tuple[int, bytes]) -> bytes:
    """`jpeg` with further segments right after its start."""
    put = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    return jpeg[:2] + put + jpeg[2:]

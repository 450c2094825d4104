"""Find out whether a page was decoded as a whole, where its decoder does not say so."""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
import pypdfium2.raw as pdfium

# What libtiff and libjpeg print and Pillow does not see, such as "Fax4Decode: Bad code
# word at line 139 of strip 1 (x 0)."
_COMPLAINT: Final = re.compile(
    rb"^(?:_?(?:TIFF|Fax|LZW|ZIP|JPEG|OJPEG|PackBits|LZMA|ZSTD|WebP|PixarLog|LogLuv)\w*:"
    rb"|Corrupt |Inconsistent |Invalid |Premature |Unknown |Warning:).*",
    re.MULTILINE,
)

# Nothing is lost by these: bytes too many, as some cameras write them, and odd headers.
_HARMLESS: Final = (b"extraneous bytes", b"Invalid SOS", b"Adobe", b"JFIF")

# There is one stderr for all threads.
_listening = threading.Lock()

# JPEG and JPEG 2000 end with this marker, and hold it nowhere else in what they code
# (ITU-T T.81, table B.1; T.800, table A.2). Behind it a writer may pad.
_END: Final = b"\xff\xd9"
_PADDING: Final = 1024

# Forms in forms of a PDF page that are looked through for its images.
_DEPTH: Final = 3


def find_png_damage(path: Path) -> str:
    """Return which checksum of a PNG file is wrong.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    damage : str
        In words; empty if all are right.
    """
    try:
        with PIL.Image.open(path, formats=("PNG",)) as image:
            image.verify()
    except MemoryError:
        raise
    except Exception:  # SyntaxError, and whatever else a decoder raises
        return "a checksum of the PNG file is wrong"
    return ""


def find_jpeg_damage(path: Path) -> str:
    """Return where the code of a JPEG file cannot be right.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    damage : str
        In words; empty if nothing is found. About half of all single wrong bits make
        another picture of which nobody can say that it is wrong.
    """
    code = np.fromfile(path, np.uint8)
    with listen_to_decoder() as complaints:
        # The smallest picture costs least; the whole code is read for it too.
        cv2.imdecode(code, cv2.IMREAD_REDUCED_GRAYSCALE_8)
    return "; ".join(complaints[:1])


@contextmanager
def listen_to_decoder() -> Iterator[list[str]]:
    """Collect what libtiff or libjpeg has to say of a page while it decodes it.

    Yields
    ------
    complaints : list of str
        Filled when the block ends: a line for each place that could not be decoded.
        What anything else wrote to stderr meanwhile gets there then.
    """
    complaints: list[str] = []
    with _listening:
        yield from _listen(complaints)


def _listen(complaints: list[str]) -> Iterator[list[str]]:
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as heard:
            os.dup2(heard.fileno(), 2)
            try:
                yield complaints
            finally:
                os.dup2(kept, 2)
            heard.seek(0)
            text = heard.read()
    finally:
        os.close(kept)
    complaints += [
        line.decode(errors="replace")
        for line in _COMPLAINT.findall(text)
        if not any(word in line for word in _HARMLESS)
    ]
    if others := _COMPLAINT.sub(b"", text).strip():
        os.write(2, others + b"\n")


def find_pdf_damage(page: Any) -> str:
    """Return which image on a page of a PDF ends before its end.

    Parameters
    ----------
    page : pypdfium2.PdfPage
        The page.

    Returns
    -------
    damage : str
        In words; empty if none does, as far as JPEG and JPEG 2000 go. Damage in other
        images is not found: PDFium draws what it can and says nothing.
    """
    images = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_DEPTH)
    for image in images:
        coded = image.get_filters(skip_simple=True)
        if coded == ["JPXDecode"] and _END not in bytes(image.get_data()):
            return "a JPEG 2000 image is truncated"
        if coded == ["DCTDecode"] and _END not in bytes(image.get_data())[-_PADDING:]:
            return "a JPEG image is truncated"
    return ""

import io

from pypdf import PdfReader, PdfWriter

TAGGED = "/StructParents"


def join(stored: bytes, sheet: bytes) -> bytes:
    """The stored file, byte for byte, and behind it the pages of the sheet, as an incremental update has them (ISO
    32000-1, 7.5.6)."""
    writer = PdfWriter(io.BytesIO(stored), incremental=True)
    for page in PdfReader(io.BytesIO(sheet)).pages:
        page.pop(TAGGED, None)  # would lead into the structure of the stored pages
        writer.add_page(page)
    joined = io.BytesIO()
    writer.write(joined)
    return joined.getvalue()

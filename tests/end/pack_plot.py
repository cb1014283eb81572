"""What pack_plot.sh has made: sizes of the pictures, lead names, well-formed pages."""
import os
import re
import struct
import sys
import xml.etree.ElementTree as tree

folder = sys.argv[1]
SVG = "{http://www.w3.org/2000/svg}"
LEADS = "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6".split()


def read(name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def size_of_png(name):
    """Width and height of the IHDR chunk (PNG specification, 11.2.2)."""
    content = read(name)
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR", name
    assert content[-8:-4] == b"IEND", name
    return struct.unpack(">II", content[16:24])


# 297 mm wide. 3x4: head 22, four rows of 40, 5 above and below, foot 9; stacked: twelve rows of 25.
assert size_of_png("raw.png") == (297 * 8, 201 * 8), size_of_png("raw.png")
assert size_of_png("packed.png") == (297 * 8, 341 * 8), size_of_png("packed.png")
for name, height in (("raw.svg", 201), ("packed.svg", 341), ("late.svg", 201), ("grid.svg", 201)):
    root = tree.fromstring(read(name))
    assert root.get("width") == "297mm" and root.get("height") == "%dmm" % height, (name, root.attrib)
    texts = [text.text for text in root.iter(SVG + "text")]
    assert all(lead in texts for lead in LEADS), (name, texts)
    assert texts.count("II") == (2 if height == 201 else 1), (name, texts)
    assert any("25 mm/s" in text and "10 mm/mV" in text for text in texts), (name, texts)
    # A second is 25 mm: the longest trace, the strip of 10 s (6 s from second 4 on), spans 250 mm (150 mm).
    widths = []
    for path in root.iter(SVG + "path"):
        points = [float(x) for x in re.findall(r"[ML] ([-0-9.]+) [-0-9.]+", path.get("d", ""))]
        if len(points) > 500 and path.get("d").count("M") == 1:  # one line, not the grid
            widths.append(max(points) - min(points))
    want = 150 if name == "late.svg" else 250
    assert abs(max(widths) - want) < 0.2, (name, max(widths))
assert read("raw.pdf")[:5] == b"%PDF-"
width, height = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", read("raw.pdf")).groups()
assert abs(float(width) / 72 * 25.4 - 297) < 0.01 and abs(float(height) / 72 * 25.4 - 201) < 0.01, (width, height)

page = tree.fromstring(read("page.html").replace(b"<!DOCTYPE html>", b""))
assert len(list(page.iter(SVG + "svg"))) == 5
cells = ["".join(cell.itertext()) for cell in page.iter("{http://www.w3.org/1999/xhtml}td")]
assert "simulated" in cells and "AF" in cells and "disconnected" in cells, cells[:40]
bars = [title.text for title in page.iter(SVG + "title")]
assert "500: 2" in bars, bars  # both records at 500 Hz
assert not re.search(rb'(src|href)="', read("page.html")), "the page needs another file"
print("pictures and page are as they should be")

#!/usr/bin/env python3
"""Draws leads of a WFDB record, measured (grey) and made by `anyecg-infer leadgen` (blue), as SVG on ECG paper.

  docs/draw_leads.py MEASURED.hea MADE.hea LEAD[,LEAD...] > leads.svg

25 mm/s, 10 mm/mV, 3 s from second 3 on. Reads format 16 only; both records may have any rate.
The picture of the README:
  anyecg-pack synth -n 1 --seed 40 --wfdb record
  anyecg-infer leadgen --checkpoint run-demo/leadgen --leads V2,V3,V4 -o made record/sim00000.hea
  docs/draw_leads.py record/sim00000.hea made/sim00000.hea V2,V3,V4 > docs/leads.svg
"""
import array
import pathlib
import sys

FIRST_SECOND, SECONDS = 3, 3
MM_PER_SECOND, MM_PER_MV, ROW_MM, SCALE = 25, 10, 30, 4


def read(header):
    """Rate and {lead: samples in mV}."""
    header = pathlib.Path(header)
    lines = [line.split() for line in header.read_text().splitlines() if line and not line.startswith("#")]
    n_leads, rate = int(lines[0][1]), float(lines[0][2])
    samples = array.array("h", (header.parent / lines[1][0]).read_bytes())
    gains = [float(line[2].split("/")[0].split("(")[0]) for line in lines[1:]]
    return rate, {lines[1 + i][-1]: [x / gains[i] for x in samples[i::n_leads]] for i in range(n_leads)}


def polyline(samples, rate, row, colour, width):
    first, last = int(FIRST_SECOND * rate), int((FIRST_SECOND + SECONDS) * rate)
    part = samples[first:last]
    mean = sum(part) / len(part)
    points = " ".join(
        f"{i / rate * MM_PER_SECOND * SCALE:.1f},{((row + 0.6) * ROW_MM - (x - mean) * MM_PER_MV) * SCALE:.1f}"
        for i, x in enumerate(part))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def paper(width_mm, height_mm):
    lines = []
    for step, colour in ((1, "#f6dede"), (5, "#ecb9b9")):
        for x in range(0, width_mm + 1, step):
            lines.append(f'<path d="M{x * SCALE} 0V{height_mm * SCALE}" stroke="{colour}"/>')
        for y in range(0, height_mm + 1, step):
            lines.append(f'<path d="M0 {y * SCALE}H{width_mm * SCALE}" stroke="{colour}"/>')
    return "\n".join(lines)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    (rate, measured), (made_rate, made) = read(sys.argv[1]), read(sys.argv[2])
    leads = sys.argv[3].split(",")
    width, height = SECONDS * MM_PER_SECOND, ROW_MM * len(leads)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * SCALE} {height * SCALE}" '
          f'width="{2 * width * SCALE}" font-family="sans-serif" font-size="14">')
    print('<rect width="100%" height="100%" fill="#fffafa"/>')
    print(paper(width, height))
    for row, lead in enumerate(leads):
        print(polyline(measured[lead], rate, row, "#777777", 2.4))
        print(polyline(made[lead], made_rate, row, "#1f5fbf", 1.4))
        print(f'<text x="6" y="{(row * ROW_MM + 5) * SCALE}">{lead}</text>')
    print("</svg>")


main()

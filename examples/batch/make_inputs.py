"""Writes what the batch examples read: two files of flowers, and a few pictures.

    python examples/batch/make_inputs.py DEST   →   DEST/flowers/monday.csv  tuesday.csv   DEST/pictures/…

Tuesday's file has two rows that no model can read: a cell that is no number, and a row that is cut off.
"""

import sys
from pathlib import Path
from random import Random

from sklearn.datasets import load_iris

ROWS = 75
BAD = {10: "5.1,n/a,1.4,0.2", 20: "4.9,3.0"}
PIXELS = {"rose.ppm": (200, 20, 40), "meadow.ppm": (60, 160, 40), "lake.ppm": (20, 60, 180)}


def main(destination: Path) -> None:
    flowers, pictures = destination / "flowers", destination / "pictures" / "june"
    flowers.mkdir(parents=True, exist_ok=True)
    pictures.mkdir(parents=True, exist_ok=True)
    rows = [",".join(map(str, row)) for row in load_iris().data.tolist()]
    Random(0).shuffle(rows)  # noqa: S311 - always the same order
    tuesday = rows[ROWS:]
    for number, row in BAD.items():
        tuesday[number] = row
    (flowers / "monday.csv").write_text("\n".join(rows[:ROWS]) + "\n")
    (flowers / "tuesday.csv").write_text("\n".join(tuesday) + "\n")
    for name, pixel in PIXELS.items():
        (pictures / name).write_bytes(b"P6 16 16 255\n" + bytes(pixel) * 256)
    (pictures / "notes.txt").write_text("These were taken in June.\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well `orfeas cutout` finds the subject: mask IoU over a folder of development pairs.

    bench/cutout_pairs.py PAIRS [--orfeas build/orfeas] [--method auto] [--worst DIR]

PAIRS holds a folder per object with photo.jpg (object on a table before a wall) and
threequarter.png, whose alpha is the photograph's true mask. Prints one line an object, then the
mean and the worst. --worst writes photo and cut-out of the five worst, side by side."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image


def cut_out(orfeas, photo, mask, method):
    """Runs the program; returns what it says and how long it took by its own account."""
    command = [orfeas, "cutout", str(photo), "-o", str(mask), "--mask", "--json"]
    run = subprocess.run(command + (["--method", method] if method != "auto" else []),
                         capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"{photo}: {run.stderr.strip()}")
    return json.loads(run.stdout.splitlines()[-1])


def iou(mask, truth):
    either = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / either if either else 1.0


def measure(folder, options, scratch):
    path = scratch / f"{folder.name}.png"
    told = cut_out(options.orfeas, folder / "photo.jpg", path, options.method)
    truth = np.asarray(Image.open(folder / "threequarter.png"))[..., 3] > 127
    score = iou(np.asarray(Image.open(path).convert("L")) > 127, truth)
    print(f"{folder.name}\t{score:.4f}\t{told['method']}\t{told['confidence']:.2f}\t{told['reason']}")
    return score, folder, path


def show(folder, mask, target):
    photo = Image.open(folder / "photo.jpg").convert("RGB")
    cut = Image.composite(photo, Image.new("RGB", photo.size, (255, 0, 255)),
                          Image.open(mask).convert("L"))
    sheet = Image.new("RGB", (2 * photo.width, photo.height))
    sheet.paste(photo, (0, 0))
    sheet.paste(cut, (photo.width, 0))
    target.mkdir(parents=True, exist_ok=True)
    sheet.save(target / f"{folder.name}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=pathlib.Path)
    parser.add_argument("--orfeas", default="build/orfeas")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--worst", type=pathlib.Path, metavar="DIR")
    options = parser.parse_args()
    folders = sorted(path.parent for path in options.pairs.glob("*/photo.jpg"))
    if not folders:
        sys.exit(f"{options.pairs}: no folder with a photo.jpg")
    with tempfile.TemporaryDirectory() as name:
        results = [measure(folder, options, pathlib.Path(name)) for folder in folders]
        results.sort(key=lambda result: result[0])
        for _, folder, mask in results[:5] if options.worst else []:
            show(folder, mask, options.worst)
    scores = [score for score, _, _ in results]
    print(f"mean {np.mean(scores):.4f}, worst {scores[0]:.4f} ({results[0][1].name}), n {len(scores)}")


if __name__ == "__main__":
    main()

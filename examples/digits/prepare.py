"""Writes scikit-learn's handwritten digits (1797 images of 8 x 8) as shards for training and one file for testing.

    DIR/train/shard-0000.npz …    shuffled once, equal parts
    DIR/test/test.npz

Run with Debian's /usr/bin/python3 (package python3-sklearn).
"""
import argparse
import pathlib

import numpy
from sklearn.datasets import load_digits

TEST_FRACTION = 6  # one image in six is for testing


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--output", type=pathlib.Path, required=True, metavar="DIR", help="where to write the shards")
    arguments.add_argument("--shards", type=int, default=2, metavar="N", help="number of training shards (default 2)")
    options = arguments.parse_args()

    digits = load_digits()
    order = numpy.random.default_rng(0).permutation(len(digits.target))
    images = (digits.images[order] / 16.0).astype(numpy.float32)
    labels = digits.target[order].astype(numpy.int64)
    tests = len(labels) // TEST_FRACTION

    for folder in ("train", "test"):
        (options.output / folder).mkdir(parents=True, exist_ok=True)
    numpy.savez(options.output / "test" / "test.npz", images=images[:tests], labels=labels[:tests])
    # Shards of equal size: DistributedDataParallel needs the same number of batches in every worker.
    size = (len(labels) - tests) // options.shards
    for shard in range(options.shards):
        part = slice(tests + shard * size, tests + (shard + 1) * size)
        numpy.savez(options.output / "train" / f"shard-{shard:04}.npz", images=images[part], labels=labels[part])
    print(f"{options.shards} shards of {size} images for training, {tests} images for testing, in {options.output}")


if __name__ == "__main__":
    main()

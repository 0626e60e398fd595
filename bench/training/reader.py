"""Simulated accelerators that read a folder of files: MLPerf Storage's shapes. Runs in a training job, or bare; prints one line of JSON.

    reader.py FOLDER SHAPE SECONDS [--forget] [--most N]

An accelerator is a process that takes a batch when one is there and computes by sleeping; its threads read ahead of it, each a file of its own from
beginning to end; the files are dealt out among the accelerators. Utilisation (AU) is the time slept divided by the time since the first batch was there. The
number of accelerators is doubled, then halved in on, until the most is found whose AU all together is at least 90 %; `unthrottled` is
what as many processes as cores read when nobody computes.

--forget: a file's pages are dropped once it was read, so that every pass is a first one. For a FastFile mount: its files, being read-only, stay in the
kernel's cache like any others, and the second epoch would come from there.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import queue
import threading
import time

LEAST_AU = 0.90
BATCHES_AHEAD = 2
# What one accelerator is, by MLPerf Storage's workloads for the H100: bytes of a sample, samples of a batch, seconds of computing it, reading threads.
SHAPES = {"resnet50": {"sample": 114_660, "batch": 400, "compute": 0.224, "threads": 8},
          "unet3d": {"sample": None, "batch": 7, "compute": 0.323, "threads": 4}}  # a sample is a whole file
LARGEST_READ = 8 << 20


class Files:
    """One accelerator's files, over and over; each is given to one thread, which reads its samples in order, as TFRecord readers do."""

    def __init__(self, files):
        self.files, self.at, self.lock = files, 0, threading.Lock()

    def take(self):
        with self.lock:
            self.at += 1
            return self.files[(self.at - 1) % len(self.files)]


def read_ahead(files, sample, ready, stop, forget, counters):
    """One thread. `ready` takes a word a sample and blocks when the reader is far enough ahead."""
    buffer = memoryview(bytearray(LARGEST_READ))
    while not stop.is_set():
        path, size = files.take()
        file = os.open(path, os.O_RDONLY)
        length = sample or size
        for start in range(0, size // length * length, length):
            at = start
            while at < start + length:
                got = os.preadv(file, [buffer[:min(start + length - at, LARGEST_READ)]], at)
                if got == 0:
                    raise SystemExit(f"{path} ends early")
                at += got
            with counters["lock"]:
                counters["bytes"] += length
                counters["samples"] += 1
            while not stop.is_set():
                try:
                    ready.put(None, timeout=0.1)
                    break
                except queue.Full:
                    pass
            if stop.is_set():
                break
        if forget:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def accelerate(files, shape, seconds, compute, forget, go, results):
    sample, batch = shape["sample"], shape["batch"]
    ready, stop = queue.Queue(batch * BATCHES_AHEAD), threading.Event()
    counters = {"bytes": 0, "samples": 0, "lock": threading.Lock()}
    own = Files(files)
    threads = [threading.Thread(target=read_ahead, args=(own, sample, ready, stop, forget, counters), daemon=True)
               for _ in range(min(shape["threads"], len(files)))]
    go.wait()
    for thread in threads:
        thread.start()
    slept = 0.0
    for _ in range(batch):  # the first batch is not waited for in any accelerator's time
        ready.get()
    begin, start_bytes, start_samples = time.monotonic(), counters["bytes"], counters["samples"]
    while True:
        if compute:
            time.sleep(compute)
            slept += compute
        if time.monotonic() - begin >= seconds:
            break
        for _ in range(batch):
            ready.get()
    wall = time.monotonic() - begin
    results.put({"slept": slept, "wall": wall, "bytes": counters["bytes"] - start_bytes, "samples": counters["samples"] - start_samples})
    stop.set()
    for thread in threads:
        thread.join()


def run(files, shape, accelerators, seconds, compute, forget):
    go, results = multiprocessing.Event(), multiprocessing.Queue()
    processes = [multiprocessing.Process(target=accelerate, args=(files[number::accelerators], shape, seconds, compute, forget, go, results))
                 for number in range(accelerators)]
    for process in processes:
        process.start()
    go.set()
    parts = []
    while len(parts) < accelerators:
        try:
            parts.append(results.get(timeout=1))
        except queue.Empty:
            if any(process.exitcode for process in processes):
                raise SystemExit("an accelerator ended early") from None
    for process in processes:
        process.join()
    return {"accelerators": accelerators, "au": sum(p["slept"] for p in parts) / sum(p["wall"] for p in parts),
            "bytes_per_second": sum(p["bytes"] / p["wall"] for p in parts), "samples_per_second": sum(p["samples"] / p["wall"] for p in parts)}


def search(measure, most):
    """All that was measured; the first ones double until AU is too low, the others close in."""
    runs, good, bad = [], 0, None
    while good < most and (bad is None or bad - good > 1):
        number = min(max(1, good * 2), most) if bad is None else (good + bad) // 2
        runs.append(measure(number))
        if runs[-1]["au"] >= LEAST_AU:
            good = number
        else:
            bad = number
    return good, runs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--forget", action="store_true")
    parser.add_argument("--most", type=int, default=16, help="accelerators; no more than files")
    options = parser.parse_args()
    shape = SHAPES[options.shape]
    files = [(str(path), path.stat().st_size) for path in sorted(options.folder.iterdir())]
    if len(files) < max(options.most, os.cpu_count()):
        parser.error(f"{options.most} accelerators want as many files, not {len(files)}")
    unthrottled = run(files, shape, os.cpu_count(), options.seconds, 0, options.forget)
    sustained, runs = search(lambda number: run(files, shape, number, options.seconds, shape["compute"], options.forget), options.most)
    print("RESULT " + json.dumps({"unthrottled": unthrottled, "sustained": sustained, "runs": runs}), flush=True)


if __name__ == "__main__":
    main()

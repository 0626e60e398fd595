"""Trains a small convolutional network on shards of handwritten digits, with DistributedDataParallel: one process a host.

An ordinary SageMaker training script: data in SM_CHANNEL_TRAIN (this host's shards) and SM_CHANNEL_TEST, hosts in
/opt/ml/input/config/resourceconfig.json, checkpoints in /opt/ml/checkpoints, the model in SM_MODEL_DIR.
"""
import argparse
import json
import os
import pathlib
import time

import numpy
import torch
import torch.distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel

BASE = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
MASTER_PORT = "7777"


def join_the_others():
    """Sets up the process group. Launchers that set RANK are believed; otherwise the order of the hosts decides."""
    if "RANK" not in os.environ:
        hosts = json.loads((BASE / "input/config/resourceconfig.json").read_text())
        os.environ["RANK"] = str(hosts["hosts"].index(hosts["current_host"]))
        os.environ["WORLD_SIZE"] = str(len(hosts["hosts"]))
        os.environ.setdefault("MASTER_ADDR", hosts["hosts"][0])
        os.environ.setdefault("MASTER_PORT", MASTER_PORT)
    torch.distributed.init_process_group("gloo")
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def load(folder):
    """All of a channel's .npz files as one pair of tensors."""
    files = sorted(pathlib.Path(folder).rglob("*.npz"))
    parts = [numpy.load(file) for file in files]
    images = numpy.concatenate([part["images"] for part in parts])
    labels = numpy.concatenate([part["labels"] for part in parts])
    return torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels), [file.name for file in files]


def build_model():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 4 * 4, 64), nn.ReLU(), nn.Linear(64, 10))


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        hits = (model(images).argmax(dim=1) == labels).float().mean().item()
    model.train()
    return hits


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--epochs", type=int, default=8)
    arguments.add_argument("--batch-size", type=int, default=32)
    arguments.add_argument("--learning-rate", type=float, default=2e-3)
    options = arguments.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("SM_NUM_CPUS", "1")))
    rank, world = join_the_others()
    images, labels, files = load(os.environ["SM_CHANNEL_TRAIN"])
    test_images, test_labels, _ = load(os.environ["SM_CHANNEL_TEST"])
    print(f"rank {rank} of {world}: {len(labels)} training images from {', '.join(files)}")

    # Every rank must take the same number of steps.
    least = torch.tensor(len(labels))
    torch.distributed.all_reduce(least, op=torch.distributed.ReduceOp.MIN)
    batches = int(least) // options.batch_size

    model = DistributedDataParallel(build_model())
    optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
    loss_of = nn.CrossEntropyLoss()
    checkpoints = BASE / "checkpoints"
    start = time.monotonic()
    for epoch in range(options.epochs):
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(epoch * world + rank))
        total = 0.0
        for batch in range(batches):
            chosen = order[batch * options.batch_size:(batch + 1) * options.batch_size]
            optimizer.zero_grad()
            loss = loss_of(model(images[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
            total += loss.item()
        if rank == 0:
            checkpoints.mkdir(parents=True, exist_ok=True)
            torch.save({"epoch": epoch, "model": model.module.state_dict()}, checkpoints / f"epoch-{epoch:03}.pt")
            print(f"epoch {epoch}: loss={total / batches:.4f} "
                  f"test_accuracy={accuracy(model.module, test_images, test_labels):.4f}")

    if rank == 0:
        folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
        torch.save(model.module.state_dict(), folder / "model.pt")
        reached = accuracy(model.module, test_images, test_labels)
        (folder / "metrics.json").write_text(json.dumps({"test_accuracy": reached, "workers": world}))
        print(f"trained on {world} workers in {time.monotonic() - start:.1f} s: test_accuracy={reached:.4f}")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()

"""Several processes, one network: what each does with its share of a batch.

Without torchrun there is one process and every function here leaves things as they are. All
processes draw the same whole batches; the gradients of the shares, averaged by
DistributedDataParallel, are those of the whole batch.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from clipkind.errors import ClipkindError

T = TypeVar("T")


@contextmanager
def process_group(device: str) -> Iterator[None]:
    """Join the processes that torchrun started, if it did: NCCL for tensors on `device` cuda, of
    which each process then has one, and gloo for what is on the CPU.

    Raises ClipkindError where the processes cannot have a device each.
    """
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR"} <= os.environ.keys():
        yield
        return
    if device.startswith("cuda"):
        _take_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def _take_device(device: str, local_rank: int) -> None:
    if device != "cuda":
        raise ClipkindError(f"--device {device}: each process of torchrun takes its own; give cuda")
    count = torch.cuda.device_count()
    if local_rank >= count:
        raise ClipkindError(
            f"process {local_rank} of this machine has no CUDA device, there are {count}: "
            f"give torchrun --nproc-per-node {count}"
        )
    torch.cuda.set_device(local_rank)


def rank() -> int:
    """Which of the processes this is, from 0; the first one writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def neighbours() -> int:
    """How many of the processes share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if size() > 1 else 1


def wrapped(model: nn.Module) -> nn.Module:
    """`model`, whose gradients are averaged over the processes; all begin with the first's."""
    if size() == 1:
        return model
    return nn.parallel.DistributedDataParallel(model)


def share(batch: Tensor) -> Tensor:
    """This process's part of a batch. A process that would get none gets the last video: `weight`
    makes it count for nothing."""
    if size() == 1:
        return batch
    part = batch.tensor_split(size())[rank()]
    return part if len(part) else batch[-1:]


def weight(count: int, batch: int) -> float:
    """What a mean over `count` videos is multiplied by, so that the average over the processes is
    the mean over all `batch` videos."""
    if size() == 1:
        return 1.0
    if rank() >= batch:
        return 0.0
    return count * size() / batch


def share_of_batches(order: Tensor, batch_size: int) -> Tensor:
    """What `share` leaves of every batch of an epoch, in order."""
    if size() == 1:
        return order
    return torch.cat([share(batch) for batch in torch.split(order, batch_size)])


def mean(value: Tensor) -> Tensor:
    """The average of a scalar over the processes."""
    if size() > 1:
        dist.all_reduce(value)
        value /= size()
    return value


def of_first(value: T) -> T:
    """What the first process has for `value`, so that all decide alike."""
    if size() == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values)
    return values[0]

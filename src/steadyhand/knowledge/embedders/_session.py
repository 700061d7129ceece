"""What local embedders share: a graph in onnxruntime, and texts in batches of like length."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from steadyhand.types.ports import Vectors

Tokens = list[int]

MANY = 32
"""Texts in a batch."""

_BATCH_TOKENS = 512  # padding included: more stays in no cache, and takes memory for each thread
_STRETCH, _STRETCH_TOKENS = 1.25, 4  # a batch's longest text against its shortest


def session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    """A loaded graph that leaves idle cores to others: spinning threads cost a busy machine a multiple."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # the arena would keep the largest batch ever seen
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def vectors_of(
    texts: Sequence[Tokens], size: int, threads: int, embedded: Callable[[list[Tokens]], Vectors]
) -> Vectors:
    """The vectors of texts, at least one, in their order; `embedded` makes those of a batch of them.

    So many batches at once as there are threads: it takes two thirds of what threads inside of a batch take, which
    wait for each other after every step.
    """
    work = list(batches([len(tokens) for tokens in texts], size))[::-1]  # the longest first: all end together
    if len(work) == 1:  # a question: it needs no threads of its own
        made = [embedded([texts[at] for at in work[0]])]
    else:
        with ThreadPoolExecutor(min(threads, len(work)), thread_name_prefix="embed") as pool:
            made = list(pool.map(embedded, ([texts[at] for at in batch] for batch in work)))
    vectors = np.empty((len(texts), made[0].shape[1]), dtype=np.float32)
    for batch, found in zip(work, made, strict=True):
        vectors[batch] = found
    return vectors


def batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Positions grouped by length: at most `size` and 512 tokens in a batch, and little of it padding."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: lengths[at]):
        length = lengths[at]
        if batch and (
            len(batch) == size
            or (len(batch) + 1) * length > _BATCH_TOKENS
            or length > _STRETCH * lengths[batch[0]] + _STRETCH_TOKENS
        ):
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def padded(batch: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and the mask of what is no padding, both int64 (texts, length); padding is 0, at the end."""
    lengths = np.array([len(tokens) for tokens in batch])
    mask: NDArray[np.int64] = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    ids = np.zeros_like(mask)
    ids[mask == 1] = np.concatenate([np.asarray(tokens, dtype=np.int64) for tokens in batch])
    return ids, mask

"""Where the network runs, the seeds it runs from, and packages that may be missing."""

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # it takes seconds to import
    import torch

# Held while torch's global generators are seeded: threads share them. A thread may
# train inside its own training.
_seeding = threading.RLock()


def _forget_holder() -> None:
    """Free the lock in a forked process, which has no thread that would do so."""
    global _seeding
    _seeding = threading.RLock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_holder)


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Turn a `random_state` into a seed for torch.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None draws from the operating system, not from numpy's global generator.

    Returns
    -------
    seed : int
        In [0, 2**31).
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return int(random_state)


@contextmanager
def seeded(seed: int, device: "torch.device") -> Iterator[None]:
    """Seed torch's global generators, and put them back as they were on leaving.

    Parameters
    ----------
    seed : int
        Any integer that is not negative.

    device : torch.device
        The device whose generator is used beside the CPU's.

    Notes
    -----
    One thread at a time: others wait, because weights, shuffling and dropout are
    drawn from generators that all threads share. Train in processes to train side
    by side.
    """
    import torch

    cuda = [device] if device.type == "cuda" else []
    with _seeding, torch.random.fork_rng(devices=cuda):
        # Not torch.manual_seed: it reseeds every GPU, also those not put back.
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


class RandomStream:
    """What one training draws from torch's global generators, if others go on between.

    Parameters
    ----------
    seed : int
        As of :func:`seeded`: inside it, and with this seed, the same is drawn.

    device : torch.device
        The device whose generator is used beside the CPU's.

    Notes
    -----
    To be used inside a :func:`seeded`, which holds the generators for one thread, and
    puts them back.
    """

    def __init__(self, seed: int, device: "torch.device") -> None:
        with seeded(seed, device):
            self.device = device
            self._states = self._read()

    @contextmanager
    def resumed(self) -> Iterator[None]:
        """Go on with this stream, and note on leaving how far it came."""
        import torch

        own, of_device = self._states
        torch.set_rng_state(own)
        if of_device is not None:
            torch.cuda.set_rng_state(of_device, self.device)
        yield
        self._states = self._read()

    def _read(self) -> "tuple[torch.Tensor, torch.Tensor | None]":
        import torch

        on_gpu = self.device.type == "cuda"
        of_device = torch.cuda.get_rng_state(self.device) if on_gpu else None
        return torch.get_rng_state(), of_device


def resolve_device(device: "str | torch.device") -> "torch.device":
    """Turn the name of a device into one that is there.

    Parameters
    ----------
    device : str or torch.device
        "auto" for the first of cuda, mps and cpu that is there, or any that torch
        knows, such as "cuda:1".

    Returns
    -------
    device : torch.device
        A device on which a tensor was made.

    Raises
    ------
    ValueError
        If torch does not know the name, or this machine has no such device.

    Examples
    --------
    >>> from lenet_sklearn.devices import resolve_device
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        raise ValueError(
            f"torch cannot use device={str(device)!r} here:"
            f" {str(error).splitlines()[0]}. Use device='auto' or device='cpu'."
        ) from error
    return found


def import_extra(module: str, *, extra: str, caller: str) -> ModuleType:
    """Import a module that an extra of this package installs.

    Parameters
    ----------
    module : str
        Name of the module, such as ``"matplotlib.pyplot"``.

    extra : str
        The extra that brings it.

    caller : str
        Who needs it, for the message.

    Returns
    -------
    module : module
        The imported module.

    Raises
    ------
    ImportError
        If the package is not installed; says how to install it. What a package
        that is there fails to import itself is raised as it is.

    Examples
    --------
    >>> from lenet_sklearn.devices import import_extra
    >>> import_extra("json", extra="plot", caller="This example").dumps([1])
    '[1]'
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise ImportError(
            f"{caller} needs {package}, which is not installed."
            f' Install it with pip install "lenet-sklearn[{extra}]".',
            name=package,
        ) from error


def fast_precision(device: "torch.device") -> AbstractContextManager[object]:
    """Let a training compute in bfloat16 where a CPU multiplies that natively.

    Parameters
    ----------
    device : torch.device
        Where the network is trained.

    Returns
    -------
    context : context manager
        Half of the time is saved on such a CPU; elsewhere nothing changes, as
        bfloat16 would be imitated there.
    """
    import torch

    # torch has no public name for it; a release without it trains as before.
    is_native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    if device.type != "cpu" or not is_native():
        return nullcontext()
    return torch.autocast("cpu", dtype=torch.bfloat16)

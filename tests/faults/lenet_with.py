"""Run `lenet` with a reader or a decoder that pages can harm.

    python tests/faults/lenet_with.py reader score scans -o results.csv

A page of one grey is read as that grey, 007 for 7. From `FIRST` on, a grey stands for a
fault: page `FIRST + n` does what the n-th of `FAULTS` does. With `reader` it does so
where it is read, with `decoder` where it is decoded, and with `opener` a file does so
where its pages are counted, if the first asks for it. With `slow` each page takes a
hundredth of a second, with `waiting` it waits for a file named go, and with `threaded`
the reader runs in processes that are no copies of this one.
"""

import ctypes
import os
import resource
import sys
import threading
import time

import numpy as np

FIRST = 200
NOISE = "noise of a page\n" * 20_000  # more than a pipe holds

_kept = []  # what a page does not give back


def crash():
    """End as a library with a bug does."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def leave():
    """End as a library does that calls `exit`."""
    os._exit(0)


def hang():
    """Never come back."""
    while True:
        time.sleep(1.0)


def eat():
    """Ask for memory until there is none."""
    while True:
        _kept.append(np.empty(10**8, np.uint8))


def speak():
    """Print more than anybody wants to know."""
    for stream in (sys.stdout, sys.stderr):
        print(NOISE, file=stream, flush=True)
    for number in (1, 2):
        os.write(number, NOISE.encode())


def close():
    """Close all files, those of others too."""
    os.closerange(0, 256)


def fill():
    """Open files until there can be no more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
    while True:
        _kept.append(os.open(os.devnull, os.O_RDONLY))


FAULTS = {each.__name__: each for each in (crash, leave, hang, eat, speak, close, fill)}
GREYS = {name: FIRST + n for n, name in enumerate(FAULTS)}


def harm(page):
    """Do what a page asks for."""
    grey = int(page[0, 0])
    if grey >= FIRST:
        list(FAULTS.values())[grey - FIRST]()


def install(injector):
    """Put a reader or a decoder in the place of the real one."""
    import pipelines.readers
    from pipelines.cli import commands
    from pipelines.outcomes import FieldReading, PageReading
    from pipelines.scans import read

    class Reader:
        def read(self, page):
            if injector in ("reader", "threaded"):
                harm(page)
            while injector == "waiting" and not os.path.exists("go"):
                time.sleep(0.01)
            if injector == "slow":
                time.sleep(0.01)
            value = f"{int(page[0, 0]):03d}"
            return PageReading({"grey": FieldReading(value, "accepted", 0.9)})

    def decoding(decode):
        def decode_and_harm(scan, index):
            page = decode(scan, index)
            harm(page)
            return page

        return decode_and_harm

    pipelines.readers.make_form_reader = lambda form, **options: Reader()
    commands.load_reading_model = lambda model: {}
    if injector == "threaded":
        threading.Thread(target=hang, daemon=True).start()
    if injector == "opener":
        count = read._count_frames

        def count_and_harm(image):
            harm(np.asarray(image))
            return count(image)

        read._count_frames = count_and_harm
    if injector == "decoder":
        for kind in (read._ImageScan, read._PdfScan):
            kind._decode = decoding(kind._decode)


def main():
    """Take the name of an injector, then the words of `lenet`."""
    injector, *words = sys.argv[1:]
    install(injector)
    from pipelines.cli import main as lenet

    return lenet(words)


if __name__ == "__main__":
    sys.exit(main())

"""Reading on a Dask cluster: answers in order, and the same table as ever."""

import csv
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from pipelines.scoring.cluster import Cluster, end_process
from pipelines.scoring.processes import Lost, PageLimits

distributed = pytest.importorskip("distributed")


def answer(request):
    """Double a number; some numbers end the process that reads them, or fail."""
    if request == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if request == 5:
        raise ValueError("five")
    return 2 * request


@pytest.fixture
def cluster():
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        dashboard_address=None,
    ) as cluster:
        yield cluster
        with distributed.Client(cluster) as client:
            client.run(end_process)


@pytest.mark.filterwarnings("default")
def test_requests_are_answered_in_order_and_cost_only_themselves(cluster):
    with Cluster(answer, cluster.scheduler_address, limits=PageLimits()) as workers:
        answers = list(workers.map(iter(range(50))))
    lost = {n: each for n, each in enumerate(answers) if isinstance(each, Lost)}
    assert lost[3].reason == "the process that read it was killed (SIGKILL)"
    assert lost[5].reason == "ValueError: five"
    assert set(lost) == {3, 5}
    assert [each for n, each in enumerate(answers) if n not in lost] == [
        2 * n for n in range(50) if n not in lost
    ]


def dask(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]],
        cwd=folder,
        env={**os.environ, "DASK_DISTRIBUTED__WORKER__DAEMON": "False"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.slow
def test_a_worker_may_be_lost_and_another_join(tmp_path):
    """With real processes; the workers are started in another folder."""
    from pipelines.drawing import draw_filled_forms

    draw_filled_forms(tmp_path, n_pages=60, random_state=7)
    code = "import sys; from pipelines.cli import main; sys.exit(main())"
    score = [sys.executable, "-c", code, "score", "scans", "--form", "form.json"]
    subprocess.run([*score, "-o", "alone.csv"], cwd=tmp_path, check=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    started = [dask(elsewhere, "scheduler", "--scheduler-file", "s.json")]
    file = elsewhere / "s.json"
    try:
        while not file.exists():
            time.sleep(0.1)
        words = ("worker", "--scheduler-file", "s.json", "--nthreads", "1")
        started += [dask(elsewhere, *words) for _ in range(2)]
        with distributed.Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        words = [*score, "--dask", address, "-o", "shared.csv", "--log", "log.jsonl"]
        run = subprocess.Popen(words, cwd=tmp_path)
        log = tmp_path / "log.jsonl"
        while not log.exists() or log.read_text().count("\n") < 15:
            assert run.poll() is None
            time.sleep(0.1)
        os.killpg(started[1].pid, signal.SIGKILL)
        started.append(dask(elsewhere, *("worker", "--scheduler-file", "s.json")))
        assert run.wait() == 0
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    shared = (tmp_path / "shared.csv").read_bytes()
    assert shared == (tmp_path / "alone.csv").read_bytes()
    with (tmp_path / "shared.csv").open(newline="") as rows:
        assert len(list(csv.DictReader(rows))) == 60

"""Runs by the function on AWS Lambda that are stopped, and such that are refused before anything is called."""

import json
import re
import resource
import signal
import threading
import time

from lambda_world import BUCKET, NAME, Function, same, wait_until

# Shards that end before the function holds on, and workers that are held then.
FREE = 2
WORKERS = 2
# Of a process: too few to wait for the calls of all workers.
FILES = 64


class Held(Function):
    """A function whose shards come to no end until it is let go on, but for the first ones."""

    def __init__(self, world):
        super().__init__(world.bootstrap, NAME, world.environment(), concurrency=WORKERS)
        self.begun, self.held, self.go_on = 0, 0, threading.Event()

    def run(self, environment, event):
        if json.loads(event)["mode"] == "process":
            with self.lock:
                self.begun += 1
                self.held += self.begun > FREE
                waits = self.begun > FREE
            if waits:
                assert self.go_on.wait(timeout=120)
        return super().run(environment, event)

    def ended(self):
        """Whether every event has been worked on."""
        with self.lock:
            return len(self.reports) == len(self.events)


def pressed(world, function, store, *more):
    """A run whose workers are held."""
    assert world.shards > FREE + WORKERS, f"{world.shards} shards are too few"
    words = world.on_lambda(store, "--max-workers", WORKERS, "--format", "json", *more)
    run = world.start(*words, function=function)
    wait_until(lambda: function.held == WORKERS or run.process.poll() is not None, "shards in work")
    assert function.held == WORKERS, run.said(run.err)
    return run, words


def passing(world, store):
    """Names of what is kept beside a store only while something runs: its lock, lent keys, answers to events."""
    kept = re.compile("lock$|credentials/|status/.*/|tmp/")
    return [name for name in world.objects(f"{store}.zagg/") if kept.match(name)]


def check_stopped(world, mode, number):
    """The first signal sends nothing more and waits for what is out: exit code 75, and --resume does what is left."""
    store = f"stopped-{mode}.zarr"
    function = Held(world)
    try:
        run, words = pressed(world, function, store, "--mode", mode)
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        run.signal(number, f"zagg: {name}: finishing the shards in work, starting no others; once more stops at once\n")
        time.sleep(0.5)
        assert run.process.poll() is None, "it did not wait for what is out"
        function.go_on.set()
        out, err = run.ends(75)
        summary = json.loads(out)
        done, left = FREE + WORKERS, world.shards - FREE - WORKERS
        assert (summary["shards_done"], summary["shards_not_run"]) == (done, left), summary
        assert summary["lambda"]["stopped"] is None and summary["lambda"]["invocations"] == done, summary["lambda"]
        assert f"{left} shards not run; go on with the same command and --resume\n" in err, err
        # One to say hello, and none after the signal.
        assert len(function.events) == 1 + done, f"{len(function.events)} events"
        assert function.queued_events == (done if mode == "async" else 0), function.queued_events
        assert not passing(world, store), passing(world, store)
        status = json.loads(world.zagg("status", f"s3://{BUCKET}/{store}", "--format", "json", code=3))
        found = status["state"], status["shards_done"], status["shards_missing"], status["shards_open"]
        assert found == ("incomplete", done, left, 0), status
        resumed = json.loads(world.zagg(*words, "--resume", function=function))
        assert (resumed["shards_skipped"], resumed["shards_done"]) == (done, world.shards), resumed
        assert len(function.events) == 2 + world.shards, f"{len(function.events)} events"
        note = same(world.objects(f"{store}/"), world.want)
        return f"{done} shards done, {left} left; then {note}"
    finally:
        function.go_on.set()
        function.stop()


def check_stopped_at_once(world):
    """The second signal ends the program where it is; --resume makes a whole store of what it leaves."""
    function = Held(world)
    try:
        run, words = pressed(world, function, "twice.zarr", "--mode", "sync")
        run.signal(signal.SIGINT, "once more stops at once\n")
        start = time.monotonic()
        run.signal(signal.SIGINT, "zagg: Ctrl-C again: stopped at once; go on with --resume\n")
        run.ends(128 + signal.SIGINT)
        seconds = time.monotonic() - start
        assert seconds < 5, f"{seconds:.1f} s"
        # The functions that run go on to their end.
        function.go_on.set()
        wait_until(function.ended, "the functions to end")
        done = FREE + WORKERS
        resumed = json.loads(world.zagg(*words, "--resume", function=function))
        assert (resumed["shards_skipped"], resumed["shards_done"]) == (done, world.shards), resumed
        note = same(world.objects("twice.zarr/"), world.want)
        assert not passing(world, "twice.zarr"), passing(world, "twice.zarr")
        return f"ended after {seconds:.2f} s; then {note}"
    finally:
        function.go_on.set()
        function.stop()


def refused(world, function, *more, store=f"s3://{BUCKET}/none.zarr", name=NAME):
    """The one line that says why a run is refused. Nothing is called or written."""
    words = world.on_lambda("none.zarr", *more)
    words[-1] = store
    words[words.index(NAME)] = name
    out, err = world.start(*words, function=function).ends(1)
    errors = [line for line in err.splitlines() if line.startswith("zagg: error: ")]
    assert len(errors) == 1 and err.splitlines()[-1] == errors[0] and not out, (out, err)
    assert not function.events, f"{len(function.events)} events"
    assert not world.objects("none.zarr"), "something was written"
    return errors[0]


def check_refused_queue(world):
    """Where Lambda itself repeats events, none is queued: --mode async is refused, and auto waits for every call."""
    for retries, times in ((None, 2), (1, 1)):
        function = world.new_function(event_retries=retries)
        try:
            for more in ((), ("--dry-run",)):
                said = refused(world, function, "--mode", "async", *more)
                assert f"--mode async: Lambda itself repeats failed events of function {NAME}" in said, said
                assert f"(MaximumRetryAttempts is {times})" in said and said.endswith("or choose --mode sync"), said
                assert f"--function-name {NAME} --maximum-retry-attempts 0`" in said, said
        finally:
            function.stop()
    few = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))}
    for retries, warned in ((None, True), (0, False)):
        function = world.new_function(event_retries=retries, concurrency=20)
        try:
            store = f"few-files-{retries}.zarr"
            run = world.start(*world.on_lambda(store, "--mode", "auto"), function=function, **few)
            _, err = run.ends(0)
            want = "16 workers at once instead of 20, none by queued events: Lambda itself repeats"
            assert (want in err) == warned, err
            # With more shards than can be waited for the others are queued, where that does no harm.
            queues = not warned and world.shards > 16
            assert (function.queued_events > 0) == queues, f"{function.queued_events} queued events"
            note = same(world.objects(f"{store}/"), world.want)
        finally:
            function.stop()
    return note


def check_refused_runs(world):
    """What else ends a run before anything is called."""
    function = world.new_function()
    try:
        said = refused(world, function, store=world.work / "none.zarr")
        assert "functions on Lambda write to buckets only; give --store s3://bucket/folder" in said, said
        assert not (world.work / "none.zarr").exists()
        said = refused(world, function, "--max-cost", "0")
        assert "more than the $0.00 of --max-cost; give a higher --max-cost, or --yes" in said, said
        said = refused(world, function, name="another")
        assert "function another: " in said, said
    finally:
        function.stop()

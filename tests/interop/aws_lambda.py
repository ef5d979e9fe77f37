#!/usr/bin/env python3
"""The function of AWS Lambda as users run it: a server of buckets (moto), an emulator of Lambda, the real function, the real zagg.

usage: aws_lambda.py --zagg PROGRAM --bootstrap PROGRAM [--plugin LIBRARY] [--cargo-lambda PROGRAM]
needs: the packages of deployment/aws/tests/requirements.txt. `cargo xtask check --only lambda` calls this with all of them.

Granules are real ones when the folder that ZAGG_TEST_DATA names (by default ../shared/data) has any, else those of `zagg demo`.
Prints one line per check; closing line: 'N passed, M failed'. The exit code is 1 when something failed.
"""

import argparse
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path

from buckets import free_port, make_user, start_buckets
from lambda_stops import check_refused_queue, check_refused_runs, check_stopped, check_stopped_at_once
from lambda_world import BUCKET, HERE, NAME, Function, World, same

# Warm invocations after which the memory of an environment is looked at.
WARM = 50


class Checks:
    """Runs checks and counts how they end."""

    def __init__(self):
        self.passed = self.failed = 0

    def run(self, name, check, *arguments):
        """Runs one check; what it returns is a note. A failure does not keep the others from running."""
        start = time.monotonic()
        try:
            note = check(*arguments)
        except Exception as error:  # noqa: BLE001: any failure of a check is its result.
            self.failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
            return
        self.passed += 1
        seconds = f" ({time.monotonic() - start:.1f} s)"
        print(f"passed  {name}" + (f": {note}" if note else "") + seconds, flush=True)


def check_ping(world):
    failed, answer = world.function.call({"version": 1, "mode": "ping"})
    assert not failed, answer
    ping, worker = answer["ping"], answer["worker"]
    assert worker["cold"] and worker["zagg"] and worker["maxRss"] > 0, worker
    assert ping["memoryMib"] == world.function.memory and ping["workers"] >= 1, ping
    assert any(plugin.startswith("zagg-atl06 ") for plugin in ping["plugins"]), ping
    if world.plugin:
        beside = str(world.bootstrap.parent / "plugins" / world.plugin.name)
        assert any(beside in plugin for plugin in ping["plugins"]), ping
    return f"zagg {worker['zagg']}, {len(ping['plugins'])} plugins, {worker['maxRss'] >> 20} MiB"


def check_run(world, mode):
    """`zagg run --executor lambda` writes what the local executor writes."""
    before = len(world.function.events)
    world.zagg(*world.on_lambda(f"{mode}.zarr", "--mode", mode))
    note = same(world.objects(f"{mode}.zarr/"), world.want)
    secret = world.keys[1].encode()
    assert all(secret not in event for event in world.function.events), "a secret key was in an event"
    return f"{note}, {len(world.function.events) - before} invocations"


def check_plugin(world):
    """A plugin out of a shared library beside the function does what it does at home."""
    config = world.work / "shared.yaml"
    config.write_text("data_source: {reader: shared-atl06}\n")
    want = world.local("shared.zarr", "--config", config, plugins=True)
    world.zagg(*world.on_lambda("shared.zarr", "--config", config), plugins=True)
    note = same(world.objects("shared.zarr/"), want)
    # A function without it says which one is missing.
    planned = Planned(world, "unplugged.zarr", "--config", config, plugins=True)
    without = {name: value for name, value in world.environment().items() if name != "ZAGG_PLUGIN_PATH"}
    function = Function(world.bootstrap, NAME, without)
    try:
        _, answer = function.call(planned.event(0))
        error = answer["outcomes"][0]["error"]
        assert error["class"] == "plan" and "the plan needs the plugin" in error["message"], answer
    finally:
        function.stop()
    return note


class Planned:
    """A plan without a dispatcher, and events for its tasks as the state machine makes them."""

    def __init__(self, world, name, *more, **options):
        self.world, self.store = world, f"s3://{BUCKET}/{name}"
        world.zagg("plan", *world.options(*more), "--store", self.store, **options)
        folder = f"{name}.zagg/work"
        document = world.s3.get_object(Bucket=BUCKET, Key=f"{folder}/plan.json")["Body"].read()
        self.digest = hashlib.sha256(document).hexdigest()
        self.items = json.loads(world.s3.get_object(Bucket=BUCKET, Key=f"{folder}/items.json")["Body"].read())
        self.uri = self.items[0]["plan"]

    def event(self, *indexes, **more):
        return {
            "version": 1,
            "mode": "process",
            "run": "by-hand",
            "holder": "plan",
            "plan": {"uri": self.uri, "digest": self.digest},
            "tasks": [{"index": index} for index in indexes],
            **more,
        }


def select(template, given, item):
    """What an ItemSelector of a state machine makes of the input and an item: references, and nothing else."""
    if isinstance(template, list):
        return [select(part, given, item) for part in template]
    if not isinstance(template, dict):
        return template
    made = {}
    for key, value in template.items():
        if not key.endswith(".$"):
            made[key] = select(value, given, item)
            continue
        if value.startswith("$$.Map.Item.Value."):
            found, path = item, value.removeprefix("$$.Map.Item.Value.")
        elif value == "$$.Execution.Name":
            found, path = {"name": "execution-1"}, "name"
        else:
            found, path = given, value.removeprefix("$.")
        for part in path.split("."):
            found = found[part]
        made[key.removesuffix(".$")] = found
    return made


def check_state_machine(world):
    """The events of the state machine, on every item of a plan, make the store, which is then finalized."""
    planned = Planned(world, "map.zarr")
    machine = json.loads((HERE.parents[2] / "deployment/aws/distributed_map.asl.json").read_text())
    selector = machine["States"]["Shards"]["ItemSelector"]
    given = {"digest": planned.digest, "credentials": None}
    for item in planned.items:
        failed, answer = world.function.call(select(selector, given, item))
        assert not failed and answer["outcomes"][0]["report"]["status"] == "done", answer
        assert answer["outcomes"][0]["shard"] == item["shard"], answer
    world.zagg("finalize", "--plan", planned.uri)
    note = same(world.objects("map.zarr/"), world.want)
    # The store was taken back: a late event writes nothing.
    _, answer = world.function.call(select(selector, given, planned.items[0]))
    late = answer["outcomes"][0]
    assert "report" in late or late["error"]["class"] == "store", late
    return f"{note}, {len(planned.items)} items"


def check_refusals(world):
    """What cannot be done is refused in one line, by class, and nothing of a secret is repeated."""
    planned = Planned(world, "refused.zarr")
    call = world.function.call

    def refused(event, name):
        failed, answer = call(event)
        assert not failed, answer
        error = answer["outcomes"][0]["error"]
        assert error["class"] == name, (name, error)
        assert "\n" not in error["message"], error
        return error["message"]

    failed, answer = call({"version": 2, "mode": "process"})
    assert failed and answer["errorType"] == "Zagg.Event" and "deploy the function" in answer["errorMessage"], answer
    failed, answer = call(b'"TOP-SECRET"')
    assert failed and "TOP-SECRET" not in json.dumps(answer), answer
    other = planned.event(0)
    other["plan"]["digest"] = "0" * 64
    assert "is another one than was dispatched" in refused(other, "plan")
    refused(planned.event(10**9), "event")
    assert "nobody waits" in refused(planned.event(0, notAfter=1), "expired")
    assert "s are left" in refused(planned.event(0, expectedSeconds=5000), "deadline")
    gone = refused(planned.event(0, credentials={"uri": f"s3://{BUCKET}/no/such"}), "credentials")
    assert "has been taken away" in gone, gone
    document = {"accessKeyId": "ASIA1", "secretAccessKey": "TOP-SECRET", "expiration": "2020-01-01T00:00:00Z"}
    ended = refused(planned.event(0, credentials={"uri": world.put("ended.json", json.dumps(document))}), "credentials")
    assert "was not renewed" in ended and "TOP-SECRET" not in ended, ended
    world.s3.delete_object(Bucket=BUCKET, Key="refused.zarr/zarr.json")
    refused(planned.event(0), "store")
    return None


def check_lent_keys(world):
    """Keys of an archive out of the object that the event points to are who reads the granules; the event has none."""
    access = world.work / "nsidc.yaml"
    access.write_text("data_source:\n  access: {credentials: nsidc}\n")
    planned = Planned(world, "lent.zarr", "--config", access)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    reader = make_user(world.url, "reader", world.keys)
    document = {"archive": "nsidc", "accessKeyId": reader[0], "secretAccessKey": reader[1], "expiration": soon}
    event = planned.event(planned.items[0]["index"], credentials={"uri": world.put("lent.json", json.dumps(document))})
    failed, answer = world.function.call(event)
    assert not failed and answer["outcomes"][0]["report"]["status"] == "done", answer
    # Keys that the bucket does not know are refused; then the object is read again, where others are by now.
    wrong = dict(document, accessKeyId="AKIAWRONG", secretAccessKey="TOP-SECRET")
    other = world.put("wrong.json", json.dumps(wrong))
    failed, answer = world.function.call(planned.event(planned.items[-1]["index"], credentials={"uri": other}))
    text = json.dumps(answer)
    assert '"status": "done"' not in text and "TOP-SECRET" not in text, text
    world.put("wrong.json", json.dumps(document))
    # For two seconds a refusal stands for all who ask.
    time.sleep(2.1)
    failed, answer = world.function.call(planned.event(planned.items[-1]["index"], credentials={"uri": other}))
    assert not failed and answer["outcomes"][0]["report"]["status"] == "done", answer
    return None


def check_status(world):
    """The answer is also put where the event says; a place that cannot be written to is a function error."""
    planned = Planned(world, "status.zarr")
    index = planned.items[0]["index"]
    failed, answer = world.function.call(planned.event(index, attempt=7, statusUri=f"s3://{BUCKET}/answers/a.json"))
    assert not failed, answer
    kept = json.loads(world.s3.get_object(Bucket=BUCKET, Key="answers/a.json")["Body"].read())
    assert kept == answer and kept["attempt"] == 7, kept
    failed, answer = world.function.call(planned.event(index, statusUri="s3://there-is-no-such-bucket/a.json"))
    assert failed and answer["errorType"] == "Zagg.Status", answer


def check_memory(world):
    """An environment holds after many warm invocations what it held after the first ones."""
    planned = Planned(world, "warm.zarr")
    function = world.new_function(concurrency=1)
    try:
        sizes, seconds = [], []
        for number in range(WARM):
            index = planned.items[number % len(planned.items)]["index"]
            event = planned.event(index)
            start = time.monotonic()
            failed, answer = function.call(event)
            seconds.append(time.monotonic() - start)
            assert not failed and "report" in answer["outcomes"][0], answer
            # A done shard would be left alone: the record goes, and the next invocation makes it again.
            shard = answer["outcomes"][0]["shard"]
            world.s3.delete_object(Bucket=BUCKET, Key=f"warm.zarr.zagg/shards/{shard}.json")
            sizes.append(function.all[0].resident() >> 20)
        first, last = max(sizes[:10]), max(sizes[-10:])
        assert last <= first * 1.1 + 8, f"{sizes} MiB"
        warm = sorted(seconds[1:])[len(seconds) // 2]
        return f"{first} MiB after 10 invocations, {last} MiB after {WARM}; {warm * 1000:.0f} ms each"
    finally:
        function.stop()


def check_logs(world):
    """Lines are JSON with a level and the id of the invocation, and hold no key."""
    lines = [line for line in world.function.logs() if line.strip()]
    assert lines, "nothing was logged"
    ended = 0
    for line in lines:
        entry = json.loads(line)
        assert {"timestamp", "level", "message", "requestId"} <= entry.keys(), line
        assert world.keys[1] not in line and "TOP-SECRET" not in line, "a secret was logged"
        ended += entry["message"] == "invocation ended"
    assert ended, "no invocation says that it ended"
    return f"{len(lines)} lines"


class Watched:
    """The emulator that the makers of cargo-lambda ship, and environments of the same function behind it.

    It would build and start one environment itself; here those that were built are started. `_` is the only function of a
    package; others it knows once they are invoked, which is too late for environments that ask before."""

    NAME = "_"

    def __init__(self, world, environments):
        self.world, self.url = world, None
        self.environments, self.processes = environments, []
        self.log = world.work / "cargo-lambda.log"

    def __enter__(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [self.world.cargo_lambda, "lambda", "watch", "--only-lambda-apis", "-A", "127.0.0.1", "-P", str(port)]
        with open(self.log, "wb") as log:
            watch = subprocess.Popen(command, cwd=HERE.parents[2] / "deployment/aws", stdout=log, stderr=subprocess.STDOUT)
            self.processes.append(watch)
            try:
                wait_for(port, watch)
                variables = {
                    **self.world.environment(),
                    "PATH": os.environ["PATH"],
                    "AWS_LAMBDA_RUNTIME_API": f"{self.url}/.rt",
                    "AWS_LAMBDA_FUNCTION_NAME": self.NAME,
                    "AWS_LAMBDA_FUNCTION_VERSION": "1",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
                }
                for _ in range(self.environments):
                    program = [self.world.bootstrap]
                    self.processes.append(subprocess.Popen(program, env=variables, stdout=log, stderr=subprocess.STDOUT))
            except Exception:
                self.__exit__(True, None, None)
                raise
        return self

    def __exit__(self, failed, *_):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()
        text = self.log.read_text(errors="replace")
        if failed:
            print(text[-3000:])
        assert self.world.keys[1] not in text, "a secret key was logged"

    def run(self, store, *more, **options):
        """`zagg run --executor lambda` with the emulator as its endpoint."""
        endpoint = ["--executor", "lambda", "--function", self.NAME, "--endpoint-url", self.url]
        return self.world.zagg("run", *self.world.options(*endpoint, *more), "--store", f"s3://{BUCKET}/{store}", **options)


def check_cargo_lambda(world):
    """`zagg run --executor lambda` on the function in `cargo lambda watch` writes what the local executor writes."""
    with Watched(world, 2) as watched:
        for mode in ("sync", "async"):
            watched.run(f"watched-{mode}.zarr", "--mode", mode)
            note = same(world.objects(f"watched-{mode}.zarr/"), world.want)
        served = watched.log.read_text(errors="replace").count("invocation ended")
        # Each run says hello first.
        assert served >= 2 * (world.shards + 1), f"{served} invocations"
        if world.plugin:
            config = world.work / "shared.yaml"
            config.write_text("data_source: {reader: shared-atl06}\n")
            watched.run("watched-plugin.zarr", "--config", config, plugins=True)
            want = world.local("watched-local.zarr", "--config", config, plugins=True)
            same(world.objects("watched-plugin.zarr/"), want)
        # What the function calls a failure is one here, too: status 500 where AWS says 200.
        body = json.dumps({"version": 2, "mode": "process"}).encode()
        try:
            urllib.request.urlopen(
                urllib.request.Request(f"{watched.url}/2015-03-31/functions/{watched.NAME}/invocations", body), timeout=60
            )
            raise AssertionError("an event that is none was taken")
        except urllib.error.HTTPError as error:
            answer = error.read().decode()
            assert error.code == 500 and "Zagg.Event" in answer, (error.code, answer)
        return f"{note}, {served} invocations"


def wait_for(port, process):
    for _ in range(150):
        assert process.poll() is None, "cargo lambda watch ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("cargo lambda watch does not listen")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zagg", required=True, type=Path, help="the program")
    parser.add_argument("--bootstrap", required=True, type=Path, help="the function")
    parser.add_argument("--plugin", type=Path, help="the library libsound.so of the test plugins")
    parser.add_argument("--cargo-lambda", type=Path, help="the program of that name")
    parser.add_argument("--only", help="checks whose name holds this")
    arguments = parser.parse_args()
    for name in ("zagg", "bootstrap", "plugin", "cargo_lambda"):
        if getattr(arguments, name):
            setattr(arguments, name, getattr(arguments, name).resolve())
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="zagg-lambda-") as temporary:
        work = Path(temporary)
        with open(work / "server.log", "wb") as log:
            server, url = start_buckets(log)
        world = None
        try:
            world = World(arguments, url, make_user(url, "owner"), work)
            world.want = world.local("local.zarr")
            todo = [
                ("the function answers a ping", check_ping, world),
                ("zagg run --executor lambda, waiting on the line", check_run, world, "sync"),
                ("zagg run --executor lambda, by events", check_run, world, "async"),
                ("a run that queued events could harm", check_refused_queue, world),
                ("runs that do not begin", check_refused_runs, world),
                ("Ctrl-C, waiting on the line", check_stopped, world, "sync", signal.SIGINT),
                ("SIGTERM, by events", check_stopped, world, "async", signal.SIGTERM),
                ("Ctrl-C twice", check_stopped_at_once, world),
                ("events of the state machine", check_state_machine, world),
                ("refusals", check_refusals, world),
                ("lent keys", check_lent_keys, world),
                ("answers as objects", check_status, world),
                ("memory over warm invocations", check_memory, world),
            ]
            if arguments.plugin:
                todo.insert(3, ("a plugin beside the function", check_plugin, world))
            if arguments.cargo_lambda:
                todo.append(("cargo lambda watch", check_cargo_lambda, world))
            todo.append(("logs", check_logs, world))
            for check in todo:
                if not arguments.only or arguments.only in check[0]:
                    checks.run(*check)
        finally:
            if world:
                world.function.stop()
            server.terminate()
            server.wait()
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed or not checks.passed else 0)


if __name__ == "__main__":
    main()

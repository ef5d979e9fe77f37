"""What the checks of the function on AWS Lambda share: a server of buckets (moto), an emulator of Lambda with the real function, and
the real zagg."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from buckets import REGION, client

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "deployment/aws/tests"))
from emulator import Function  # noqa: E402: the folder is not a package.

BUCKET = "stores-of-the-test"
NAME = "process-shard"


def tree(folder):
    folder = Path(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class World:
    def __init__(self, arguments, url, keys, work):
        self.zagg_program, self.plugin, self.cargo_lambda = arguments.zagg, arguments.plugin, arguments.cargo_lambda
        self.url, self.keys, self.work = url, keys, work
        self.bootstrap = self.unpacked(arguments.bootstrap)
        self.s3 = client("s3", url, keys)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.function = self.new_function()
        self.config = work / "access.yaml"
        self.config.write_text(
            f"data_source:\n  driver: s3\n  access: {{endpoint_url: '{url}'}}\noutput:\n  endpoint_url: '{url}'\n"
            f"  region: {REGION}\n"
        )
        self.map = self.granules()

    def new_function(self, **options):
        """The function with the role of its own: here, keys in its environment. No folder to write to but /tmp."""
        return Function(self.bootstrap, NAME, self.environment(), **options)

    def unpacked(self, bootstrap):
        """The function's program in a folder that holds what its zip would: the program, and plugins beside it."""
        task = self.work / "task"
        task.mkdir()
        (task / "bootstrap").symlink_to(bootstrap)
        if self.plugin:
            (task / "plugins").mkdir()
            shutil.copy(self.plugin, task / "plugins")
        return task / "bootstrap"

    def environment(self):
        template = (HERE.parents[2] / "deployment/aws/template.yaml").read_text()
        plugins = re.search(r"ZAGG_PLUGIN_PATH: (/var/task\S*)", template)[1]
        variables = {
            "AWS_ACCESS_KEY_ID": self.keys[0],
            "AWS_SECRET_ACCESS_KEY": self.keys[1],
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.url,
            "MALLOC_ARENA_MAX": "2",
            # As the template has it, for a zip that is unpacked here.
            "ZAGG_PLUGIN_PATH": plugins.replace("/var/task", str(self.bootstrap.parent)),
        }
        return variables

    def start(self, *words, function=None, plugins=False, **options):
        """The program, started; what it says goes to files, so that it can be looked at meanwhile."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment.update(
            AWS_ACCESS_KEY_ID=self.keys[0],
            AWS_SECRET_ACCESS_KEY=self.keys[1],
            AWS_REGION=REGION,
            AWS_ENDPOINT_URL_S3=self.url,
            AWS_ENDPOINT_URL_LAMBDA=(function or self.function).url,
        )
        if plugins:
            environment["ZAGG_PLUGIN_PATH"] = str(self.plugin)
        return Program(self, [str(word) for word in [self.zagg_program, *words]], env=environment, **options)

    def zagg(self, *words, code=0, **options):
        """What the program prints."""
        return self.start(*words, **options).ends(code)[0]

    def granules(self):
        """Puts granules into the bucket, and gives the shard map that says so."""
        data = Path(os.environ.get("ZAGG_TEST_DATA", HERE.parents[3] / "shared/data")) / "atl06"
        real = sorted(data.glob("ATL06_*.h5")) + sorted(data.glob("processed_ATL06_*.h5"))
        real = [path for path in real if "subset" not in path.name][:8]
        if real:
            print(f"{len(real)} real granules", flush=True)
            links = self.work / "granules"
            links.mkdir()
            for path in real:
                (links / path.name).symlink_to(path)
            self.zagg("catalog", "--plugin", "atl06", "--from-files", "granules/*.h5", "--output", "local.json")
            local = self.work / "local.json"
        else:
            print("skipped: real granules, which are not there; set ZAGG_TEST_DATA", flush=True)
            self.zagg("demo")
            local = self.work / "zagg-demo/map.json"
        shard_map = json.loads(local.read_text())
        sent = set()
        for granules in shard_map["granules"]:
            for granule in granules:
                path = granule.pop("file")
                if path not in sent:
                    sent.add(path)
                    self.s3.upload_file(str(self.work / path), BUCKET, f"ATL06/{granule['id']}")
                granule["s3"] = f"s3://{BUCKET}/ATL06/{granule['id']}"
        path = self.work / "map.json"
        path.write_text(json.dumps(shard_map))
        self.shards = len(shard_map["shard_keys"] if "shard_keys" in shard_map else shard_map["granules"])
        return path

    def options(self, *more):
        """What all runs have in common."""
        return ["--plugin", "atl06", "--config", self.config, *more, "--catalog", self.map]

    def local(self, name, *more, **options):
        """The store that the local executor makes."""
        self.zagg("run", *self.options(*more), "--store", self.work / name, **options)
        return tree(self.work / name)

    def on_lambda(self, store, *more):
        """The words of a run by the function."""
        endpoint = ["--executor", "lambda", "--function", NAME, "--region", REGION]
        return ["run", *self.options(*endpoint, *more), "--store", f"s3://{BUCKET}/{store}"]

    def objects(self, prefix):
        """What the bucket has there, by the rest of its name."""
        found = {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
            for item in page.get("Contents", []):
                body = self.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
                found[item["Key"].removeprefix(prefix)] = body
        return found

    def put(self, key, text):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode(), ServerSideEncryption="AES256")
        return f"s3://{BUCKET}/{key}"


class Program:
    """zagg as it runs."""

    def __init__(self, world, command, **options):
        self.world, self.command = world, command
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err, cwd=world.work, **options
        )

    def said(self, file):
        # Its place in the file is that of the program.
        text = os.pread(file.fileno(), 1 << 30, 0).decode()
        assert self.world.keys[1] not in text, "a secret key was printed"
        return text

    def signal(self, number, until):
        """Sends a signal, and waits until the program has said so."""
        self.process.send_signal(number)
        wait_until(lambda: until in self.said(self.err), f"zagg to say {until!r}")

    def ends(self, code):
        """What it has printed, and what it has said beside, once it has ended with this exit code."""
        try:
            found = self.process.wait(timeout=300)
        finally:
            self.process.kill()
        out, err = self.said(self.out), self.said(self.err)
        assert found == code, f"{' '.join(self.command[1:])}: exit code {found}: {err[-3000:]}"
        return out, err


def wait_until(so, what):
    """Waits for something that is to happen soon."""
    for _ in range(1200):
        if so():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited a minute for {what}")


def same(have, want):
    """Two stores have the same bytes."""
    assert have.keys() == want.keys(), f"other objects: {sorted(have.keys() ^ want.keys())[:5]}"
    different = sorted(name for name in have if have[name] != want[name])
    assert not different, f"{different[:5]} differ from those of the local executor"
    assert any("/c/" in name for name in have), "there are no arrays"
    return f"{len(have)} objects"

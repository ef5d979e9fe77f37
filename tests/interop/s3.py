#!/usr/bin/env python3
"""Buckets: zagg reads granules from, and writes stores and indexes to, a server that speaks S3's protocol (moto).

usage: s3.py --zagg PROGRAM
needs: the packages of s3-requirements.txt. `cargo xtask check --only interop` calls this with all of them.

The server checks who signs. Prints one line per check; closing line: 'N passed, M failed'. The exit code is 1 when
something failed.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import obstore.store
import xarray
import zarr
from buckets import REGION, client, make_user, start_buckets

BUCKET = "granules-of-the-test"


class Checks:
    """Runs checks and counts how they end. Apart from that of run.py, whose packages are not here."""

    def __init__(self):
        self.passed = self.failed = 0

    def run(self, name, check, *arguments):
        """Runs one check; what it returns is a note. A failure does not keep the others from running."""
        try:
            note = check(*arguments)
        except Exception as error:  # noqa: BLE001: any failure of a check is its result.
            self.failed += 1
            print(f"FAILED  {name}: {error}")
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
            return
        self.passed += 1
        print(f"passed  {name}" + (f": {note}" if note else ""))


def upload(url, keys, demo):
    """Puts the granules of the demo into a bucket, and gives the shard map that says so."""
    s3 = client("s3", url, keys)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for path in sorted((demo / "granules").glob("*.h5")):
        s3.upload_file(str(path), BUCKET, f"ATL06/{path.name}")
    shard_map = json.loads((demo / "map.json").read_text())
    for granules in shard_map["granules"]:
        for granule in granules:
            del granule["file"]
            granule["s3"] = f"s3://{BUCKET}/ATL06/{granule['id']}"
    path = demo / "map-s3.json"
    path.write_text(json.dumps(shard_map))
    return path


def tree(folder):
    return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def zagg(program, keys, *arguments, variables=None):
    """Runs the program with these keys in its environment: exit code, standard output, standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLURM_"))}
    environment.update(variables or {})
    if keys:
        environment.update(AWS_ACCESS_KEY_ID=keys[0], AWS_SECRET_ACCESS_KEY=keys[1])
    else:
        environment.update(AWS_EC2_METADATA_DISABLED="true")
    words = [str(word) for word in [program, *arguments]]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    for secret in ([keys[1]] if keys else []):
        assert secret not in done.stdout + done.stderr, "a secret key was printed"
    return done.returncode, done.stdout, done.stderr


def objects(world, prefix):
    """The objects below a prefix of the bucket, by the rest of their names."""
    s3 = client("s3", world.url, world.keys)
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
        for item in page.get("Contents", []):
            body = s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            found[Path(item["Key"].removeprefix(prefix))] = body
    return found


def opened(world, prefix):
    """A store in the bucket as zarr-python sees it."""
    place = obstore.store.S3Store(
        BUCKET,
        prefix=prefix,
        endpoint=world.url,
        region=REGION,
        access_key_id=world.keys[0],
        secret_access_key=world.keys[1],
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
    )
    return zarr.storage.ObjectStore(place, read_only=True)


class World:
    """The program, the server, its user's keys, and the demo's granules both as files and in the bucket."""

    def __init__(self, program, url, keys, demo):
        self.program, self.url, self.keys, self.demo = program, url, keys, demo
        self.map = upload(url, keys, demo)
        self.want = tree(demo / "out.zarr")
        self.config = demo / "access.yaml"
        self.config.write_text(
            f"data_source:\n  driver: s3\n  access: {{endpoint_url: '{url}'}}\noutput:\n  endpoint_url: '{url}'\n"
        )

    def options(self):
        return ["--plugin", "atl06", "--config", self.config]

    def run(self, store, *more, keys=None):
        place = store if str(store).startswith("s3://") else self.demo / store
        arguments = ["run", *self.options(), *more, "--catalog", self.map, "--store", place]
        return zagg(self.program, keys or self.keys, *arguments)


def check_same(world, store, *more, keys=None):
    code, _, errors = world.run(store, *more, keys=keys)
    assert code == 0, f"exit code {code}: {errors}"
    have = tree(world.demo / store)
    assert have.keys() == world.want.keys(), "other files than those of the local run"
    different = [str(name) for name in have if have[name] != world.want[name]]
    assert not different, f"{different} differ from those of the local run"
    return f"{len(have)} files"


def check_indexes(world):
    """Indexes are kept in the bucket with the keys of a file, and runs on them write the same store."""
    file = world.demo / "keys.json"
    file.write_text(json.dumps({"AccessKeyId": world.keys[0], "SecretAccessKey": world.keys[1]}))
    file.chmod(0o600)
    place = f"s3://{BUCKET}/indexes"
    options = [*world.options(), "--catalog", world.map, "--index", place, "--output-creds", file]
    code, _, errors = zagg(world.program, world.keys, "index", *options)
    assert code == 0, f"exit code {code}: {errors}"
    config = world.demo / "index.yaml"
    config.write_text(f"data_source: {{index: {{store: '{place}', on_miss: error}}}}\n")
    check_same(world, "indexed.zarr", "--config", config, "--output-creds", file)
    found = client("s3", world.url, world.keys).list_objects_v2(Bucket=BUCKET, Prefix="indexes/")
    return f"{found['KeyCount']} objects"


def check_store(world, layout):
    """A run into the bucket leaves the objects of a run into a folder, and no lock."""
    config = world.demo / f"{layout}.yaml"
    config.write_text(f"output: {{layout: {layout}, compression: {'zstd' if layout == 'compact' else 'blosc'}}}\n")
    code, _, errors = world.run(f"{layout}-local.zarr", "--config", config)
    assert code == 0, f"exit code {code}: {errors}"
    code, _, errors = world.run(f"s3://{BUCKET}/stores/{layout}.zarr", "--config", config)
    assert code == 0, f"exit code {code}: {errors}"
    want, have = tree(world.demo / f"{layout}-local.zarr"), objects(world, f"stores/{layout}.zarr/")
    assert have.keys() == want.keys(), f"other objects: {sorted(map(str, have.keys() ^ want.keys()))[:5]}"
    different = [str(name) for name in have if have[name] != want[name]]
    assert not different, f"{different[:5]} differ"
    beside = {str(name) for name in objects(world, f"stores/{layout}.zarr.zagg/")}
    assert "lock" not in beside and "plan.json" in beside, beside
    return f"{len(have)} objects"


def check_readers(world):
    """zarr-python and xarray read the store in the bucket, with the values of the one in the folder."""
    remote = zarr.open_consolidated(opened(world, "stores/compact.zarr"), mode="r")
    local = zarr.open_consolidated(world.demo / "out.zarr")
    assert remote.attrs["zagg"]["state"] == "complete"
    for name, array in local["12"].arrays():
        np.testing.assert_array_equal(remote["12"][name][:], array[:], err_msg=name)
    data = xarray.open_zarr(opened(world, "stores/compact.zarr"), group="12")
    assert int((data["count"] > 0).sum()) > 0
    blosc = zarr.open_consolidated(opened(world, "stores/full_sphere.zarr"), mode="r")["12/h_mean"]
    plain = zarr.open_consolidated(world.demo / "full_sphere-local.zarr")["12/h_mean"]
    assert blosc.metadata.codecs[-1].to_dict()["name"] == "blosc", blosc.metadata.codecs
    shard = int(local["12/cell_ids"][0]) // plain.chunks[0]
    np.testing.assert_array_equal(blosc.blocks[shard], plain.blocks[shard])
    assert not np.isnan(plain.blocks[shard]).all()


def check_tools(world):
    """zagg's own commands on the store in the bucket: inspect, and a copy in larger chunks."""
    keys = {"accessKeyId": world.keys[0], "secretAccessKey": world.keys[1], "endpointUrl": world.url}
    file = world.demo / "endpoint-keys.json"
    file.write_text(json.dumps(keys))
    file.chmod(0o600)
    store, copy = f"s3://{BUCKET}/stores/compact.zarr", f"s3://{BUCKET}/stores/large.zarr"
    options = ["--output-creds", file, "--format", "json"]
    code, text, errors = zagg(world.program, None, "inspect", store, *options)
    assert code == 0 and json.loads(text)["state"] == "complete", f"exit code {code}: {errors}"
    code, _, errors = zagg(world.program, None, "finalize", store, "--rechunk", "100000", "--to", copy, *options)
    assert code == 0, f"exit code {code}: {errors}"
    large = zarr.open_consolidated(opened(world, "stores/large.zarr"), mode="r")["12"]
    small = zarr.open_consolidated(opened(world, "stores/compact.zarr"), mode="r")["12"]
    assert large["count"].chunks[0] > small["count"].chunks[0]
    for name, array in small.arrays():
        np.testing.assert_array_equal(large[name][:], array[:], err_msg=name)
    # Where cells are is told by the plan beside one of them, by the ids in the other.
    part = ["--variable", "h_mean", "--crs", "EPSG:3031", "--bounds", "20,-88,80,-83", "--size", "300"]
    maps = []
    for name, place in [("store", store), ("copy", copy)]:
        path = world.demo / f"{name}.tif"
        code, text, errors = zagg(world.program, None, "render", place, "--output", path, *part, *options)
        assert code == 0 and json.loads(text)["pixels_with_value"] > 100, f"exit code {code}: {errors}"
        maps.append(path.read_bytes())
    assert maps[0] == maps[1], "the maps of a store and of its copy differ"
    code, _, errors = world.run(copy)
    assert code == 1 and "is a rechunked copy of another store" in errors, f"exit code {code}: {errors}"


def check_workers(world):
    """A plan in the bucket, and workers of it side by side, leave the objects of a run; no key is in any of them."""
    store, count = f"s3://{BUCKET}/stores/workers.zarr", 4
    file = world.demo / "worker-keys.json"
    keys = {"accessKeyId": world.keys[0], "secretAccessKey": world.keys[1], "endpointUrl": world.url}
    file.write_text(json.dumps(keys))
    file.chmod(0o600)
    options = ["--catalog", world.map, "--store", store, "--output-creds", file, "--format", "json"]
    for published in ["new", "existing"]:
        code, text, errors = zagg(world.program, None, "plan", *world.options(), *options)
        assert code == 0, f"exit code {code}: {errors}"
        plan = json.loads(text)
        assert plan["published"] == published and plan["plan"] == f"{store}.zagg/work", plan
    code, _, errors = world.run(store)
    assert code == 1 and "is given to the workers of the plan" in errors, f"exit code {code}: {errors}"

    def worker(number):
        ids = {"ID": number, "COUNT": count, "MIN": 0, "MAX": count - 1}
        variables = {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in ids.items()}
        arguments = ["worker", "--plan", plan["plan"], "--output-creds", file]
        return zagg(world.program, world.keys, *arguments, variables=variables)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for code, _, errors in pool.map(worker, range(count)):
            assert code == 0, f"exit code {code}: {errors}"
    code, _, errors = zagg(world.program, None, "finalize", "--plan", plan["plan"], "--output-creds", file)
    assert code == 0, f"exit code {code}: {errors}"
    have = objects(world, "stores/workers.zarr/")
    assert have.keys() == world.want.keys(), f"other objects: {sorted(map(str, have.keys() ^ world.want.keys()))[:5]}"
    different = [str(name) for name in have if have[name] != world.want[name]]
    assert not different, f"{different[:5]} differ"
    beside = objects(world, "stores/workers.zarr.zagg/")
    assert not [name for name, body in beside.items() if any(key.encode() in body for key in world.keys)], "a key"
    items = json.loads(beside[Path("work/items.json")])
    assert len(items) == plan["tasks"] and items[0]["plan"] == plan["plan"], items[:1]
    assert len([name for name in beside if name.parts[0] == "status"]) == plan["tasks"]
    return f"{plan['tasks']} tasks, {count} workers"


def check_overwrite(world):
    """Objects of others stay, and are named."""
    s3 = client("s3", world.url, world.keys)
    s3.put_object(Bucket=BUCKET, Key="stores/compact.zarr/12/notes.txt", Body=b"mine")
    code, _, errors = world.run(f"s3://{BUCKET}/stores/compact.zarr", "--overwrite")
    assert code == 0 and "12/notes.txt is not of zagg" in errors, f"exit code {code}: {errors}"
    have = objects(world, "stores/compact.zarr/")
    assert have.pop(Path("12/notes.txt")) == b"mine" and have == world.want


def check_lock(world):
    """A lock of somebody else is respected, and named."""
    s3 = client("s3", world.url, world.keys)
    key = "stores/compact.zarr.zagg/lock"
    holder = {"pid": 4711, "host": "node3", "machine": "m", "started": "1", "number": 0, "since": 0, "token": "t"}
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(holder).encode())
    code, _, errors = world.run(f"s3://{BUCKET}/stores/compact.zarr")
    assert code != 0 and "process 4711 on node3" in errors and f"remove s3://{BUCKET}/{key}" in errors, errors
    s3.delete_object(Bucket=BUCKET, Key=key)
    code, _, errors = world.run(f"s3://{BUCKET}/stores/compact.zarr")
    assert code == 0, errors
    code, _, errors = world.run("s3://there-is-no-such-bucket/out.zarr")
    assert code == 1 and "there is no such bucket" in errors, errors


def check_inspect(world):
    name = sorted(path.name for path in (world.demo / "granules").glob("*.h5"))[0]
    href = f"s3://{BUCKET}/ATL06/{name}"
    code, text, errors = zagg(world.program, world.keys, "inspect", href, "--plugin", "atl06", "--config", world.config)
    assert code == 0 and text.startswith(f"{href}: ") and "gt1l" in text, f"{text}{errors}"
    missing = f"s3://{BUCKET}/ATL06/nothing.h5"
    code, _, errors = zagg(world.program, world.keys, "inspect", missing, "--plugin", "atl06", "--config", world.config)
    assert code == 1 and f"{missing}: no such object" in errors, errors


def check_refused(world, keys, want):
    code, _, errors = world.run("refused.zarr", keys=keys)
    assert code != 0 and want in errors, f"exit code {code}: {errors}"


def check_without_keys(world):
    arguments = ["run", *world.options(), "--catalog", world.map, "--store", world.demo / "refused.zarr"]
    code, _, errors = zagg(world.program, None, *arguments)
    assert code != 0 and "no AWS credentials: set AWS_ACCESS_KEY_ID" in errors, f"exit code {code}: {errors}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zagg", required=True, type=Path, help="the program")
    program = parser.parse_args().zagg.resolve()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="zagg-s3-") as temporary:
        work = Path(temporary)
        with open(work / "server.log", "wb") as log:
            server, url = start_buckets(log)
        try:
            subprocess.run([program, "demo"], cwd=work, check=True, capture_output=True)
            keys = make_user(url, "owner")
            world = World(program, url, keys, work / "zagg-demo")
            checks.run("a run from a bucket writes the store of a local run", check_same, world, "remote.zarr")
            checks.run("indexes in a bucket", check_indexes, world)
            checks.run("inspecting a granule in a bucket", check_inspect, world)
            for layout in ["compact", "full_sphere"]:
                checks.run(f"a store in a bucket, {layout}", check_store, world, layout)
            checks.run("zarr-python and xarray read it", check_readers, world)
            checks.run("inspect and rechunk in a bucket", check_tools, world)
            checks.run("a plan and workers in a bucket", check_workers, world)
            checks.run("overwriting leaves what is not zagg's", check_overwrite, world)
            checks.run("locks and mistyped buckets", check_lock, world)
            wrong = (keys[0], "x" * len(keys[1]))
            checks.run("a wrong secret is refused", check_refused, world, wrong, "(SignatureDoesNotMatch)")
            unknown = ("AKIAAAAAAAAAAAAAAAAA", keys[1])
            checks.run("an unknown key is refused", check_refused, world, unknown, "(InvalidAccessKeyId)")
            checks.run("no keys at all", check_without_keys, world)
        finally:
            server.terminate()
            server.wait()
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())

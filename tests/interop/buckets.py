"""A server of buckets on loopback (moto) that checks who signs, and users who may sign."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import boto3

REGION = "eu-north-1"
# Requests that need no signature: making the first user, and keys for it.
UNSIGNED = 3
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_buckets(log):
    """A server of buckets that checks who signs, and its URL."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(UNSIGNED)}
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    for _ in range(150):
        assert server.poll() is None, "the server of buckets ended at once"
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
            return server, url
        except OSError:
            time.sleep(0.2)
    server.terminate()
    raise AssertionError("the server of buckets does not answer")


def client(service, url, keys=("none", "none")):
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id=keys[0], aws_secret_access_key=keys[1]
    )


def make_user(url, name, keys=("none", "none")):
    """Keys of a user who may do everything. The first one is made without keys."""
    iam = client("iam", url, keys)
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]

#!/usr/bin/env python3
"""The scripts of deployment/aws against a program `aws` that notes its calls, and build_function.sh on programs made for it.

usage: scripts.py
needs: bash, a C compiler (`cc`), readelf, cargo. Prints one line per check; the exit code is 1 when something failed.
"""

import fnmatch
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import building
from building import HERE, MACHINE

ROLE = "arn:aws:iam::123456789012:role/mine"
FAKE = """#!{python} -IS
import json, os, sys
words = sys.argv[1:]
with open(os.environ["CALLS"], "a") as log:
    log.write(json.dumps(words) + "\\n")
for start, answer in json.loads(os.environ["ANSWERS"]):
    if words[: len(start)] == start and any(answer.get("query", "") in word for word in words):
        if answer.get("file"):
            open(next(word for word in words if word.startswith("/") and not word.startswith("fileb")), "w").write(answer["file"])
        sys.stdout.write(answer.get("text", ""))
        sys.stderr.write(answer.get("error", ""))
        sys.exit(answer.get("code", 0))
"""


# Each (script, service, command) that any check has seen.
CALLED = set()
DESCRIBE, CONFIGURATION = ["cloudformation", "describe-stacks"], ["lambda", "get-function-configuration"]
MISSING = "An error occurred (ValidationError) when calling the DescribeStacks operation: Stack with id x does not exist\n"
# What is there: the stack, as its description tells, and the function with its processor.
STACKS = {
    "ours": {"text": "UPDATE_COMPLETE\tzagg on AWS Lambda: one function that computes shards\n"},
    "another": {"text": "CREATE_COMPLETE\tzagg: backend of Lambda functions with a layer\n"},
    "undescribed": {"text": "CREATE_COMPLETE\tNone\n"},
    "begun": {"text": "REVIEW_IN_PROGRESS\tNone\n"},
    "none": {"code": 254, "error": MISSING},
    "unknown": {"code": 253, "error": "Unable to locate credentials\n"},
}
FUNCTIONS = {
    "ours": {"text": "Computes shards of zagg stores.\tarm64\n"},
    "for x86_64": {"text": "Computes shards of zagg stores.\tx86_64\n"},
    "another": {"text": "None\tarm64\n"},
    "none": {"code": 254, "error": "An error occurred (ResourceNotFoundException)\n"},
}


class World:
    def __init__(self, folder):
        self.folder, self.calls = folder, folder / "calls"
        self.programs = folder / "programs"
        self.programs.mkdir()
        fake = self.programs / "aws"
        # The shims of some installations of Python take longer than all the rest.
        fake.write_text(FAKE.replace("{python}", sys.executable))
        fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
        self.zip = folder / "function.zip"
        self.zip.write_bytes(b"a zip")

    def run(self, script, *words, answers=(), code=0, stack="none", function="ours", **settings):
        """Exit code checked; the calls of aws and what was said."""
        self.calls.write_text("")
        there = [(DESCRIBE, {"query": "StackStatus", **STACKS[stack]}), (CONFIGURATION, FUNCTIONS[function])]
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        environment = {
            **keep,
            "PATH": f"{self.programs}:{keep['PATH']}",
            "CALLS": str(self.calls),
            "ANSWERS": json.dumps([*there, *answers]),
            **settings,
        }
        done = subprocess.run(
            [HERE / script, *words], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=120,
        )
        assert done.returncode == code, f"{script}: exit code {done.returncode}: {done.stderr}"
        calls = [json.loads(line) for line in self.calls.read_text().splitlines()]
        CALLED.update((Path(script).name, *call[:2]) for call in calls)
        for call in calls:
            assert f"$ aws {call[0]} {call[1]}" in done.stderr, f"not printed: {call}"
        if code == 1:
            assert done.stderr.splitlines()[-1].startswith("error: "), done.stderr
        return calls, done.stdout + done.stderr


def parameters(call):
    start = call.index("--parameter-overrides") + 1
    return dict(word.split("=", 1) for word in call[start:])


def option(call, name):
    return call[call.index(name) + 1]


def check_stand_up(world):
    """Built here (given ready), uploaded under a name that follows from its content, deployed."""
    calls, _ = world.run("stand_up.sh", OUTPUT_BUCKET="out", STAGING_BUCKET="staging", FUNCTION_ZIP=str(world.zip))
    assert [call[:2] for call in calls] == [DESCRIBE, ["s3", "cp"], ["cloudformation", "deploy"], DESCRIBE]
    _, copy, deploy, _ = calls
    assert copy[2] == str(world.zip) and copy[3].startswith("s3://staging/zagg/lambda/"), copy
    assert option(deploy, "--region") == "us-west-2" and option(deploy, "--stack-name") == "zagg-backend", deploy
    assert option(deploy, "--capabilities") == "CAPABILITY_NAMED_IAM", deploy
    have = parameters(deploy)
    assert copy[3] == f"s3://staging/{have['FunctionS3Key']}", have
    want = {
        "FunctionName": "process-shard",
        "Architecture": "arm64",
        "ArtifactBucket": "staging",
        "OutputBucketName": "out",
        "CreateOutputBucket": "false",
        "CreateExecutionRole": "true",
        "ExecutionRoleArn": "",
        "CreateStateMachine": "false",
        "DispatcherArn": "",
    }
    assert want.items() <= have.items(), have
    template = (HERE / "template.yaml").read_text()
    assert all(f"\n  {name}:\n" in template for name in have), have


def check_settings_are_told(_world):
    """Each setting that a script's head names is one it takes, and has a line in the guide; and the other way round."""
    guide = (HERE.parents[1] / "docs/src/deployment.md").read_text()
    text = (HERE / "stand_up.sh").read_text()
    head, body = text.split("set -euo pipefail")
    told = set(re.findall(r"\b[A-Z]+_[A-Z_]+\b|\b(?:ARCH|REGION|TIMEOUT|PLUGINS)\b", head))
    taken = set(re.findall(r"\$\{?([A-Z][A-Z_]+)\b", body + (HERE / "common.sh").read_text())) - {"BASH_SOURCE", "BASH_REMATCH"}
    assert told == taken, told ^ taken
    assert all(f"`{name}`" in guide for name in told), [name for name in told if f"`{name}`" not in guide]


def check_second_run(world):
    """A stack that stands is changed, and its function gets the code whatever CloudFormation makes of the zip's name."""
    keep = dict(OUTPUT_BUCKET="out", STAGING_BUCKET="staging", FUNCTION_ZIP=str(world.zip), stack="ours")
    calls, _ = world.run("stand_up.sh", SOURCE_BUCKET="", **keep)
    assert [call[1] for call in calls] == [
        "describe-stacks", "cp", "deploy", "update-function-code", "wait", "describe-stacks"
    ], calls
    have, update = parameters(calls[2]), calls[3]
    assert option(update, "--s3-bucket") == "staging" and option(update, "--s3-key") == have["FunctionS3Key"], update
    assert option(update, "--function-name") == "process-shard" and have["SourceBucketName"] == "", have
    # From a bucket of ready zips the name stays, so that the update is all that brings new code.
    calls, _ = world.run("stand_up.sh", OUTPUT_BUCKET="out", ARTIFACT_BUCKET="far", REGION="us-east-1", stack="ours")
    update = next(call for call in calls if call[1] == "update-function-code")
    assert option(update, "--s3-bucket") == "far" and option(update, "--s3-key").startswith("zagg/lambda/"), update


def check_stacks_of_others(world):
    """A stack or a function that is not of this zagg is never changed, nor one that cannot be looked at."""
    keep = dict(OUTPUT_BUCKET="out", STAGING_BUCKET="staging", FUNCTION_ZIP=str(world.zip))
    for script, settings in [("stand_up.sh", keep), ("tear_down.sh", {})]:
        for stack in ("another", "undescribed"):
            calls, said = world.run(script, stack=stack, code=1, **settings)
            assert [call[:2] for call in calls] == [DESCRIBE], calls
            assert "the stack zagg-backend in us-west-2 is not one of this zagg" in said and "set STACK_NAME" in said, said
        calls, said = world.run(script, stack="unknown", code=1, **settings)
        assert [call[:2] for call in calls] == [DESCRIBE] and "Unable to locate credentials" in said, said
    # A name that a refused deployment has left holds nothing.
    calls, _ = world.run("stand_up.sh", stack="begun", **keep)
    assert "deploy" in [call[1] for call in calls] and "update-function-code" not in [call[1] for call in calls], calls
    calls, said = world.run("tear_down.sh", stack="none", code=1, STACK_NAME="gone", REGION="eu-north-1")
    assert [call[:2] for call in calls] == [DESCRIBE] and "there is no stack gone in eu-north-1" in said, said
    for function, want in [
        ("another", "the function process-shard in us-west-2 is not one of this zagg"),
        ("none", "stand it up first"),
        ("for x86_64", "set ARCH=x86_64"),
    ]:
        calls, said = world.run("deploy.sh", "--zip", str(world.zip), function=function, code=1)
        assert [call[:2] for call in calls] == [CONFIGURATION] and want in said, (calls, said)
    # What is looked for is what the template says.
    template = (HERE / "template.yaml").read_text()
    assert "\nDescription: >-\n  zagg on AWS Lambda: " in template, "the stack's description"
    assert "      Description: Computes shards of zagg stores." in template, "the function's description"


def check_settings(world):
    """Every setting of the original reaches the template."""
    calls, said = world.run(
        "stand_up.sh",
        OUTPUT_BUCKET="out",
        CREATE_BUCKET="true",
        REGION="eu-north-1",
        STAGING_BUCKET="near",
        ARTIFACT_BUCKET="far",
        LAMBDA_VERSION="0.3",
        ARCH="x86_64",
        CREATE_ROLE="false",
        ROLE_ARN=ROLE,
        STACK_NAME="other",
        FUNCTION_NAME="mine",
        RESERVED_CONCURRENCY="100",
        MEMORY_SIZE="4096",
        STATE_MACHINE="true",
        DISPATCHER_ARN=ROLE,
        SOURCE_BUCKET="granules",
        TIMEOUT="600",
        LOG_RETENTION="30",
        LOG_LEVEL="DEBUG",
        EPHEMERAL_STORAGE="2048",
        OUTPUT_PREFIX="ice/",
        MAX_RETRIES="1",
        answers=[(["s3api", "get-bucket-location"], {"text": "us-east-2\n"})],
    )
    copies = [call[2:4] for call in calls if call[:2] == ["s3", "cp"]]
    key = "zagg/lambda/0.3/zagg-function-x86_64.zip"
    assert copies[0] == [f"s3://far/{key}", f"s3://near/{key}"], copies
    copy = next(call for call in calls if call[:2] == ["s3", "cp"])
    assert (option(copy, "--source-region"), option(copy, "--region")) == ("us-east-2", "eu-north-1"), copy
    machine = HERE / "distributed_map.asl.json"
    name = f"distributed_map-{hashlib.sha256(machine.read_bytes()).hexdigest()[:16]}.asl.json"
    assert copies[1] == [str(machine), f"s3://near/zagg/lambda/0.3/{name}"], copies
    deploy = next(call for call in calls if call[1] == "deploy")
    assert all(option(call, "--region") == "eu-north-1" for call in calls if call[0] == "cloudformation"), said
    want = {
        "FunctionName": "mine",
        "Architecture": "x86_64",
        "ArtifactBucket": "near",
        "FunctionS3Key": key,
        "CreateOutputBucket": "true",
        "CreateExecutionRole": "false",
        "ExecutionRoleArn": ROLE,
        "ReservedConcurrency": "100",
        "MemorySize": "4096",
        "CreateStateMachine": "true",
        "StateMachineS3Key": f"zagg/lambda/0.3/{name}",
        "DispatcherArn": ROLE,
        "SourceBucketName": "granules",
        "Timeout": "600",
        "LogRetentionInDays": "30",
        "LogLevel": "DEBUG",
        "EphemeralStorageSize": "2048",
        "OutputPrefix": "ice/",
        "MaximumRetryAttempts": "1",
    }
    assert want.items() <= parameters(deploy).items(), parameters(deploy)


def check_artifacts(world):
    """Ready zips in the region are used where they are; `latest` is the highest number."""
    listing = "                           PRE 0.9/\n                           PRE 0.10/\n                           PRE old/\n"
    answers = [(["s3api", "get-bucket-location"], {"text": "None\n"}), (["s3", "ls"], {"text": listing})]
    calls, _ = world.run(
        "stand_up.sh", OUTPUT_BUCKET="out", ARTIFACT_BUCKET="far", REGION="us-east-1", LAMBDA_VERSION="latest", answers=answers
    )
    have = parameters(next(call for call in calls if call[1] == "deploy"))
    assert (have["ArtifactBucket"], have["FunctionS3Key"]) == ("far", "zagg/lambda/0.10/zagg-function-arm64.zip"), have
    assert not any(call[:2] == ["s3", "cp"] for call in calls), calls
    _, said = world.run("stand_up.sh", OUTPUT_BUCKET="out", ARTIFACT_BUCKET="far", answers=answers, code=1)
    assert "ARTIFACT_BUCKET is in us-east-1" in said and "set STAGING_BUCKET" in said, said
    keep = dict(OUTPUT_BUCKET="out", ARTIFACT_BUCKET="far", REGION="us-east-1", code=1)
    for service, command, settings, want in [
        ("s3api", "get-bucket-location", {}, "the region of s3://far cannot be told"),
        ("s3api", "head-object", {"LAMBDA_VERSION": "0.7"}, "s3://far/zagg/lambda/0.7/zagg-function-arm64.zip is not there"),
        ("s3", "ls", {"LAMBDA_VERSION": "latest"}, "s3://far/zagg/lambda/ cannot be listed"),
    ]:
        failing = [([service, command], {"code": 254, "error": "An error occurred (AccessDenied)\n"}), *answers]
        calls, said = world.run("stand_up.sh", answers=failing, **keep, **settings)
        assert want in said and "AccessDenied" in said and not any(call[1] in ("deploy", "cp") for call in calls), said
    none = [(["s3", "ls"], {"text": "PRE old/\n"}), *answers]
    _, said = world.run("stand_up.sh", answers=none, LAMBDA_VERSION="latest", **keep)
    assert "has no versions" in said, said


def check_mistakes(world):
    """Settings that cannot be meant are told before anything is done."""
    for settings, want in [
        ({}, "set OUTPUT_BUCKET"),
        ({"OUTPUT_BUCKET": "out"}, "set STAGING_BUCKET"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "ARCH": "sparc"}, "give arm64 or x86_64"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "CREATE_BUCKET": "yes"}, "CREATE_BUCKET is"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "CREATE_ROLE": "false"}, "ROLE_ARN must name"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "ROLE_ARN": ROLE}, "set CREATE_ROLE=false"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "LAMBDA_VERSION": "new"}, "is no version"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "LAMBDA_VERSION": "77.3"}, "this checkout builds"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "STATE_MACHINE": "1"}, "STATE_MACHINE is"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "DRY_RUN": "1"}, "DRY_RUN is"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "DISPATCHER_ARN": ROLE}, "is for a bucket that is made here"),
        (
            {"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "DISPATCHER_ARN": "me", "CREATE_BUCKET": "true"},
            "give the ARN of a role or a user",
        ),
        ({"OUTPUT_BUCKET": "out", "ARTIFACT_BUCKET": "a", "PLUGINS": "x.so"}, "leave out ARTIFACT_BUCKET"),
        ({"OUTPUT_BUCKET": "out", "ARTIFACT_BUCKET": "a", "FUNCTION_ZIP": "x.zip"}, "give one of them"),
    ]:
        calls, said = world.run("stand_up.sh", code=1, **settings)
        assert not calls and want in said, (settings, said)
    calls, said = world.run("stand_up.sh", code=1, OUTPUT_BUCKET="out", STAGING_BUCKET="s", FUNCTION_ZIP="no.zip")
    assert [call[:2] for call in calls] == [DESCRIBE] and "no.zip: no such file" in said, said


def check_tear_down(world):
    """The stack goes, and the script says what stays."""
    outputs = [(DESCRIBE, {"text": "out\n"})]
    calls, said = world.run("tear_down.sh", stack="ours", answers=outputs)
    assert [call[1] for call in calls] == ["describe-stacks", "describe-stacks", "delete-stack", "wait"], calls
    assert calls[3][2] == "stack-delete-complete" and "s3://out and its stores were kept" in said, said
    assert all(option(call, "--stack-name") == "zagg-backend" for call in calls), calls
    _, said = world.run("tear_down.sh", "--force", code=1)
    assert "there are no options" in said, said


def check_failing(world):
    """A command that fails stops the script, with what aws said: nothing after it is called."""
    keep = dict(OUTPUT_BUCKET="out", STAGING_BUCKET="s", FUNCTION_ZIP=str(world.zip), STATE_MACHINE="true", stack="ours")
    steps = ["describe-stacks", "cp", "cp", "deploy", "update-function-code", "wait", "describe-stacks"]
    calls, _ = world.run("stand_up.sh", **keep)
    assert [call[1] for call in calls] == steps, calls
    deploys = ["get-function-configuration", "update-function-code", "wait", "invoke"]
    downs = ["describe-stacks", "describe-stacks", "delete-stack", "wait"]
    for script, words, settings, all_steps, service in [
        ("stand_up.sh", [], keep, steps, {"cp": "s3", "deploy": "cloudformation", "update-function-code": "lambda", "wait": "lambda"}),
        ("deploy.sh", ["--zip", str(world.zip)], {}, deploys, dict.fromkeys(deploys[1:], "lambda")),
        ("tear_down.sh", [], {"stack": "ours"}, downs, dict.fromkeys(downs[2:], "cloudformation")),
    ]:
        for command in service:
            failing = [([service[command], command], {"code": 255, "error": "An error occurred (Throttling)\n"})]
            calls, said = world.run(script, *words, answers=failing, code=255, **settings)
            assert [call[1] for call in calls] == all_steps[: all_steps.index(command) + 1], (command, calls)
            assert said.rstrip().endswith("An error occurred (Throttling)"), said


def check_dry_runs(world):
    """Everything is printed and nothing is called."""
    calls, said = world.run("stand_up.sh", OUTPUT_BUCKET="out", STAGING_BUCKET="s", DRY_RUN="true")
    assert "$ aws cloudformation describe-stacks" in said and "$ aws lambda update-function-code" in said, said
    assert not calls and "$ aws s3 cp" in said and "$ aws cloudformation deploy" in said, said
    calls, said = world.run("deploy.sh", "--dry-run")
    assert not calls and "$ aws lambda update-function-code" in said, said
    calls, said = world.run("tear_down.sh", DRY_RUN="true")
    assert not calls and "$ aws cloudformation delete-stack" in said, said


def check_deploy(world):
    """Small zips go along, large ones by way of a bucket; the function must answer a ping."""
    pong = [(["lambda", "invoke"], {"file": '{"version":1,"ping":{"plugins":[]}}', "text": "None\n"})]
    calls, said = world.run("deploy.sh", "--zip", str(world.zip), answers=pong)
    _, update, wait, invoke = calls
    assert [call[1] for call in (update, wait, invoke)] == ["update-function-code", "wait", "invoke"], calls
    assert option(update, "--zip-file") == f"fileb://{world.zip}" and option(update, "--architectures") == "arm64"
    assert json.loads(option(invoke, "--payload")) == {"version": 1, "mode": "ping"} and '"ping"' in said
    silent = [(["lambda", "invoke"], {"file": '{"errorMessage":"no"}', "text": "Unhandled\n"})]
    _, said = world.run("deploy.sh", "--zip", str(world.zip), answers=silent, code=1)
    assert "does not answer a ping" in said, said
    large = world.folder / "large.zip"
    with open(large, "wb") as file:
        file.truncate(50_000_001)
    _, said = world.run("deploy.sh", "--zip", str(large), code=1)
    assert "over 50 MB: set STAGING_BUCKET" in said, said
    calls, _ = world.run("deploy.sh", "--zip", str(large), STAGING_BUCKET="s", answers=pong)
    assert calls[1][:2] == ["s3", "cp"] and option(calls[2], "--s3-key") == "zagg/lambda/large.zip", calls
    calls, _ = world.run("deploy.sh", "--zip", str(world.zip), ARCH="x86_64", function="for x86_64", answers=pong)
    assert option(calls[1], "--architectures") == "x86_64", calls
    large.unlink()
    _, said = world.run("deploy.sh", "--force", code=1)
    assert "there is no option" in said, said


def check_map(world):
    """The execution gets the digest of the plan that is there."""
    answers = [
        (["s3", "cp"], {"text": "{}"}),
        (DESCRIBE, {"text": "arn:aws:states:x\n"}),
    ]
    calls, _ = world.run("run_map.sh", PLAN="s3://b/out.zarr.zagg/work/", CREDENTIALS="s3://b/c.json", answers=answers)
    call = calls[-1]
    assert call[:2] == ["stepfunctions", "start-execution"] and option(call, "--state-machine-arn") == "arn:aws:states:x"
    given = json.loads(option(call, "--input"))
    assert given == {
        "bucket": "b",
        "items": "out.zarr.zagg/work/items.json",
        "digest": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "credentials": {"uri": "s3://b/c.json"},
        "workers": 500,
        "tolerated": 5,
        "results": "out.zarr.zagg/work/results",
    }, given
    machine = json.loads((HERE / "distributed_map.asl.json").read_text())
    text = json.dumps(machine)
    assert all(f"$.{name}" in text for name in given), "the state machine does not take all of the input"
    for settings, want in [
        ({}, "set PLAN"),
        ({"PLAN": "s3://b/p", "WORKERS": "many"}, "WORKERS is"),
        ({"PLAN": "s3://b/p", "WORKERS": "10001"}, "from 1 to 10000"),
        ({"PLAN": "s3://b/p", "TOLERATED": "101"}, "from 0 to 100"),
        ({"PLAN": "s3://b/p", "CREDENTIALS": 's3://b/"}'}, "CREDENTIALS is no place"),
    ]:
        calls, said = world.run("run_map.sh", code=1, **settings)
        assert not calls and want in said, said
    none = [(["s3", "cp"], {"text": "{}"}), (["cloudformation", "describe-stacks"], {"text": "None\n"})]
    _, said = world.run("run_map.sh", PLAN="s3://b/p", answers=none, code=1)
    assert "has no state machine" in said, said
    for start, want in [(["s3", "cp"], "s3://b/p/plan.json cannot be read"), (DESCRIBE, "there is no stack zagg-backend")]:
        failing = [(start, {"code": 254, "error": "An error occurred\n"}), *answers]
        calls, said = world.run("run_map.sh", PLAN="s3://b/p", answers=failing, code=1)
        assert want in said and calls[-1][:2] == start, (calls, said)


# What the commands of the AWS CLI that the scripts use ask for.
COMMANDS = {
    "cloudformation deploy": "cloudformation:CreateChangeSet cloudformation:DescribeChangeSet cloudformation:ExecuteChangeSet "
    "cloudformation:DescribeStacks",
    "cloudformation delete-stack": "cloudformation:DeleteStack",
    "cloudformation describe-stacks": "cloudformation:DescribeStacks",
    "cloudformation wait": "cloudformation:DescribeStacks",
    "lambda get-function-configuration": "lambda:GetFunctionConfiguration",
    "lambda invoke": "lambda:InvokeFunction",
    "lambda update-function-code": "lambda:UpdateFunctionCode s3:GetObject",
    "lambda wait": "lambda:GetFunction",
    "s3 cp": "s3:GetObject s3:PutObject",
    "s3 ls": "s3:ListBucket",
    "s3api get-bucket-location": "s3:GetBucketLocation",
    "s3api head-object": "s3:GetObject s3:ListBucket",
    "stepfunctions start-execution": "states:StartExecution",
}
# What CloudFormation asks for to make, change, read and delete the kinds of resources of the template, as their schemas say.
KINDS = {
    "AWS::IAM::Role": "iam:CreateRole iam:DeleteRole iam:DeleteRolePolicy iam:GetRole iam:GetRolePolicy iam:PassRole "
    "iam:ListAttachedRolePolicies iam:ListRolePolicies iam:PutRolePolicy iam:TagRole iam:UntagRole "
    "iam:UpdateAssumeRolePolicy iam:UpdateRole iam:UpdateRoleDescription",
    "AWS::Lambda::EventInvokeConfig": "lambda:DeleteFunctionEventInvokeConfig lambda:GetFunctionEventInvokeConfig "
    "lambda:PutFunctionEventInvokeConfig lambda:UpdateFunctionEventInvokeConfig",
    "AWS::Lambda::Function": "iam:PassRole lambda:CreateFunction lambda:DeleteFunction lambda:DeleteFunctionConcurrency "
    "lambda:GetFunction lambda:GetFunctionCodeSigningConfig lambda:GetFunctionConfiguration lambda:GetFunctionRecursionConfig "
    "lambda:GetRuntimeManagementConfig lambda:ListTags lambda:PutFunctionConcurrency lambda:TagResource lambda:UntagResource "
    "lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration s3:GetObject",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup logs:DeleteLogGroup logs:DeleteRetentionPolicy logs:DescribeIndexPolicies "
    "logs:DescribeLogGroups logs:GetDataProtectionPolicy logs:ListTagsForResource logs:PutRetentionPolicy logs:TagResource "
    "logs:UntagResource",
    "AWS::S3::Bucket": "s3:CreateBucket s3:GetBucketOwnershipControls s3:GetBucketPublicAccessBlock s3:GetBucketTagging "
    "s3:GetEncryptionConfiguration s3:ListBucket s3:PutBucketOwnershipControls s3:PutBucketPublicAccessBlock "
    "s3:PutBucketTagging s3:PutEncryptionConfiguration",
    "AWS::S3::BucketPolicy": "s3:DeleteBucketPolicy s3:GetBucketPolicy s3:PutBucketPolicy",
    "AWS::SQS::Queue": "sqs:CreateQueue sqs:DeleteQueue sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ListQueueTags "
    "sqs:SetQueueAttributes sqs:TagQueue sqs:UntagQueue",
    "AWS::StepFunctions::StateMachine": "iam:PassRole s3:GetObject states:CreateStateMachine states:DeleteStateMachine "
    "states:DescribeStateMachine states:ListTagsForResource states:TagResource states:UntagResource states:UpdateStateMachine",
}


def allowed(page, heading):
    """The actions that the policies of a section of a page allow."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    policies = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.S)]
    assert policies, f"{heading}: there is no policy"
    actions = set()
    for policy in policies:
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow" and statement["Resource"], statement
            given = statement["Action"]
            actions.update([given] if isinstance(given, str) else given)
    return actions


def check_rights(_world):
    """Every command of the scripts and every kind of resource of the template has its rights in deployment-iam.md."""
    page = (HERE.parents[1] / "docs/src/deployment-iam.md").read_text()
    template = (HERE / "template.yaml").read_text()
    pattern = re.compile(r"(?:aws_cli|ask=\(|update=\() ?([a-z0-9]+) ([a-z-]+)")
    used = {
        script.name: {" ".join(found) for found in pattern.findall(script.read_text())} for script in sorted(HERE.glob("*.sh"))
    }
    seen = {(name, f"{service} {command}") for name, service, command in CALLED}
    shared = used.pop("common.sh")
    for name, command in seen:
        assert command in used[name] | shared, f"{name} calls aws {command}, which was not found in it"
    unseen = {(name, command) for name, commands in used.items() for command in commands} - seen
    assert not unseen, f"no check has seen {sorted(unseen)}"
    kinds = set(re.findall(r"^    Type: (AWS::\S+)$", template, re.M))
    assert kinds, "the template has no resources"
    deploys = ["stand_up.sh", "deploy.sh", "tear_down.sh"]
    needed = {right for kind in kinds for right in KINDS[kind].split()}
    needed |= {right for name in deploys for command in used[name] | shared for right in COMMANDS[command].split()}
    given = allowed(page, "Who deploys")
    missing = sorted(right for right in needed if not any(fnmatch.fnmatchcase(right, action) for action in given))
    assert not missing, f"who deploys lacks {missing}"
    useless = sorted(action for action in given if not any(fnmatch.fnmatchcase(right, action) for right in needed))
    assert useless == ["cloudformation:DescribeStackEvents"], f"who deploys has {useless}"
    needed = {right for command in used["run_map.sh"] for right in COMMANDS[command].split()} - {"s3:PutObject"}
    assert allowed(page, "Who starts the Step Functions") == needed, needed
    # Rights that the template gives, and the policy of its bucket.
    unsaid = sorted({right for right in re.findall(r"\b(?:s3|logs|sqs|lambda|states):[A-Z]\w+", template) if f"`{right}`" not in page})
    assert unsaid == ["s3:GetObjectVersion"], f"the page does not name {unsaid}"
    denied = json.loads(re.search(r"```json\n(.*?)```", page.split("\n## What is lent")[1], re.S)[1])["Statement"][0]
    actions = re.search(r"Sid: LentCredentials.*?Action: \[(.*?)\]", template, re.S)[1].split(", ")
    assert denied["Effect"] == "Deny" and denied["Action"] == actions, (denied, actions)
    assert denied["Resource"].endswith("/*.zagg/credentials/*") and "/*.zagg/credentials/*" in template, denied
    return f"{len(kinds)} kinds of resources, {len(seen)} commands"


def main():
    failed = 0
    with tempfile.TemporaryDirectory(prefix="zagg-scripts-") as temporary:
        checks = [value for name, value in globals().items() if name.startswith("check_")] + list(building.NEEDED)
        # That of rights last, when all commands have been seen.
        checks.sort(key=lambda check: (check is check_rights, check.__name__))
        for check in checks:
            folder = Path(temporary) / check.__name__
            folder.mkdir()
            try:
                missing = [name for name in building.NEEDED.get(check, ()) if not shutil.which(name)]
                if missing or (check in building.NEEDED and not MACHINE):
                    note = f"skipped: there is no {' and no '.join(missing) or 'Lambda for this processor'}"
                elif check is building.check_build and platform.system() != "Linux":
                    note = "skipped: plain cargo builds the function on Linux only"
                else:
                    note = check(World(folder))
            except (AssertionError, subprocess.SubprocessError, StopIteration) as error:
                failed += 1
                print(f"FAILED  {check.__name__}: {error}")
                continue
            print(f"passed  {check.__name__}" + (f": {note}" if note else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

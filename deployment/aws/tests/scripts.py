#!/usr/bin/env python3
"""The scripts of deployment/aws against a program `aws` that notes its calls, and build_function.sh on programs made for it.

usage: scripts.py
needs: bash, a C compiler (`cc`), readelf. Prints one line per check; the exit code is 1 when something failed.
"""

import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROLE = "arn:aws:iam::123456789012:role/mine"
MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
FAKE = """#!/usr/bin/env python3
import json, os, sys
words = sys.argv[1:]
with open(os.environ["CALLS"], "a") as log:
    log.write(json.dumps(words) + "\\n")
for start, answer in json.loads(os.environ["ANSWERS"]):
    if words[: len(start)] == start:
        if answer.get("file"):
            open(next(word for word in words if word.startswith("/") and not word.startswith("fileb")), "w").write(answer["file"])
        sys.stdout.write(answer.get("text", ""))
        sys.exit(answer.get("code", 0))
"""


class World:
    def __init__(self, folder):
        self.folder, self.calls = folder, folder / "calls"
        self.programs = folder / "programs"
        self.programs.mkdir()
        fake = self.programs / "aws"
        fake.write_text(FAKE)
        fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
        self.zip = folder / "function.zip"
        self.zip.write_bytes(b"a zip")

    def run(self, script, *words, answers=(), code=0, **settings):
        """Exit code checked; the calls of aws and what was said."""
        self.calls.write_text("")
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        environment = {
            **keep,
            "PATH": f"{self.programs}:{keep['PATH']}",
            "CALLS": str(self.calls),
            "ANSWERS": json.dumps(list(answers)),
            **settings,
        }
        done = subprocess.run(
            [HERE / script, *words], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=120,
        )
        assert done.returncode == code, f"{script}: exit code {done.returncode}: {done.stderr}"
        calls = [json.loads(line) for line in self.calls.read_text().splitlines()]
        for call in calls:
            assert f"$ aws {call[0]} {call[1]}" in done.stderr, f"not printed: {call}"
        if code:
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
    assert [call[:2] for call in calls] == [["s3", "cp"], ["cloudformation", "deploy"], ["cloudformation", "describe-stacks"]]
    assert calls[0][2] == str(world.zip) and calls[0][3].startswith("s3://staging/zagg/lambda/"), calls[0]
    deploy = calls[1]
    assert option(deploy, "--region") == "us-west-2" and option(deploy, "--stack-name") == "zagg-backend", deploy
    assert option(deploy, "--capabilities") == "CAPABILITY_NAMED_IAM", deploy
    have = parameters(deploy)
    assert calls[0][3] == f"s3://staging/{have['FunctionS3Key']}", have
    want = {
        "FunctionName": "process-shard",
        "Architecture": "arm64",
        "ArtifactBucket": "staging",
        "OutputBucketName": "out",
        "CreateOutputBucket": "false",
        "CreateExecutionRole": "true",
        "ExecutionRoleArn": "",
        "CreateStateMachine": "false",
    }
    assert want.items() <= have.items(), have
    template = (HERE / "template.yaml").read_text()
    assert all(f"\n  {name}:\n" in template for name in have), have


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
        answers=[(["s3api", "get-bucket-location"], {"text": "us-east-2\n"})],
    )
    copies = [call[2:4] for call in calls if call[:2] == ["s3", "cp"]]
    key = "zagg/lambda/0.3/zagg-function-x86_64.zip"
    assert copies[0] == [f"s3://far/{key}", f"s3://near/{key}"], copies
    assert copies[1] == [f"{HERE}/distributed_map.asl.json", "s3://near/zagg/lambda/0.3/distributed_map.asl.json"]
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
        ({"OUTPUT_BUCKET": "out", "ARTIFACT_BUCKET": "a", "PLUGINS": "x.so"}, "leave out ARTIFACT_BUCKET"),
        ({"OUTPUT_BUCKET": "out", "STAGING_BUCKET": "s", "FUNCTION_ZIP": "no.zip"}, "no.zip: no such file"),
    ]:
        calls, said = world.run("stand_up.sh", code=1, **settings)
        assert not calls and want in said, (settings, said)


def check_failing(world):
    """A command that fails stops the script."""
    calls, _ = world.run("tear_down.sh", answers=[(["cloudformation", "describe-stacks"], {"text": "out\n"})])
    assert [call[1] for call in calls] == ["describe-stacks", "delete-stack", "wait"], calls
    assert calls[2][2] == "stack-delete-complete", calls
    calls, said = world.run("tear_down.sh", answers=[(["cloudformation", "describe-stacks"], {"text": "out\n"})])
    assert "s3://out and its stores were kept" in said, said
    keep = dict(OUTPUT_BUCKET="out", STAGING_BUCKET="s", FUNCTION_ZIP=str(world.zip))
    done = subprocess.run(
        [HERE / "stand_up.sh"],
        env={
            **os.environ,
            **keep,
            "PATH": f"{world.programs}:{os.environ['PATH']}",
            "CALLS": str(world.calls),
            "ANSWERS": json.dumps([(["s3", "cp"], {"code": 255})]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 255 and "cloudformation" not in done.stderr, done.stderr


def check_dry_runs(world):
    """Everything is printed and nothing is called."""
    calls, said = world.run("stand_up.sh", OUTPUT_BUCKET="out", STAGING_BUCKET="s", DRY_RUN="true")
    assert not calls and "$ aws s3 cp" in said and "$ aws cloudformation deploy" in said, said
    calls, said = world.run("deploy.sh", "--dry-run")
    assert not calls and "$ aws lambda update-function-code" in said, said
    calls, said = world.run("tear_down.sh", DRY_RUN="true")
    assert not calls and "$ aws cloudformation delete-stack" in said, said


def check_deploy(world):
    """Small zips go along, large ones by way of a bucket; the function must answer a ping."""
    pong = [(["lambda", "invoke"], {"file": '{"version":1,"ping":{"plugins":[]}}', "text": "None\n"})]
    calls, said = world.run("deploy.sh", "--zip", str(world.zip), answers=pong)
    assert [call[1] for call in calls] == ["update-function-code", "wait", "invoke"], calls
    assert option(calls[0], "--zip-file") == f"fileb://{world.zip}" and option(calls[0], "--architectures") == "arm64"
    assert json.loads(option(calls[2], "--payload")) == {"version": 1, "mode": "ping"} and '"ping"' in said
    silent = [(["lambda", "invoke"], {"file": '{"errorMessage":"no"}', "text": "Unhandled\n"})]
    _, said = world.run("deploy.sh", "--zip", str(world.zip), answers=silent, code=1)
    assert "does not answer a ping" in said, said
    large = world.folder / "large.zip"
    with open(large, "wb") as file:
        file.truncate(50_000_001)
    _, said = world.run("deploy.sh", "--zip", str(large), code=1)
    assert "over 50 MB: set STAGING_BUCKET" in said, said
    calls, _ = world.run("deploy.sh", "--zip", str(large), STAGING_BUCKET="s", answers=pong)
    assert calls[0][:2] == ["s3", "cp"] and option(calls[1], "--s3-key") == "zagg/lambda/large.zip", calls
    large.unlink()
    _, said = world.run("deploy.sh", "--force", code=1)
    assert "there is no option" in said, said


def check_map(world):
    """The execution gets the digest of the plan that is there."""
    answers = [
        (["s3", "cp"], {"text": "{}"}),
        (["cloudformation", "describe-stacks"], {"text": "arn:aws:states:x\n"}),
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
        ({"PLAN": "s3://b/p", "CREDENTIALS": 's3://b/"}'}, "CREDENTIALS is no place"),
    ]:
        calls, said = world.run("run_map.sh", code=1, **settings)
        assert not calls and want in said, said
    none = [(["s3", "cp"], {"text": "{}"}), (["cloudformation", "describe-stacks"], {"text": "None\n"})]
    _, said = world.run("run_map.sh", PLAN="s3://b/p", answers=none, code=1)
    assert "has no state machine" in said, said


def compiled(world, name, source, *options):
    code, out = world.folder / f"{name}.c", world.folder / name
    code.write_text(source)
    subprocess.run(["cc", "-o", out, code, *options], check=True, capture_output=True, timeout=120)
    return out


def check_zip(world):
    """The same files give the same bytes, whatever their times; libraries travel in plugins/."""
    program = compiled(world, "bootstrap-of-the-test", "int main(void) { return 0; }")
    library = compiled(world, "libplugin.so", "int plugin(void) { return 1; }", "-shared", "-fPIC")
    made = []
    for number in range(2):
        target = world.folder / f"out{number}" / "function.zip"
        os.utime(program, (1_000_000_000 + number, 1_000_000_000 + number))
        world.run("build_function.sh", ARCH=MACHINE, BOOTSTRAP=str(program), PLUGINS=str(library), OUTPUT=str(target))
        made.append(target.read_bytes())
    assert made[0] == made[1], "two zips of the same files differ"
    with zipfile.ZipFile(world.folder / "out0/function.zip") as archive:
        assert archive.namelist() == ["bootstrap", "plugins/libplugin.so"], archive.namelist()
        assert all(entry.external_attr >> 16 == 0o100755 for entry in archive.infolist())
    other = "arm64" if MACHINE == "x86_64" else "x86_64"
    _, said = world.run("build_function.sh", ARCH=other, BOOTSTRAP=str(program), OUTPUT=str(world.folder / "x.zip"), code=1)
    assert f"but ARCH is {other}" in said, said
    text = world.folder / "text"
    text.write_text("no program")
    _, said = world.run("build_function.sh", ARCH=MACHINE, BOOTSTRAP=str(text), OUTPUT=str(world.folder / "x.zip"), code=1)
    assert "not an ELF file" in said, said


def check_glibc(world):
    """A library that wants a newer glibc than the runtime has is refused before it is deployed."""
    program = compiled(world, "bootstrap-of-the-test", "int main(void) { return 0; }")
    source = "extern unsigned arc4random(void); unsigned plugin(void) { return arc4random(); }"
    library = compiled(world, "libnew.so", source, "-shared", "-fPIC")
    versions = subprocess.run(["readelf", "--version-info", library], capture_output=True, text=True).stdout
    if "GLIBC_2.36" not in versions:
        return "skipped: this system's glibc is older than 2.36"
    target = world.folder / "x.zip"
    _, said = world.run(
        "build_function.sh", ARCH=MACHINE, BOOTSTRAP=str(program), PLUGINS=str(library), OUTPUT=str(target), code=1
    )
    assert "needs glibc 2.36, but provided.al2023 has 2.34" in said and not target.exists(), said
    return None


def main():
    failed = 0
    with tempfile.TemporaryDirectory(prefix="zagg-scripts-") as temporary:
        checks = [value for name, value in sorted(globals().items()) if name.startswith("check_")]
        for check in checks:
            folder = Path(temporary) / check.__name__
            folder.mkdir()
            try:
                if check in (check_zip, check_glibc) and not (MACHINE and shutil.which("cc") and shutil.which("readelf")):
                    note = "skipped: there is no C compiler or no readelf"
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

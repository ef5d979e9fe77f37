#!/bin/bash
# Runs the workers of a zagg plan as an array job of AWS Batch, and finalizes when all of them are done.
#
# usage: PLAN=s3://my-bucket/out.zarr.zagg/work QUEUE=my-queue IMAGE=... JOB_ROLE_ARN=... REGION=us-west-2 ./submit.sh
#
# Before: zagg plan --store s3://my-bucket/out.zarr ... which prints the plan's URI. Run everything in the region of the
# granules (NASA's: us-west-2), where reading them is free and fast.
#
# What the environment says:
#   PLAN                the plan (required)
#   QUEUE               a job queue of yours (required)
#   IMAGE               an image whose entry point is zagg, of the version that planned (required)
#   JOB_ROLE_ARN        role of the workers: reads the plan and the granules, writes below the store (required)
#   REGION              region of queue and bucket (required)
#   EXECUTION_ROLE_ARN  role that pulls the image and writes logs; default JOB_ROLE_ARN
#   WORKERS             size of the array, 1 to 10000; default 100. They share the plan, whatever its number of tasks
#   PLATFORM            EC2 (default, also for Spot) or FARGATE
#   VCPU, MEMORY        of one worker; default 2 and 4096 (MiB)
#   NAME                name of the job definition; default zagg-worker
#
# Exit code 75 of a worker (temporary), a Spot instance that is taken away and memory that ran out are tried again, up to five
# times; 1 and 3 are not: their logs say what to do. Submitting again is safe: what is done is left alone.

set -eu

: "${PLAN:?give the plan: PLAN=s3://my-bucket/out.zarr.zagg/work}"
: "${QUEUE:?give a job queue: QUEUE=my-queue}"
: "${IMAGE:?give an image with zagg as its entry point: IMAGE=...}"
: "${JOB_ROLE_ARN:?give the role of the workers: JOB_ROLE_ARN=arn:aws:iam::...}"
: "${REGION:?give the region: REGION=us-west-2}"
EXECUTION_ROLE_ARN=${EXECUTION_ROLE_ARN:-$JOB_ROLE_ARN}
WORKERS=${WORKERS:-100}
PLATFORM=${PLATFORM:-EC2}
VCPU=${VCPU:-2}
MEMORY=${MEMORY:-4096}
NAME=${NAME:-zagg-worker}
here=$(cd "$(dirname "$0")" && pwd)

case $WORKERS in
    '' | *[!0-9]*) echo "WORKERS must be a number from 1 to 10000, not '$WORKERS'" >&2 && exit 2 ;;
esac
if [ "$WORKERS" -lt 1 ] || [ "$WORKERS" -gt 10000 ]; then
    echo "WORKERS must be a number from 1 to 10000, not '$WORKERS'" >&2
    exit 2
fi

definition=$(cat "$here/job-definition.json")
for key in PLAN NAME PLATFORM IMAGE JOB_ROLE_ARN EXECUTION_ROLE_ARN VCPU MEMORY REGION; do
    value=${!key}
    case $value in
        *[\"\\]*) echo "$key must not hold quotes or backslashes" >&2 && exit 2 ;;
    esac
    definition=${definition//"@$key@"/"$value"}
done

# What the definition's command is called with.
parameters() {
    printf '{"command": "%s", "plan": "%s"}' "$1" "$PLAN"
}

registered=$(aws batch register-job-definition --region "$REGION" --cli-input-json "$definition" \
    --query jobDefinitionArn --output text)

# Batch wants two or more in an array; one worker is told that it is the only one.
array=()
override='{}'
if [ "$WORKERS" -gt 1 ]; then
    array=(--array-properties "size=$WORKERS")
else
    override="{\"command\": [\"worker\", \"--plan\", \"$PLAN\", \"--index\", \"0\", \"--of\", \"1\"]}"
fi
job=$(aws batch submit-job --region "$REGION" --job-name "$NAME" --job-queue "$QUEUE" --job-definition "$registered" \
    ${array[@]+"${array[@]}"} --container-overrides "$override" --parameters "$(parameters worker)" --query jobId --output text)
echo "workers: job $job"

# Begins when all workers have ended with 0. After failures: submit again, or zagg finalize --plan by hand.
last=$(aws batch submit-job --region "$REGION" --job-name "$NAME-finalize" --job-queue "$QUEUE" \
    --job-definition "$registered" --depends-on "jobId=$job" --parameters "$(parameters finalize)" \
    --query jobId --output text)
echo "finalize: job $last"

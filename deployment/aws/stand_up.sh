#!/usr/bin/env bash
# Stands up the function with its role, log group and queue: a CloudFormation stack. Run again, it updates them; a stack of that
# name that is not one of this zagg is left alone.
#
#   OUTPUT_BUCKET=my-bucket STAGING_BUCKET=my-artifacts ./stand_up.sh
#
# Settings, as environment variables:
#   OUTPUT_BUCKET    bucket for stores; required
#   CREATE_BUCKET    true: make that bucket (false)
#   REGION           where (us-west-2, where NASA's buckets are)
#   ARCH             arm64 or x86_64 (arm64)
#   STACK_NAME       name of the stack (zagg-backend)
#   FUNCTION_NAME    name of the function (process-shard)
#   ARTIFACT_BUCKET  bucket that has ready zips at zagg/lambda/<version>/; without it the function is built here
#   STAGING_BUCKET   bucket in REGION that the zip is put into; required when it is built here or ARTIFACT_BUCKET is elsewhere
#   LAMBDA_VERSION   0.N, or latest: which of the ready zips (the newest tag of this checkout, else its version)
#   FUNCTION_ZIP     a zip that was built before, instead of building one
#   CREATE_ROLE      false: take ROLE_ARN instead of making a role (true)
#   ROLE_ARN         an existing execution role
#   SOURCE_BUCKET    a bucket of your own with granules that the role may read
#   DISPATCHER_ARN   role or user that runs `zagg run`. With CREATE_BUCKET=true nobody but it and the function may read the
#                    credentials that workers are lent
#   OUTPUT_PREFIX    the role may touch only keys of OUTPUT_BUCKET that begin so
#   MEMORY_SIZE, EPHEMERAL_STORAGE, TIMEOUT, RESERVED_CONCURRENCY, LOG_RETENTION, LOG_LEVEL, MAX_RETRIES
#                    as the template's parameters
#   STATE_MACHINE    true: also make the Step Functions dispatcher (false)
#   PLUGINS          shared libraries to put beside the function, separated by colons (only when it is built here)
#   DRY_RUN          true: print what would be run (false)
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

settings
CREATE_BUCKET="${CREATE_BUCKET:-false}"
CREATE_ROLE="${CREATE_ROLE:-true}"
STATE_MACHINE="${STATE_MACHINE:-false}"
ROLE_ARN="${ROLE_ARN:-}"
ARTIFACT_BUCKET="${ARTIFACT_BUCKET:-}"
STAGING_BUCKET="${STAGING_BUCKET:-}"
FUNCTION_ZIP="${FUNCTION_ZIP:-}"
DISPATCHER_ARN="${DISPATCHER_ARN:-}"
[[ -n "${OUTPUT_BUCKET:-}" ]] || fail "set OUTPUT_BUCKET to the bucket that stores are written to"
is_boolean CREATE_BUCKET "$CREATE_BUCKET"
is_boolean CREATE_ROLE "$CREATE_ROLE"
is_boolean STATE_MACHINE "$STATE_MACHINE"
if [[ "$CREATE_ROLE" == false && -z "$ROLE_ARN" ]]; then
    fail "CREATE_ROLE is false, so ROLE_ARN must name a role; deployment-iam.md says what it must allow"
fi
if [[ -n "$ROLE_ARN" && "$CREATE_ROLE" == true ]]; then
    fail "ROLE_ARN is set, but CREATE_ROLE is not false; set CREATE_ROLE=false to use it"
fi
if [[ -z "$ARTIFACT_BUCKET" && -z "$STAGING_BUCKET" ]]; then
    fail "set STAGING_BUCKET to a bucket in $REGION for the function's zip, or ARTIFACT_BUCKET to one that has it"
fi
if [[ -n "${PLUGINS:-}" && -n "$ARTIFACT_BUCKET$FUNCTION_ZIP" ]]; then
    fail "PLUGINS are put into a zip that is built here; leave out ARTIFACT_BUCKET and FUNCTION_ZIP"
fi
if [[ -n "$ARTIFACT_BUCKET" && -n "$FUNCTION_ZIP" ]]; then
    fail "FUNCTION_ZIP and ARTIFACT_BUCKET both name the zip; give one of them"
fi
if [[ -n "$DISPATCHER_ARN" ]]; then
    [[ "$DISPATCHER_ARN" =~ ^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/[^[:space:]]+$ ]] ||
        fail "DISPATCHER_ARN is \"$DISPATCHER_ARN\"; give the ARN of a role or a user of IAM"
    [[ "$CREATE_BUCKET" == true ]] ||
        fail "DISPATCHER_ARN is for a bucket that is made here; deployment-iam.md has the policy for one that is there"
fi

# The newest version among the ready zips.
newest() {
    local found
    found="$(aws_cli s3 ls "s3://$ARTIFACT_BUCKET/zagg/lambda/" --region "$REGION" |
        sed -n 's,^ *PRE \([0-9]*\.[0-9]*\)/$,\1,p' | sort -t . -k 1,1n -k 2,2n | tail -n 1)" ||
        fail "s3://$ARTIFACT_BUCKET/zagg/lambda/ cannot be listed"
    [[ -n "$found" ]] || fail "s3://$ARTIFACT_BUCKET/zagg/lambda/ has no versions"
    printf '%s' "$found"
}

# The region of a bucket; us-east-1 has no name there.
region_of() {
    local found
    found="$(aws_cli s3api get-bucket-location --bucket "$1" --query LocationConstraint --output text)" ||
        fail "the region of s3://$1 cannot be told"
    case "$found" in
        None | null | "") printf 'us-east-1' ;;
        *) printf '%s' "$found" ;;
    esac
}

version="${LAMBDA_VERSION:-}"
if [[ "$version" == latest && -n "$ARTIFACT_BUCKET" && "$DRY_RUN" == false ]]; then
    version="$(newest)"
elif [[ -z "$version" || "$version" == latest ]]; then
    version="$(own_version)"
fi
version="$(minor "$version")"
if [[ -z "$ARTIFACT_BUCKET$FUNCTION_ZIP" ]]; then
    here_is="$(minor "$(own_version)")"
    [[ "$version" == "$here_is" ]] ||
        fail "LAMBDA_VERSION is $version, but this checkout builds $here_is: check out that version, or set ARTIFACT_BUCKET"
fi
stands=false
if our_stack_stands; then
    stands=true
fi
folder="zagg/lambda/$version"
key="$folder/$(zip_name)"

if [[ -n "$ARTIFACT_BUCKET" ]]; then
    bucket="$ARTIFACT_BUCKET"
    there="$REGION"
    if [[ "$DRY_RUN" == false ]]; then
        there="$(region_of "$ARTIFACT_BUCKET")"
        if [[ "$there" != "$REGION" && -z "$STAGING_BUCKET" ]]; then
            fail "ARTIFACT_BUCKET is in $there, and Lambda takes code from its own region only: set STAGING_BUCKET to a bucket in $REGION"
        fi
    fi
    # Before a first deployment fails on it, which would leave a stack behind.
    aws_cli s3api head-object --bucket "$ARTIFACT_BUCKET" --key "$key" --region "$there" --query ContentLength --output text >&2 ||
        fail "s3://$ARTIFACT_BUCKET/$key is not there, or you may not read it: set LAMBDA_VERSION or ARCH, or build it"
    if [[ -n "$STAGING_BUCKET" ]]; then
        aws_cli s3 cp "s3://$ARTIFACT_BUCKET/$key" "s3://$STAGING_BUCKET/$key" --source-region "$there" --region "$REGION"
        bucket="$STAGING_BUCKET"
    fi
else
    zip="$FUNCTION_ZIP"
    if [[ -z "$zip" ]]; then
        zip="$here/build/$(zip_name)"
        note "building the function for $ARCH"
        if [[ "$DRY_RUN" == false ]]; then
            ARCH="$ARCH" PLUGINS="${PLUGINS:-}" OUTPUT="$zip" "$here/build_function.sh"
        fi
    fi
    [[ "$DRY_RUN" == true || -f "$zip" ]] || fail "$zip: no such file"
    bucket="$STAGING_BUCKET"
    # A name that follows from the content: CloudFormation sees that the code has changed.
    if [[ -f "$zip" ]]; then
        key="$folder/$(basename "$zip" .zip)-$(sha256 "$zip" | cut -c 1-16).zip"
    fi
    aws_cli s3 cp "$zip" "s3://$bucket/$key" --region "$REGION"
fi
machine_key="$folder/distributed_map-$(sha256 "$here/distributed_map.asl.json" | cut -c 1-16).asl.json"
if [[ "$STATE_MACHINE" == true ]]; then
    aws_cli s3 cp "$here/distributed_map.asl.json" "s3://$bucket/$machine_key" --region "$REGION"
fi

parameters=(
    "FunctionName=$FUNCTION_NAME"
    "Architecture=$ARCH"
    "ArtifactBucket=$bucket"
    "FunctionS3Key=$key"
    "OutputBucketName=$OUTPUT_BUCKET"
    "CreateOutputBucket=$CREATE_BUCKET"
    "CreateExecutionRole=$CREATE_ROLE"
    "ExecutionRoleArn=$ROLE_ARN"
    "CreateStateMachine=$STATE_MACHINE"
    "StateMachineS3Key=$machine_key"
    "DispatcherArn=$DISPATCHER_ARN"
)
optional() {
    if [[ -n "$2" ]]; then
        parameters+=("$1=$2")
    fi
}
# These may be set to nothing again.
if [[ -n "${SOURCE_BUCKET+set}" ]]; then
    parameters+=("SourceBucketName=$SOURCE_BUCKET")
fi
if [[ -n "${OUTPUT_PREFIX+set}" ]]; then
    parameters+=("OutputPrefix=$OUTPUT_PREFIX")
fi
optional MemorySize "${MEMORY_SIZE:-}"
optional EphemeralStorageSize "${EPHEMERAL_STORAGE:-}"
optional Timeout "${TIMEOUT:-}"
optional ReservedConcurrency "${RESERVED_CONCURRENCY:-}"
optional LogRetentionInDays "${LOG_RETENTION:-}"
optional LogLevel "${LOG_LEVEL:-}"
optional MaximumRetryAttempts "${MAX_RETRIES:-}"

aws_cli cloudformation deploy --region "$REGION" --stack-name "$STACK_NAME" \
    --template-file "$here/template.yaml" --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset \
    --parameter-overrides "${parameters[@]}"
if [[ "$stands" == true ]]; then
    # CloudFormation compares names, not contents: where the zip is called what it was called, or deploy.sh has been at work since,
    # the function still has other code.
    aws_cli lambda update-function-code --region "$REGION" --function-name "$FUNCTION_NAME" --architectures "$ARCH" \
        --s3-bucket "$bucket" --s3-key "$key" --query '[FunctionName,CodeSize,LastModified]' --output text
    aws_cli lambda wait function-updated-v2 --region "$REGION" --function-name "$FUNCTION_NAME"
fi
aws_cli cloudformation describe-stacks --region "$REGION" --stack-name "$STACK_NAME" \
    --query 'Stacks[0].Outputs' --output table
note "try it: zagg run --executor lambda --function $FUNCTION_NAME --region $REGION --store s3://$OUTPUT_BUCKET/test.zarr …"

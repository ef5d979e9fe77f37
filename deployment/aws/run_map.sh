#!/usr/bin/env bash
# Starts the Step Functions dispatcher (stand_up.sh with STATE_MACHINE=true) on a plan that `zagg plan` has made.
#
#   PLAN=s3://my-bucket/out.zarr.zagg/work ./run_map.sh
#
# Settings, as environment variables:
#   PLAN         where the plan is; required
#   WORKERS      workers at once (500)
#   TOLERATED    percent of the shards that may fail before the rest is given up (5)
#   CREDENTIALS  object with credentials for granules, s3://bucket/key, for granules that need some
#   REGION, STACK_NAME, DRY_RUN   as for stand_up.sh
# Afterwards `zagg status` says what is missing, and `zagg finalize --plan` ends the store. Running it again makes only the
# shards that are not done.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

settings
plan="${PLAN:-}"
plan="${plan%/}"
[[ "$plan" =~ ^s3://([^/]+)/(.+)$ ]] || fail "set PLAN to the place of a plan, s3://bucket/folder"
bucket="${BASH_REMATCH[1]}"
folder="${BASH_REMATCH[2]}"
WORKERS="${WORKERS:-500}"
TOLERATED="${TOLERATED:-5}"
[[ "$WORKERS" =~ ^[1-9][0-9]{0,4}$ && "$WORKERS" -le 10000 ]] || fail "WORKERS is \"$WORKERS\"; give a number from 1 to 10000"
[[ "$TOLERATED" =~ ^(0|[1-9][0-9]?|100)$ ]] || fail "TOLERATED is \"$TOLERATED\"; give a percentage from 0 to 100"
credentials=null
if [[ -n "${CREDENTIALS:-}" ]]; then
    [[ "$CREDENTIALS" =~ ^s3://[A-Za-z0-9._/=+@-]+$ ]] || fail "CREDENTIALS is no place of an object, s3://bucket/key"
    credentials="{\"uri\":\"$CREDENTIALS\"}"
fi
digest=unknown
if [[ "$DRY_RUN" == false ]]; then
    digest="$(aws_cli s3 cp "$plan/plan.json" - --region "$REGION" | sha256 -)" ||
        fail "$plan/plan.json cannot be read: make the plan with zagg plan, and give its place"
fi
machine="$(aws_cli cloudformation describe-stacks --region "$REGION" --stack-name "$STACK_NAME" \
    --query "Stacks[0].Outputs[?OutputKey=='StateMachineArn'].OutputValue" --output text)" ||
    fail "there is no stack $STACK_NAME in $REGION, or you may not look at it"
if [[ "$DRY_RUN" == false && (-z "$machine" || "$machine" == None) ]]; then
    fail "the stack $STACK_NAME has no state machine; run stand_up.sh with STATE_MACHINE=true"
fi
input="$(printf '{"bucket":"%s","items":"%s/items.json","digest":"%s","credentials":%s,"workers":%s,"tolerated":%s,"results":"%s/results"}' \
    "$bucket" "$folder" "$digest" "$credentials" "$WORKERS" "$TOLERATED" "$folder")"
aws_cli stepfunctions start-execution --region "$REGION" --state-machine-arn "${machine:-unknown}" --input "$input"

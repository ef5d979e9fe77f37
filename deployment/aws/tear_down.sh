#!/usr/bin/env bash
# Takes down what stand_up.sh made. The output bucket and what is in it stay. A stack that is not one of this zagg is left alone.
#
#   ./tear_down.sh
#
# Settings: REGION, STACK_NAME, DRY_RUN as for stand_up.sh.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ $# -eq 0 ]] || fail "there are no options; settings are environment variables"
settings
our_stack_stands || fail "there is no stack $STACK_NAME in $REGION: nothing was taken down"
bucket="$(aws_cli cloudformation describe-stacks --region "$REGION" --stack-name "$STACK_NAME" \
    --query "Stacks[0].Outputs[?OutputKey=='OutputBucket'].OutputValue" --output text)"
aws_cli cloudformation delete-stack --region "$REGION" --stack-name "$STACK_NAME"
aws_cli cloudformation wait stack-delete-complete --region "$REGION" --stack-name "$STACK_NAME"
if [[ -n "$bucket" && "$bucket" != None ]]; then
    note "s3://$bucket and its stores were kept; to delete them for good: aws s3 rb s3://$bucket --force"
fi

#!/usr/bin/env bash
# Puts new code into a function that stands, and asks it for its version. A function that is not one of this zagg is left alone.
#
#   ./deploy.sh [--dry-run] [--function-only] [--zip FILE]
#
#   --dry-run        print what would be run
#   --function-only  accepted for the habit's sake: there is nothing but the function
#   --zip FILE       a zip that was built elsewhere; without it the function is built here
#
# Settings: REGION, FUNCTION_NAME, ARCH, PLUGINS, STAGING_BUCKET as for stand_up.sh. Zips over 50 MB go through STAGING_BUCKET.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

zip=""
while [[ $# -gt 0 ]]; do
    case "$1" in
        --dry-run) DRY_RUN=true ;;
        --function-only) ;;
        --zip)
            [[ $# -ge 2 ]] || fail "--zip needs a file"
            zip="$2"
            shift
            ;;
        *) fail "there is no option \"$1\"; use --dry-run, --function-only or --zip FILE" ;;
    esac
    shift
done
settings

# How its description in template.yaml begins. The function of the Python zagg has the same name by default.
function_begins="Computes shards of zagg stores"
found="$(aws_cli lambda get-function-configuration --region "$REGION" --function-name "$FUNCTION_NAME" \
    --query '[Description,Architectures[0]]' --output text)" ||
    fail "the function $FUNCTION_NAME in $REGION cannot be looked at: stand it up first, with stand_up.sh"
if [[ "$DRY_RUN" == false ]]; then
    IFS=$'\t' read -r description architecture <<<"$found"
    [[ "$description" == "$function_begins"* ]] ||
        fail "the function $FUNCTION_NAME in $REGION is not one of this zagg: leave it alone and set FUNCTION_NAME to another name"
    [[ "$architecture" == "$ARCH" ]] ||
        fail "the function is for $architecture, but ARCH is $ARCH: set ARCH=$architecture, or change it with stand_up.sh"
fi

if [[ -z "$zip" ]]; then
    zip="$here/build/$(zip_name)"
    note "building the function for $ARCH"
    if [[ "$DRY_RUN" == false ]]; then
        ARCH="$ARCH" PLUGINS="${PLUGINS:-}" OUTPUT="$zip" "$here/build_function.sh"
    fi
fi
[[ "$DRY_RUN" == true || -f "$zip" ]] || fail "$zip: no such file"

# What Lambda takes in one request.
direct=$((50 * 1000 * 1000))
size=0
if [[ -f "$zip" ]]; then
    size="$(wc -c <"$zip")"
fi
update=(lambda update-function-code --region "$REGION" --function-name "$FUNCTION_NAME" --architectures "$ARCH")
if ((size > direct)); then
    [[ -n "${STAGING_BUCKET:-}" ]] || fail "$zip has $size bytes, over 50 MB: set STAGING_BUCKET to a bucket in $REGION"
    key="zagg/lambda/$(basename "$zip")"
    aws_cli s3 cp "$zip" "s3://$STAGING_BUCKET/$key" --region "$REGION"
    update+=(--s3-bucket "$STAGING_BUCKET" --s3-key "$key")
else
    update+=(--zip-file "fileb://$zip")
fi
aws_cli "${update[@]}" --query '[FunctionName,CodeSize,LastModified]' --output text
aws_cli lambda wait function-updated-v2 --region "$REGION" --function-name "$FUNCTION_NAME"

answer="$(mktemp)"
trap 'rm -f "$answer"' EXIT
aws_cli lambda invoke --region "$REGION" --function-name "$FUNCTION_NAME" --cli-binary-format raw-in-base64-out \
    --payload '{"version":1,"mode":"ping"}' "$answer" --query FunctionError --output text
if [[ "$DRY_RUN" == false ]]; then
    cat "$answer"
    printf '\n'
    grep -q '"ping"' "$answer" || fail "the function does not answer a ping; see deployment-troubleshooting.md"
fi

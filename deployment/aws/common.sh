# shellcheck shell=bash
# What the scripts of this folder share. Not run by itself.

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

note() {
    printf '%s\n' "$*" >&2
}

# Prints a command of the AWS CLI as it could be typed.
print_cli() {
    printf '$ aws' >&2
    printf ' %q' "$@" >&2
    printf '\n' >&2
}

# Prints such a command, and runs it. Under DRY_RUN=true it is printed only.
aws_cli() {
    print_cli "$@"
    if [[ "${DRY_RUN:-false}" != true ]]; then
        aws "$@"
    fi
}

# One of two words.
is_boolean() {
    [[ "$2" == true || "$2" == false ]] || fail "$1 is \"$2\"; give true or false"
}

# The settings that all scripts understand, with the defaults of the original.
settings() {
    REGION="${REGION:-us-west-2}"
    STACK_NAME="${STACK_NAME:-zagg-backend}"
    FUNCTION_NAME="${FUNCTION_NAME:-process-shard}"
    ARCH="${ARCH:-arm64}"
    DRY_RUN="${DRY_RUN:-false}"
    is_boolean DRY_RUN "$DRY_RUN"
    case "$ARCH" in
        arm64 | x86_64) ;;
        aarch64) ARCH=arm64 ;;
        x86-64 | amd64) ARCH=x86_64 ;;
        *) fail "ARCH is \"$ARCH\"; give arm64 or x86_64" ;;
    esac
    if [[ "$DRY_RUN" != true ]]; then
        command -v aws >/dev/null || fail "the AWS CLI is not installed: see https://aws.amazon.com/cli/"
    fi
}

# How the description in template.yaml begins. The stack of the Python zagg has the same name by default, and is nothing that these
# scripts may touch.
stack_begins="zagg on AWS Lambda:"

# Whether the stack STACK_NAME stands. One that was not made of template.yaml ends the script.
our_stack_stands() {
    local ask errors found said state description
    ask=(cloudformation describe-stacks --region "$REGION" --stack-name "$STACK_NAME"
        --query 'Stacks[0].[StackStatus,Description]' --output text)
    print_cli "${ask[@]}"
    if [[ "$DRY_RUN" == true ]]; then
        return 0
    fi
    errors="$(mktemp)" || fail "no temporary file can be made"
    if found="$(aws "${ask[@]}" 2>"$errors")"; then
        rm -f "$errors"
        IFS=$'\t' read -r state description <<<"$found"
        # What a first deployment leaves that was refused: a name, with nothing in it and no description.
        if [[ "$state" == REVIEW_IN_PROGRESS ]]; then
            return 1
        fi
        [[ "$description" == "$stack_begins"* ]] ||
            fail "the stack $STACK_NAME in $REGION is not one of this zagg: leave it alone and set STACK_NAME to another name"
        return 0
    fi
    said="$(cat "$errors")"
    rm -f "$errors"
    if [[ "$said" == *"does not exist"* ]]; then
        return 1
    fi
    printf '%s\n' "$said" >&2
    fail "whether the stack $STACK_NAME stands in $REGION cannot be told"
}

# SHA-256 of a file; of what is piped in for -.
sha256() {
    if command -v sha256sum >/dev/null; then
        sha256sum "$1"
    else
        shasum -a 256 "$1"
    fi | cut -d ' ' -f 1
}

# The name of the zip of an architecture.
zip_name() {
    printf 'zagg-function-%s.zip' "$ARCH"
}

# 0.N of a version such as v0.N.M or 0.N.
minor() {
    local version="${1#v}"
    [[ "$version" =~ ^([0-9]+)\.([0-9]+)(\.[0-9A-Za-z.-]+)?$ ]] || fail "\"$1\" is no version such as 0.1"
    printf '%s.%s' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
}

# The version of this checkout: its newest tag, else the one in Cargo.toml.
own_version() {
    local tag
    tag="$(git -C "$here" describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)"
    if [[ -z "$tag" ]]; then
        tag="$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/../../Cargo.toml" | head -n 1)"
    fi
    [[ -n "$tag" ]] || fail "the version of this checkout cannot be found; set LAMBDA_VERSION"
    printf '%s' "$tag"
}

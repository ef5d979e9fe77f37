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

# Prints a command of the AWS CLI as it could be typed, and runs it. Under DRY_RUN=true it is printed only.
aws_cli() {
    printf '$ aws' >&2
    printf ' %q' "$@" >&2
    printf '\n' >&2
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

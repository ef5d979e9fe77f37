#!/usr/bin/env bash
# Builds the function and packs it, with plugins, into the zip that Lambda takes. The same sources, Cargo.lock, rustc, C compiler
# and plugins give the same bytes, whatever the folders of the checkout, of cargo and of what is built: so with LINKER=cargo.
#
#   ARCH=x86_64 ./build_function.sh
#
# Settings, as environment variables:
#   ARCH      arm64 or x86_64 (arm64)
#   OUTPUT    the zip to write (build/zagg-function-<ARCH>.zip)
#   PLUGINS   shared libraries of plugins, separated by colons; they travel in the folder plugins/ of the zip
#   BOOTSTRAP a binary that was built before, instead of building one
#   LINKER    cargo or lambda: plain cargo (on Linux of the same processor), or cargo lambda, which needs
#             `pip install cargo-lambda` and `rustup target add aarch64-unknown-linux-gnu` for arm64 (whichever fits)
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

DRY_RUN=true settings
root="$(cd "$here/../.." && pwd)"
OUTPUT="${OUTPUT:-$here/build/$(zip_name)}"
# The glibc of provided.al2023.
newest_glibc=2.34
# Bytes that the zip may have without plugins: a small zip starts fast.
limit=$((10 * 1000 * 1000))
machine=aarch64
[[ "$ARCH" == arm64 ]] || machine=x86_64
triple="$machine-unknown-linux-gnu"

build() {
    local linker="${LINKER:-}"
    if [[ -z "$linker" ]]; then
        linker=lambda
        if [[ "$(uname -s)" == Linux && "$(uname -m)" == "$machine" ]]; then
            linker=cargo
        fi
    fi
    local home="${CARGO_HOME:-$HOME/.cargo}" target="${CARGO_TARGET_DIR:-target}" rustc="${RUSTC:-rustc}" sysroot commit
    [[ "$target" == /* ]] || target="$root/$target"
    # No folder of this machine in messages of the binary; of prefixes that fit the last one counts. The paths of the standard
    # library are such folders where its sources are installed.
    sysroot="$(cd "$root" && "$rustc" --print sysroot)"
    commit="$(cd "$root" && "$rustc" --version --verbose | sed -n 's/^commit-hash: //p')"
    RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$root=zagg --remap-path-prefix=$home=cargo --remap-path-prefix=$target=target"
    export RUSTFLAGS="$RUSTFLAGS --remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rustc/$commit"
    # No names of functions from linking on: some hold a hash that comes out otherwise now and then, in the same folder, too
    # (https://github.com/rust-lang/rust/issues/126976), and the linker's id of the binary is made of all its bytes.
    export CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_INCREMENTAL=0
    local options=(--release --locked --package zagg-function --features runtime --bin bootstrap)
    case "$linker" in
        cargo)
            (cd "$root" && cargo build "${options[@]}" --target "$triple")
            ;;
        lambda)
            command -v cargo-lambda >/dev/null || fail "cargo lambda is not installed: pip install cargo-lambda"
            # Its own optimizations would end the function at a panic, which is to fail one shard.
            (cd "$root" && cargo lambda build --disable-optimizations "${options[@]}" --target "$triple.$newest_glibc")
            ;;
        *) fail "LINKER is \"$linker\"; give cargo or lambda" ;;
    esac
    if [[ "$linker" == lambda ]]; then
        BOOTSTRAP="$target/lambda/bootstrap/bootstrap"
    else
        BOOTSTRAP="$target/$triple/release/bootstrap"
    fi
}

# Refuses a file for another processor, and one that wants a newer glibc than the runtime has.
check_library() {
    local file="$1" newest found
    command -v readelf >/dev/null || fail "readelf is not installed: it is part of binutils"
    [[ -f "$file" ]] || fail "$file: no such file"
    found="$({ readelf --file-header "$file" 2>/dev/null || true; } | sed -n 's/^ *Machine: *//p')"
    case "$machine:$found" in
        x86_64:*X86-64* | aarch64:*AArch64*) ;;
        *:) fail "$file: not an ELF file" ;;
        *) fail "$file: built for $found, but ARCH is $ARCH" ;;
    esac
    newest="$(readelf --version-info --wide "$file" | { grep -o 'GLIBC_[0-9.]*' || true; } | sed 's/^GLIBC_//' | sort -V | tail -n 1)"
    if [[ -n "$newest" && "$(printf '%s\n%s\n' "$newest" "$newest_glibc" | sort -V | tail -n 1)" != "$newest_glibc" ]]; then
        fail "$file: needs glibc $newest, but provided.al2023 has $newest_glibc; build it with LINKER=lambda, or on a system as old as Amazon Linux 2023"
    fi
    note "$(basename "$file"): glibc ${newest:-of any version}"
}

if [[ -z "${BOOTSTRAP:-}" ]]; then
    build
fi
check_library "$BOOTSTRAP"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
install -m 755 "$BOOTSTRAP" "$folder/bootstrap"
# A binary from elsewhere that has its names, where the tool for its processor is at hand: a little smaller without them.
if [[ "$(readelf --section-headers --wide "$BOOTSTRAP")" == *" .symtab "* && "$(uname -m)" == "$machine" ]] &&
    command -v strip >/dev/null; then
    strip --strip-all "$folder/bootstrap"
fi
IFS=: read -r -a plugins <<<"${PLUGINS:-}"
# The longer form is for bash before 4.4, to which an empty list is unset.
for plugin in ${plugins[@]+"${plugins[@]}"}; do
    check_library "$plugin"
    mkdir -p "$folder/plugins"
    name="$(basename "$plugin")"
    [[ ! -e "$folder/plugins/$name" ]] || fail "two plugins are called $name"
    install -m 755 "$plugin" "$folder/plugins/$name"
done
mkdir -p "$(dirname "$OUTPUT")"
python3 "$here/make_zip.py" "$folder" "$OUTPUT"
size="$(wc -c <"$OUTPUT")"
note "$OUTPUT: $size bytes, sha256 $(sha256 "$OUTPUT")"
if ((size > limit && ${#plugins[@]} == 0)); then
    fail "the zip has $size bytes, more than $limit"
fi

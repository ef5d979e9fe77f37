"""Checks of build_function.sh, on programs and sources made for it."""

import os
import platform
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())


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


# A checkout and a cargo home in small: a binary out of a file of its own, one that its build makes, and a crate of a registry.
CHECKOUT = {
    "Cargo.toml": "[workspace]\nresolver = '3'\nmembers = ['function']\n[profile.release]\nstrip = 'debuginfo'\n",
    "function/Cargo.toml": """[package]
name = 'zagg-function'
version = '0.1.0'
edition = '2024'
[features]
runtime = []
[[bin]]
name = 'bootstrap'
path = 'main.rs'
required-features = ['runtime']
[dependencies]
far = '1'
""",
    "function/build.rs": """fn main() {
    let code = "fn made(n: Option<u32>) -> u32 { n.expect(\\"made\\") }";
    std::fs::write(std::path::Path::new(&std::env::var("OUT_DIR").unwrap()).join("made.rs"), code).unwrap();
}
""",
    "function/main.rs": """include!(concat!(env!("OUT_DIR"), "/made.rs"));
fn main() {
    let n = std::env::args().nth(1).expect("own").parse().ok();
    println!("{}", made(n) + far::far(n));
}
""",
}
CARGO_HOME = {
    "config.toml": "[source.crates-io]\nreplace-with = 'near'\n[source.near]\ndirectory = '{home}/near'\n",
    "near/far/Cargo.toml": "[package]\nname = 'far'\nversion = '1.0.0'\nedition = '2024'\n[lib]\npath = 'lib.rs'\n",
    "near/far/lib.rs": 'pub fn far(n: Option<u32>) -> u32 { n.expect("far") }\n',
    "near/far/.cargo-checksum.json": '{"files": {}, "package": null}',
}


def lay_out(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{home}", str(folder)))


def check_build(world):
    """The same sources give the same zip, wherever they, the cargo home and what is built are; the binary names no folder."""
    environment = {name: os.environ[name] for name in ("RUSTUP_HOME", "RUSTUP_TOOLCHAIN") if name in os.environ}
    zips, binaries = [], []
    for checkout, home, target in (("a/zagg", "a/cargo", "a/zagg/target"), ("other/place/of/it", "b/home-of-cargo", "c/built")):
        checkout, home, target = (world.folder / name for name in (checkout, home, target))
        lay_out(checkout, CHECKOUT)
        lay_out(home, CARGO_HOME)
        for name in ("build_function.sh", "common.sh", "make_zip.py"):
            (checkout / "deployment/aws").mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / name, checkout / "deployment/aws")
        settings = {**environment, "CARGO_HOME": str(home), "CARGO_TARGET_DIR": str(target)}
        subprocess.run(
            ["cargo", "generate-lockfile", "--offline"], cwd=checkout, env={**os.environ, **settings}, check=True,
            capture_output=True, timeout=120,
        )
        made = home / "function.zip"
        world.run(checkout / "deployment/aws/build_function.sh", ARCH=MACHINE, LINKER="cargo", OUTPUT=str(made), **settings)
        zips.append(made.read_bytes())
        binaries.append(target / f"{platform.machine()}-unknown-linux-gnu/release/bootstrap")
    assert zips[0] == zips[1], "two builds of the same files differ"
    for binary in binaries:
        content = binary.read_bytes()
        assert str(world.folder).encode() not in content, "the binary names a folder of this machine"
        for name in (rb"cargo/near/far/lib\.rs", rb"target/[^\0]*/out/made\.rs", rb"function/main\.rs"):
            assert re.search(name, content), f"no {name} in the binary: nothing was checked"
        # Names hold hashes that are not the same in all builds, and the linker's id is made of what it has linked.
        sections = subprocess.run(["readelf", "--section-headers", "--wide", binary], capture_output=True, text=True).stdout
        assert ".text" in sections and ".symtab" not in sections, "the binary was linked with names"
    with zipfile.ZipFile(world.folder / "a/cargo/function.zip") as archive:
        assert archive.read("bootstrap") == binaries[0].read_bytes() == binaries[1].read_bytes()


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


# The checks, and the programs that they cannot do without.
NEEDED = {check_zip: ("cc", "readelf"), check_glibc: ("cc", "readelf"), check_build: ("cargo", "cc", "readelf")}

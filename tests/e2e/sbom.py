"""Writes a list of the crates in each package of `sam build`: .aws-sam/sbom/apply.cdx.json and so on, in CycloneDX 1.5.

cargo-cyclonedx lists every crate that Cargo.lock might need. For example it lists ring, which no package has. So the crates that cargo
does not build are removed from the list, and every crate that is found in the binary must be on it."""

import json
import pathlib
import re
import subprocess
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = "x86_64-unknown-linux-gnu"
MEMBERS = {"apply", "domain", "ingest", "io", "mapping", "reconcile"}


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def built(function):
    """The names and versions of the crates that cargo compiles into the function. The features are those of the whole workspace,
    because `sam build` builds from its root."""
    tree = run("cargo", "tree", "--locked", "--offline", "--workspace", "-e", "normal", "--target", TARGET, "--prefix", "depth",
               "--format", " {p}")
    needs, above = {}, []
    for depth, name, version, *_ in map(str.split, filter(None, tree.splitlines())):
        crate = name, version.removeprefix("v")
        needs.setdefault(crate, set())
        del above[int(depth):]
        if above:
            needs[above[-1]].add(crate)
        above.append(crate)
    found, more = set(), {crate for crate in needs if crate[0] == function}
    while more:
        found |= more
        more = set().union(*(needs[crate] for crate in more)) - found
    return found


def pruned(bom, crates):
    bom["components"] = [it for it in bom["components"] if (it["name"], it["version"]) in crates]
    refs = {it["bom-ref"] for it in [*bom["components"], bom["metadata"]["component"]]}
    bom["dependencies"] = [it | {"dependsOn": [ref for ref in it.get("dependsOn", []) if ref in refs]}
                           for it in bom["dependencies"] if it["ref"] in refs]
    return bom


def written():
    """The lists that cargo-cyclonedx wrote, one beside every Cargo.toml, by path."""
    return {path: json.loads(path.read_text()) for top in ("cli", "functions", "shared", "tests")
            for path in (ROOT / top).rglob("*_bin.cdx.json")}


run(ROOT / "target/tools/bin/cargo-cyclonedx", "cyclonedx", "--quiet", "--format", "json", "--describe", "binaries", "--spec-version", "1.5",
    "--no-build-deps", "--target", TARGET)
boms = written()
for path in boms:
    path.unlink()
beside = ROOT / ".aws-sam/sbom"
beside.mkdir(exist_ok=True)
for function in ("ingest", "apply", "reconcile"):
    crates = built(function)
    bom = pruned(boms[ROOT / f"functions/{function}/{function}_bin.cdx.json"], crates)
    listed = {(it["name"], it["version"]) for it in bom["components"]}
    assert {name for name, _ in crates ^ listed} == {function}, crates ^ listed
    assert all(it.get("licenses") for it in bom["components"] if it["name"] not in MEMBERS), "a crate has no licence"
    binary = (ROOT / f".aws-sam/build/{function.capitalize()}/bootstrap").read_bytes()
    # The binary names the source file of each place that may panic, and with it the crate.
    places = re.findall(rb"/registry/src/[^/]+/([A-Za-z0-9_-]+)-(\d+\.\d+\.\d+[^/]*)/", binary)
    inside = {(name.decode(), version.decode()) for name, version in places}
    assert len(inside) > 20 and inside <= listed, inside - listed
    zipped = len(zlib.compress(binary, 9))
    assert zipped < 4 << 20, f"{function} has {zipped} bytes"
    (beside / f"{function}.cdx.json").write_text(json.dumps(bom, indent=1))
    print(f"sbom: {function}, {zipped / (1 << 20):.1f} MiB zipped, of {len(listed)} crates")

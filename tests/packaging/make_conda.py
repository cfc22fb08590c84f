"""Builds the conda package by rattler-build, without a channel, checks what it says and holds, and unpacks it into OUTPUT/root.

Usage: make_conda.py RECIPE OUTPUT VERSION
"""

import json
import pathlib
import shutil
import sys
import tarfile

import rattler_build

recipe, output, version = rattler_build.Stage0Recipe.from_file(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]


def expect(what, found, expected):
    if found != expected:
        raise SystemExit(f"{sys.argv[1]}: {what} is {found}, expected {expected}")


# As people build it, from conda-forge: only what it asks for can be seen here.
(rendered,) = recipe.render(rattler_build.VariantConfig.from_file(pathlib.Path(sys.argv[1]).parent / "variants.yaml"))
asked = rendered.recipe.to_dict()["requirements"]
expect("run", asked["run"], ["xtensor >=0.24,<1"])
expect("host", asked["host"], asked["run"])
expect("build", [str(tool).split("_")[0] for tool in asked["build"]], ["gxx", "cmake >=3.25", "ninja"])

# With the tools and the xtensor of this machine, the recipe's own test of what the package holds included.
shutil.rmtree(output, ignore_errors=True)
for platform in ("noarch", "linux-64", "linux-aarch64"):
    (output / "channel" / platform).mkdir(parents=True)
(built,) = recipe.run_build(
    variant_config=rattler_build.VariantConfig({"toolchain": ["system"]}),
    tool_config=rattler_build.ToolConfiguration(test_strategy="native"),
    output_dir=output / "channel",
    channels=[(output / "channel").resolve().as_uri()],
    package_format="tar-bz2",
)
(package,) = built.packages
with tarfile.open(package) as archive:
    archive.extractall(output / "root", filter="data")
index = json.loads((output / "root/info/index.json").read_text(encoding="utf-8"))
expect("name, version, subdir", [index[name] for name in ("name", "version", "subdir")], ["dvar", version, "noarch"])
expect("licenses", sorted(file.name for file in (output / "root/info/licenses").iterdir()), ["LICENSE", "NOTICE"])
expect("dvar.hpp", (output / "root/include/dvar/dvar.hpp").is_file(), True)

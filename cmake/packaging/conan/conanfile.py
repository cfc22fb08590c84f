"""The toolkit as a Conan 2 package, from this tree: `conan create cmake/packaging/conan -s compiler.cppstd=20`."""

import pathlib
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, rmdir
from conan.tools.system.package_manager import Apt


class Dvar(ConanFile):
    name = "dvar"
    description = "Tells a training loop when it has converged, although its loss is noise"
    license = "Apache-2.0"
    topics = ("early-stopping", "convergence", "training", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    # Where xtensor comes from: a Conan package; the system, which must have it; or nowhere, and then the headers that work on
    # arrays are not in <dvar/dvar.hpp>.
    options = {"xtensor": ["conan", "system", "none"]}
    default_options = {"xtensor": "conan"}

    @property
    def _root(self):
        return pathlib.Path(self.recipe_folder).parents[2]

    def set_version(self):
        text = (self._root / "CMakeLists.txt").read_text(encoding="utf-8")
        self.version = re.search(r"project\(dvar VERSION ([0-9.]+)", text)[1]

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "NOTICE", "include/*", "bindings/*", "cmake/*.cmake", "cmake/*.in"):
            copy(self, pattern, self._root, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        if self.options.xtensor == "conan":
            self.requires("xtensor/[>=0.24 <1]", transitive_headers=True)

    def system_requirements(self):
        if self.options.xtensor == "system":
            Apt(self).install(["libxtensor-dev"], check=True)

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for option in ("REFERENCE", "TESTS", "C"):
            toolchain.cache_variables[f"DVAR_BUILD_{option}"] = False
        toolchain.cache_variables["DVAR_XTENSOR"] = self.options.xtensor != "none"
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        CMake(self).configure()

    def package(self):
        CMake(self).install(component="dvar_toolkit")
        for name in ("LICENSE", "NOTICE"):
            copy(self, name, self.source_folder, pathlib.Path(self.package_folder) / "licenses")
        # Consumers get these from Conan's generators.
        rmdir(self, pathlib.Path(self.package_folder) / "share")

    def package_id(self):
        self.info.settings.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "dvar")
        self.cpp_info.set_property("cmake_target_name", "dvar::dvar")
        self.cpp_info.set_property("pkg_config_name", "dvar")

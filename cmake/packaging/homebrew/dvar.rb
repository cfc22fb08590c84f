# The toolkit's headers as a Homebrew formula, from the clone that it lies in, as it is committed:
# `brew install --HEAD cmake/packaging/homebrew/dvar.rb`.
class Dvar < Formula
  desc "Tells a training loop when it has converged, although its loss is noise"
  homepage "https://arxiv.org/abs/2302.04841"
  license "Apache-2.0"
  head "file://#{File.expand_path("../../..", __dir__)}", using: :git

  depends_on "cmake" => :build
  depends_on "xtensor"

  def install
    system "cmake", "-S", ".", "-B", "build", "-DDVAR_BUILD_REFERENCE=OFF", "-DDVAR_BUILD_TESTS=OFF", "-DDVAR_BUILD_C=OFF",
           *std_cmake_args
    system "cmake", "--build", "build"
    system "cmake", "--install", "build"
  end

  test do
    (testpath/"consumer.cpp").write <<~CPP
      #include <iostream>
      #include <dvar/dvar.hpp>
      int main() {
        dvar::any_of rule{dvar::variance_ratio{{.window = 20}}, dvar::step_limit{1000}};
        for (double weight = 1.0; !rule.observe(weight * weight).stop; weight *= 0.98) {}
        std::cout << rule.latest().rule;
      }
    CPP
    system ENV.cxx, "-std=c++20", "consumer.cpp", "-I#{include}", "-o", "consumer"
    assert_equal "variance_ratio", shell_output("./consumer")
  end
end

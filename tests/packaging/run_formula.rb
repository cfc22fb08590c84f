# Runs the formula with stand-ins for what it calls of Homebrew: it installs from this tree into OUTPUT/prefix, and runs its test there.
#
# ruby run_formula.rb FORMULA ROOT OUTPUT
require "fileutils"
require "open3"
require "pathname"

FORMULA, ROOT, OUTPUT = ARGV.map { |argument| Pathname(argument).expand_path }

# What a formula says of itself, and what it calls while it installs and tests.
class Formula
  class << self
    attr_reader :facts, :test_block

    %i[desc homepage license head].each do |name|
      define_method(name) { |value, **options| (@facts ||= {})[name] = [value, options] }
    end

    def depends_on(dependency)
      (@facts ||= {})[:depends_on] = [*@facts[:depends_on], dependency]
    end

    def test(&block)
      @test_block = block
    end
  end

  def prefix = OUTPUT/"prefix"
  def include = prefix/"include"
  def testpath = OUTPUT/"test"

  # As Homebrew 4 gives them, without those for macOS alone.
  def std_cmake_args
    ["-DCMAKE_INSTALL_PREFIX=#{prefix}", "-DCMAKE_INSTALL_LIBDIR=lib", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_FIND_FRAMEWORK=LAST",
     "-DCMAKE_VERBOSE_MAKEFILE=ON", "-Wno-dev", "-DBUILD_TESTING=OFF"]
  end

  def system(*command)
    Kernel.system(*command.map(&:to_s)) || abort("#{command.join(" ")} failed")
  end

  def shell_output(command)
    output, status = Open3.capture2(command)
    status.success? ? output : abort("#{command} ended with #{status.exitstatus}")
  end

  def assert_equal(expected, found)
    abort("expected #{expected.inspect}, not #{found.inspect}") unless expected == found
  end
end

def ENV.cxx = fetch("CXX", "c++")

def expect(what, found, expected)
  abort("#{FORMULA}: #{what} is #{found.inspect}, expected #{expected.inspect}") unless expected === found
end

load FORMULA.to_s
facts = Dvar.facts
expect("desc", facts[:desc][0], ->(text) { text.length < 80 && text !~ /\A(?:an?|the|dvar)\b|\.\z/i })
expect("license", facts[:license][0], "Apache-2.0")
expect("head", facts[:head], ["file://#{ROOT}", { using: :git }])
expect("depends_on", facts[:depends_on], [{ "cmake" => :build }, "xtensor"])

FileUtils.rm_rf(OUTPUT)
source = OUTPUT/"source"
FileUtils.mkdir_p([source, OUTPUT/"test"])
FileUtils.cp_r(%w[CMakeLists.txt LICENSE NOTICE cmake include bindings].map { |name| ROOT/name }, source)
formula = Dvar.new
Dir.chdir(source) { formula.install }
Dir.chdir(formula.testpath) { formula.instance_eval(&Dvar.test_block) }
puts "the formula installs and passes its test"

#include "weights/pickle_tree.hpp"

#include <bit>
#include <cstring>
#include <unordered_map>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/pickle_opcode.hpp"

namespace dvar::weights {
namespace {

constexpr std::size_t most_values = 1'000'000;

/// Goes through the instructions of a pickle with the two stores that they have, a stack and a memo.
class pickle_machine {
 public:
  pickle_machine(std::string_view bytes, const std::filesystem::path& path) : bytes_{bytes}, path_{path} {}

  pickle_tree run() {
    for (opcode instruction = next(); instruction != opcode::stop; instruction = next())
      carry_out(instruction);
    tree_.top = pop();
    tree_.size = at_;
    return std::move(tree_);
  }

 private:
  [[noreturn]] void refuse(std::string_view problem) const {
    throw input_error(fmt::format("{}: the pickle in it, byte {}: {}", path_.string(), at_, problem));
  }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) refuse("expected more, found its end");
    const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(count));
    at_ += taken.size();
    return taken;
  }

  opcode next() { return static_cast<opcode>(take(1).front()); }

  /// Takes an unsigned number of `count` bytes, the lowest first.
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    std::size_t shift = 0;
    for (const char byte : take(count)) {
      value |= std::uint64_t{static_cast<unsigned char>(byte)} << shift;
      shift += 8;
    }
    return value;
  }

  std::string_view line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) refuse("expected a line, found its end");
    const std::string_view taken = take(end - at_);
    take(1);
    return taken;
  }

  void push(pickled_value value) {
    if (tree_.values.size() == most_values) refuse("expected at most a million values, found more");
    stack_.push_back(static_cast<pickled_index>(tree_.values.size()));
    tree_.values.push_back(std::move(value));
  }

  void push_integer(std::int64_t value) { push({.kind = pickled_kind::integer, .integer = value}); }
  void push_text(pickled_kind kind, std::string_view text) {
    push({.kind = kind, .text = std::string{text}});
  }

  /// Takes a number of two's complement with as many bytes as it says.
  void push_long(std::uint64_t count) {
    const std::string_view digits = take(count);
    if (digits.size() > sizeof(std::int64_t)) return push_text(pickled_kind::bytes, digits);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(value); ++i) {
      const bool is_negative = !digits.empty() && (digits.back() & '\x80') != 0;
      const char byte = i < digits.size() ? digits[i] : (is_negative ? '\xff' : '\0');
      value |= std::uint64_t{static_cast<unsigned char>(byte)} << (8 * i);
    }
    push_integer(static_cast<std::int64_t>(value));
  }

  /// Takes a double, the highest byte first.
  void push_real() {
    std::uint64_t bits = 0;
    for (const char byte : take(sizeof bits))
      bits = bits << 8 | static_cast<unsigned char>(byte);
    push({.kind = pickled_kind::real, .real = std::bit_cast<double>(bits)});
  }

  pickled_index pop() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) refuse("expected a value before it, found none");
    const pickled_index value = stack_.back();
    stack_.pop_back();
    return value;
  }

  pickled_value& top() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) refuse("expected a value before it, found none");
    return tree_.values[stack_.back()];
  }

  std::vector<pickled_index> pop_to_mark() {
    if (marks_.empty()) refuse("expected a mark before it, found none");
    std::vector<pickled_index> values(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()),
                                      stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return values;
  }

  std::vector<pickled_index> pop_last(std::size_t count) {
    std::vector<pickled_index> values(count);
    for (std::size_t i = count; i > 0; --i)
      values[i - 1] = pop();
    return values;
  }

  void push_sequence(std::size_t count) { push({.kind = pickled_kind::sequence, .parts = pop_last(count)}); }

  void duplicate() {
    top();
    stack_.push_back(stack_.back());
  }

  void extend(pickled_kind kind, const std::vector<pickled_index>& values) {
    pickled_value& target = top();
    if (kind == pickled_kind::mapping && values.size() % 2 != 0)
      refuse("expected keys with values, found a key alone");
    // What Python would make and then fill is a dictionary or a list of some kind.
    if (target.kind == pickled_kind::made) target = {.kind = kind};
    if (target.kind != kind) refuse("expected what takes elements before it, found another value");
    target.parts.insert(target.parts.end(), values.begin(), values.end());
  }

  void remember(std::uint64_t place) {
    top();
    memo_[place] = stack_.back();
  }

  void recall(std::uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) refuse(fmt::format("expected a value remembered as {}, found none", place));
    stack_.push_back(found->second);
  }

  void push_global() {
    const std::string_view module = line();
    const std::string_view name = line();
    push({.kind = pickled_kind::global, .text = fmt::format("{}.{}", module, name)});
  }

  void push_global_from_stack() {
    const pickled_index name = pop();
    const pickled_index module = pop();
    if (tree_[name].kind != pickled_kind::text || tree_[module].kind != pickled_kind::text)
      refuse("expected the names of a module and of what is in it, found other values");
    push({.kind = pickled_kind::global, .text = tree_[module].text + '.' + tree_[name].text});
  }

  /// Notes that Python would call something here. An ordered dictionary is a mapping at once: elements are put into it later.
  void push_made() {
    const pickled_index arguments = pop();
    const pickled_index callable = pop();
    const bool is_mapping =
        tree_[callable].kind == pickled_kind::global && tree_[callable].text == "collections.OrderedDict";
    if (!is_mapping) return push({.kind = pickled_kind::made, .parts = {callable, arguments}});
    pickled_value mapping{.kind = pickled_kind::mapping};
    if (tree_[arguments].kind == pickled_kind::sequence && !tree_[arguments].parts.empty())
      for (const pickled_index pair : tree_[tree_[arguments].parts.front()].parts)
        if (tree_[pair].parts.size() == 2)
          mapping.parts.insert(mapping.parts.end(), tree_[pair].parts.begin(), tree_[pair].parts.end());
    push(std::move(mapping));
  }

  void set_state() {
    const pickled_index state = pop();
    pickled_value& target = top();
    if (target.kind == pickled_kind::made && target.parts.size() == 2) target.parts.push_back(state);
  }

  void carry_out(opcode instruction) {
    switch (instruction) {
      case opcode::stop:
        break;
      case opcode::proto:
        take(1);
        break;
      case opcode::frame:
        take(8);
        break;
      case opcode::mark:
        marks_.push_back(stack_.size());
        break;
      case opcode::pop:
        pop();
        break;
      case opcode::pop_mark:
        pop_to_mark();
        break;
      case opcode::dup:
        duplicate();
        break;
      case opcode::binput:
        remember(number(1));
        break;
      case opcode::long_binput:
        remember(number(4));
        break;
      case opcode::memoize:
        remember(memo_.size());
        break;
      case opcode::binget:
        recall(number(1));
        break;
      case opcode::long_binget:
        recall(number(4));
        break;
      case opcode::none:
        push({});
        break;
      case opcode::newtrue:
        push({.kind = pickled_kind::boolean, .integer = 1});
        break;
      case opcode::newfalse:
        push({.kind = pickled_kind::boolean});
        break;
      case opcode::binint:
        push_integer(static_cast<std::int32_t>(number(4)));
        break;
      case opcode::binint1:
        push_integer(static_cast<std::int64_t>(number(1)));
        break;
      case opcode::binint2:
        push_integer(static_cast<std::int64_t>(number(2)));
        break;
      case opcode::long1:
        push_long(number(1));
        break;
      case opcode::long4:
        push_long(number(4));
        break;
      case opcode::binfloat:
        push_real();
        break;
      case opcode::short_binunicode:
      case opcode::short_binstring:
        push_text(pickled_kind::text, take(number(1)));
        break;
      case opcode::binunicode:
      case opcode::binstring:
        push_text(pickled_kind::text, take(number(4)));
        break;
      case opcode::binunicode8:
        push_text(pickled_kind::text, take(number(8)));
        break;
      case opcode::short_binbytes:
        push_text(pickled_kind::bytes, take(number(1)));
        break;
      case opcode::binbytes:
        push_text(pickled_kind::bytes, take(number(4)));
        break;
      case opcode::binbytes8:
        push_text(pickled_kind::bytes, take(number(8)));
        break;
      case opcode::empty_tuple:
      case opcode::empty_list:
      case opcode::empty_set:
        push_sequence(0);
        break;
      case opcode::tuple1:
        push_sequence(1);
        break;
      case opcode::tuple2:
        push_sequence(2);
        break;
      case opcode::tuple3:
        push_sequence(3);
        break;
      case opcode::tuple:
      case opcode::list:
      case opcode::frozenset:
        push({.kind = pickled_kind::sequence, .parts = pop_to_mark()});
        break;
      case opcode::append:
        extend(pickled_kind::sequence, pop_last(1));
        break;
      case opcode::appends:
      case opcode::additems:
        extend(pickled_kind::sequence, pop_to_mark());
        break;
      case opcode::empty_dict:
        push({.kind = pickled_kind::mapping});
        break;
      case opcode::setitem:
        extend(pickled_kind::mapping, pop_last(2));
        break;
      case opcode::setitems:
        extend(pickled_kind::mapping, pop_to_mark());
        break;
      case opcode::global:
        push_global();
        break;
      case opcode::stack_global:
        push_global_from_stack();
        break;
      case opcode::reduce:
      case opcode::newobj:
        push_made();
        break;
      case opcode::build:
        set_state();
        break;
      case opcode::binpersid:
        push({.kind = pickled_kind::persistent, .parts = pop_last(1)});
        break;
      default:
        refuse(fmt::format("expected an instruction that torch.save writes, found {:#04x}",
                           static_cast<unsigned>(instruction)));
    }
  }

  std::string_view bytes_;
  const std::filesystem::path& path_;
  std::size_t at_ = 0;
  pickle_tree tree_;
  std::vector<pickled_index> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, pickled_index> memo_;
};

}  // namespace

const pickled_value* pickle_tree::find(const pickled_value& mapping, std::string_view key) const {
  if (mapping.kind != pickled_kind::mapping) return nullptr;
  for (std::size_t i = 0; i + 1 < mapping.parts.size(); i += 2)
    if (const pickled_value& name = values[mapping.parts[i]];
        name.kind == pickled_kind::text && name.text == key)
      return &values[mapping.parts[i + 1]];
  return nullptr;
}

pickle_tree read_pickle(std::string_view bytes, const std::filesystem::path& path) {
  return pickle_machine{bytes, path}.run();
}

}  // namespace dvar::weights

class rule {
  static constexpr std::string_view name = "rule";
};

class forgotten {
  static constexpr std::string_view name = "forgotten";
};

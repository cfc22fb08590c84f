struct rule_options {
  std::size_t window = 310;
  double share = 0.5;
};

class rule {
  verdict observe(double value);
};

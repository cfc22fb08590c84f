namespace dvar::detail {

class group {
  verdict observe(double value);
};

}  // namespace dvar::detail

namespace dvar::inline v0_1::detail {

class group {
  verdict observe(double value);
};

}  // namespace dvar::inline v0_1::detail

namespace dvar::inline v0_2::detail {

class group {
  verdict observe(double value);
};

}  // namespace dvar::inline v0_2::detail

class other {
  verdict observe(double value);
};

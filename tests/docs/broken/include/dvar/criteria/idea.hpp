template <class C>
concept idea = requires(C& c, double x) { c.observe(x); };

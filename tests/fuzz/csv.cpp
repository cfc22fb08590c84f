#include <dvar/trace/csv.hpp>

#include "traces.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dvar::fuzz::check_trace(
      data, size, [](std::istream& in) { return dvar::read_csv(in); },
      [](std::ostream& out, const dvar::trace& records) { dvar::write_csv(out, records); });
  return 0;
}

std::vector<std::string> dvar::fuzz::seeds() {
  return {
      "step,loss,gradient_norm,probe_loss,rolling_variance,total_variance,ratio\n1,0.5,,0.25,,,\n2,,,nan,1e-300,inf,0.1\n",
      "probe_loss,step\r\n0.1,1\r\n-inf,2\r\n,3\r\n",
      "step,other\n18446744073709551615,text\n\n7,\n",
      "step,patience_1/best,clip_score,größe\n18446744073709551615,1,-0,\n\n7,,,2e-308\n",
      "loss,step,loss\n1,1,\n,2,2\n",
      "step\n1\n2\n3",
      "loss\n1\n",
      "step,loss\n1,2,3\n",
      "step,loss\n-1,2\n",
      "",
  };
}

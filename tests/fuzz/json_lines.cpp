#include <dvar/trace/json_lines.hpp>

#include "traces.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dvar::fuzz::check_trace(
      data, size, [](std::istream& in) { return dvar::read_json_lines(in); },
      [](std::ostream& out, const dvar::trace& records) {
        for (const dvar::trace_record& record : records)
          dvar::write_json_line(out, record);
      });
  return 0;
}

std::vector<std::string> dvar::fuzz::seeds() {
  return {
      "{\"step\":1,\"loss\":0.5,\"probe_loss\":0.25}\n{\"step\":2,\"probe_loss\":\"nan\",\"ratio\":1e-300}\n",
      " { \"probe_loss\" : \"-inf\" , \"step\" : 18446744073709551615 , \"other\" : \"a\\\"b\" } \r\n\n{}\n",
      "{\"step\":7,\"patience_1/best\":1}\n{\"clip_score\":-0,\"step\":8,\"patience_1/best\":2e-308}\n",
      "{\"step\":9,\"loss\":1,\"loss\":1}\n",
      "{\"step\":3,\"loss\":null,\"gradient_norm\":true}\n",
      "{\"step\":4}\n{\"step\":5,\"lo",
      "{\"step\":[6]}\n",
      "{\"loss\":1}\n",
      "",
  };
}

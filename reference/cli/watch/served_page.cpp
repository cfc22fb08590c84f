#include "cli/watch/served_page.hpp"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include "cli/interrupts.hpp"
#include "cli/watch/run_json.hpp"
#include "error.hpp"
#include "reporting/live_page.hpp"

namespace dvar::cli {
namespace {

using namespace std::chrono_literals;

constexpr const char* loopback = "127.0.0.1";

int bind(httplib::Server& server, int port) {
  errno = 0;
  if (port == 0) {
    if (const int free_port = server.bind_to_any_port(loopback); free_port > 0) return free_port;
  } else if (server.bind_to_port(loopback, port)) {
    return port;
  }
  throw input_error(fmt::format("--serve {}: expected a port that is free, or 0 for any: {}", port,
                                errno == 0 ? "it cannot be had" : std::strerror(errno)));
}

}  // namespace

void serve_page(watched_logs& logs, int port, double every, const std::string& rule) {
  httplib::Server server;
  server.new_task_queue = [] { return new httplib::ThreadPool(2); };  // the server deletes it
  server.set_default_headers(
      {{"Content-Security-Policy",
        "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"},
       {"X-Content-Type-Options", "nosniff"},
       {"Cache-Control", "no-store"}});
  // A second program on this port is an error, not company; one that has just ended is none.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  const int bound = bind(server, port);

  server.set_pre_routing_handler([bound](const httplib::Request& request, httplib::Response& response) {
    const std::string host = request.get_header_value("Host");
    if (host == fmt::format("{}:{}", loopback, bound) || host == fmt::format("localhost:{}", bound))
      return httplib::Server::HandlerResponse::Unhandled;
    response.status = 403;
    response.set_content("This page is for browsers on its own machine.\n", "text/plain");
    return httplib::Server::HandlerResponse::Handled;
  });
  const std::string page = reporting::render_live_page(
      std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(every)));
  server.Get("/", [&page](const httplib::Request&, httplib::Response& response) {
    response.set_content(page, "text/html; charset=utf-8");
  });
  std::mutex one_look;
  server.Get("/runs.json", [&](const httplib::Request&, httplib::Response& response) {
    const std::lock_guard looking{one_look};
    response.set_content(to_json(logs.look(), rule), "application/json");
  });

  const interrupts noted;
  std::thread answering{[&server] { server.listen_after_bind(); }};
  fmt::print("http://{}:{}/ follows the runs in a browser of this machine; Ctrl-C ends it\n", loopback,
             bound);
  std::fflush(stdout);
  while (!interrupts::requested())
    std::this_thread::sleep_for(50ms);
  server.stop();
  answering.join();
}

}  // namespace dvar::cli

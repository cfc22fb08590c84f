#pragma once

#include <string>

#include "cli/watch/watched_logs.hpp"

namespace dvar::cli {

/// Serves a page that follows the runs, to browsers on this machine alone, and says where, until an interrupt is requested: `/` is the page, `/runs.json`
/// what it asks for every so many seconds. A port of 0 is any that is free. A request by another name than `localhost` or `127.0.0.1` is refused, as
/// a page from elsewhere could make one. Throws `dvar::input_error` when the port cannot be had, and always in a program that was built
/// without an HTTP server.
void serve_page(watched_logs& logs, int port, double every, const std::string& rule);

}  // namespace dvar::cli

// Where what workers write goes: a stream a worker, `<job>/algo-N-<epoch-ms>`, an event a line.
#pragma once

#include <string_view>

#include "base/utf8.hpp"
#include "logs/store.hpp"
#include "training/job.hpp"

namespace training {

using base::valid_utf8;
using logs::LogWriter;

constexpr std::string_view log_group_name = logs::job_group;

}  // namespace training

// What an image brings in its own /opt/ml, in front of which a worker's /opt/ml is mounted.
//
// On AWS only input, model, output and checkpoints are mounted: an image may carry its script in /opt/ml/code (the toolkit's guides
// do), and more beside it. So that it is there, and can be written to, each worker gets a copy. A source archive that the job
// brings takes the place of the image's code.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"
#include "training/contract.hpp"

namespace training {

// Into WORKER/ml. Errors `ClientError`: more than limits.hpp takes; `Cancelled`.
[[nodiscard]] base::Result<void> copy_image_code(const Plan& plan, const WorkerPlace& place,
                                                 const std::function<bool()>& cancelled);

// The first of python3 and python on the PATH of an image, as the worker sees it; `/usr/bin/python3` if there is neither.
[[nodiscard]] std::string python_of(const std::string& image_root, const Environment& image_environment);

}  // namespace training

#include "server/store_sizes.hpp"

#include <algorithm>
#include <filesystem>

namespace server {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds apart_min{30};
constexpr int rest_factor = 50;  // it rests so much longer than it took: at most 2 % of a processor

}  // namespace

StoreSizes::StoreSizes(std::string data_folder) : data_folder_(std::move(data_folder)), thread_([this] { run(); }) {}

StoreSizes::~StoreSizes() {
    {
        const base::Lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

StoreSizes::Measured StoreSizes::last() const {
    const base::Lock lock(mutex_);
    return last_;
}

bool StoreSizes::is_stopping() const {
    const base::Lock lock(mutex_);
    return stopping_;
}

void StoreSizes::run() {
    while (!is_stopping()) {
        const auto began = steady_clock::now();
        Measured found;
        for (size_t i = 0; i < parts.size(); ++i) found.sizes[i] = measure(data_folder_ + "/" + std::string(parts[i]));
        found.audit_segments = measure(data_folder_ + "/audit", ".jsonl").files;
        found.at = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
        const auto rest = std::max<steady_clock::duration>(apart_min, (steady_clock::now() - began) * rest_factor);
        const base::Lock lock(mutex_);
        last_ = found;
        changed_.wait_for(mutex_, rest, [this]() REQUIRES(mutex_) { return stopping_; });
    }
}

// Files come and go meanwhile: what is gone counts for nothing.
StoreSizes::Size StoreSizes::measure(const std::string& folder, std::string_view extension) const {
    Size out;
    std::error_code error;
    for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error), end; at != end;
         at.increment(error)) {
        if (error || is_stopping()) break;
        std::error_code gone;
        if (!at->is_regular_file(gone) || gone) continue;
        if (!extension.empty() && at->path().extension() != extension) continue;
        const auto bytes = at->file_size(gone);
        if (gone) continue;
        ++out.files;
        out.bytes += bytes;
    }
    return out;
}

}  // namespace server

// All blobs of a server: small and medium ones in the log, large ones as files, told apart when they are committed; those of versions before
// 0.2, and of a backup, are files of any size.
#include "store/blobs.hpp"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/error_codes.hpp"
#include "store/blob_log.hpp"
#include "store/chunks.hpp"
#include "store/disk_error.hpp"
#include "store/file_blobs.hpp"

namespace store {
namespace {

std::string log_folder(const std::string& directory) { return directory + "/log"; }

// Holds what may go into the log, and makes a file when it is more.
class AnyWriter final : public BlobWriter {
public:
    AnyWriter(BlobLog& log, Blobs& files) : log_(log), files_(files) {}

    base::Result<void> write(std::string_view bytes) override {
        if (file_ == nullptr && held_.size() + bytes.size() <= logged_bytes_max) {
            held_ += bytes;
            return {};
        }
        if (file_ == nullptr) {
            file_ = TRY(files_.create());
            TRY(file_->write(held_));
            held_ = {};
        }
        return file_->write(bytes);
    }
    base::Result<BlobId> commit() override { return file_ == nullptr ? log_.append(held_) : file_->commit(); }

private:
    BlobLog& log_;
    Blobs& files_;
    std::string held_;
    std::unique_ptr<BlobWriter> file_;
};

class AnyBlobs final : public Blobs {
public:
    AnyBlobs(std::shared_ptr<BlobLog> log, std::unique_ptr<Blobs> files) : log_(std::move(log)), files_(std::move(files)) {}

    base::Result<std::unique_ptr<BlobWriter>> create() override { return std::make_unique<AnyWriter>(*log_, *files_); }
    base::Result<std::shared_ptr<BlobReader>> open(const BlobId& id) const override {
        return log_->has_segment_of(id) ? log_->open_blob(id) : files_->open(id);
    }
    base::Result<void> remove(const BlobId& id) override {
        return log_->has_segment_of(id) ? log_->remove(id) : files_->remove(id);
    }
    base::Result<std::vector<BlobId>> list() const override {
        auto ids = TRY(files_->list());
        auto logged = TRY(log_->list());
        ids.insert(ids.end(), std::make_move_iterator(logged.begin()), std::make_move_iterator(logged.end()));
        return ids;
    }

private:
    const std::shared_ptr<BlobLog> log_;
    const std::unique_ptr<Blobs> files_;
};

// Nothing: there is no such segment.
base::Result<std::shared_ptr<const os::Descriptor>> open_segment(const std::string& directory, const std::string& name) {
    const auto path = log_folder(directory) + "/" + name;
    auto file = std::make_shared<const os::Descriptor>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file->is_open() && errno != ENOENT) return base::fail(disk_error("open", path, errno));
    if (!file->is_open()) return std::shared_ptr<const os::Descriptor>();
    return file;
}

}  // namespace

base::Result<std::unique_ptr<Blobs>> open_blobs(const std::string& directory) {
    auto files = TRY(open_file_blobs(directory));
    auto log = TRY(BlobLog::open(log_folder(directory)));
    return std::make_unique<AnyBlobs>(std::move(log), std::move(files));
}

base::Result<std::shared_ptr<BlobReader>> StoredBlobs::open(const BlobId& id) const {
    if (const auto place = log_format::place_of(id)) {
        const auto file = TRY(open_segment(directory_, log_format::segment_name(place->segment)));
        if (file != nullptr) return std::make_shared<ChunkReader>(TRY(read_logged(file, *place)));
    }
    return open_blob_file(directory_, id);
}

base::Result<std::vector<BlobId>> StoredBlobs::logged() const {
    std::vector<BlobId> ids;
    std::error_code error;
    if (!std::filesystem::exists(log_folder(directory_), error)) return ids;
    for (std::filesystem::directory_iterator at(log_folder(directory_), error), end; !error && at != end; at.increment(error)) {
        const auto name = at->path().filename().string();
        const auto number = log_format::segment_of(name);
        const auto file = number ? TRY(open_segment(directory_, name)) : nullptr;
        if (file == nullptr) continue;
        const auto content = TRY(read_segment(file->number(), *number));
        for (const auto& entry : content.entries)
            if (entry.state == log_format::State::live) ids.push_back(log_format::id_of({*number, entry.offset, entry.length}));
    }
    if (error) return base::fail(disk_error("list", log_folder(directory_), error.value()));
    return ids;
}

std::string StoredBlobs::path_of(const BlobId& id) const {
    const auto place = log_format::place_of(id);
    const auto segment = place ? log_folder(directory_) + "/" + log_format::segment_name(place->segment) : std::string();
    std::error_code error;
    return place && std::filesystem::exists(segment, error) ? segment + ", blob " + id : blob_path(directory_, id);
}

}  // namespace store

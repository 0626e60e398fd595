// Blobs as files: DIRECTORY/xx/ID, where ID is 32 random hex digits and xx its first two.
//
// Life of a blob:
//   create()  an unnamed file (O_TMPFILE): if the process dies, the kernel takes it back and nothing needs sweeping
//   write()   appended; write-back is started every few MiB so that the fsync at the end has little left to do
//   commit()  linked under its name, then fsync of the file, then fsync of the folder. Linking first puts the new name and the
//             file's size into one journal transaction, so the two fsyncs cost one disk flush; renaming after the
//             fsync costs two. A crash in between leaves a name that was never returned: garbage for the owner's sweep.
// File systems without O_TMPFILE get a named file in DIRECTORY/unfinished, emptied at open.
//
// A reader holds an open descriptor, so removing a blob never disturbs who is reading it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "metrics/disk.hpp"
#include "os/file.hpp"
#include "store/blobs.hpp"

namespace store {
namespace {

constexpr uint64_t write_back_bytes = 8u << 20;
constexpr size_t id_digits = 32;
constexpr std::string_view hex_digits = "0123456789abcdef";

// The path is for the log: messages travel to clients.
base::Error broken(const std::string& what, const std::string& path, int error) {
    base::log_error("cannot " + what + " `" + path + "`: " + std::strerror(error));
    if (error == ENOSPC || error == EDQUOT) {
        return {base::code::InsufficientStorage,
                "The server's disk is full: nothing new can be stored until there is space. Deletes work."};
    }
    return {base::code::InternalError, "cannot " + what + " a file of the blob store: " + std::strerror(error)};
}

// Ids need to be unique, not secret: a generator a thread, seeded by the operating system, saves a system call a blob.
BlobId new_id() {
    thread_local std::mt19937_64 generator = [] {
        std::random_device device;
        std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
        return std::mt19937_64(seed);
    }();
    BlobId id(id_digits, '0');
    for (size_t word = 0; word < 2; ++word) {
        auto bits = generator();
        for (size_t digit = 0; digit < 16; ++digit, bits >>= 4) id[word * 16 + digit] = hex_digits[bits & 15];
    }
    return id;
}

bool is_id(std::string_view text) {
    return text.size() == id_digits && text.find_first_not_of(hex_digits) == std::string_view::npos;
}

struct Layout {
    std::string directory;
    std::array<os::Descriptor, 256> shards;  // open folders, for fsync
    [[nodiscard]] std::string unfinished() const { return directory + "/unfinished"; }
    [[nodiscard]] std::string path(const BlobId& id) const { return directory + "/" + id.substr(0, 2) + "/" + id; }
    [[nodiscard]] int shard(const BlobId& id) const {
        return shards[hex_digits.find(id[0]) * 16 + hex_digits.find(id[1])].number();
    }
};

class FileWriter final : public BlobWriter {
public:
    explicit FileWriter(const Layout& layout) : layout_(layout), id_(new_id()) {}
    ~FileWriter() override {
        if (!temporary_.empty()) ::unlink(temporary_.c_str());
    }

    base::Result<void> open() {
        file_ = os::Descriptor(::open(layout_.unfinished().c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
        if (file_.is_open()) return {};
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
            return base::fail(broken("write in", layout_.unfinished(), errno));
        temporary_ = layout_.unfinished() + "/" + id_;
        file_ = os::Descriptor(::open(temporary_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
        if (!file_.is_open()) return base::fail(broken("make", std::exchange(temporary_, {}), errno));
        return {};
    }

    base::Result<void> write(std::string_view bytes) override {
        while (!bytes.empty()) {
            const auto written = ::write(file_.number(), bytes.data(), bytes.size());
            if (written < 0) {
                if (errno == EINTR) continue;
                return base::fail(broken("write", layout_.path(id_), errno));
            }
            bytes.remove_prefix(static_cast<size_t>(written));
            size_ += static_cast<uint64_t>(written);
        }
        if (size_ - flushed_ >= write_back_bytes) {
            // A hint: what goes wrong here goes wrong again at the fsync, which is checked.
            (void)::sync_file_range(file_.number(), static_cast<off_t>(flushed_), static_cast<off_t>(size_ - flushed_),
                                    SYNC_FILE_RANGE_WRITE);
            flushed_ = size_;
        }
        return {};
    }

    base::Result<BlobId> commit() override {
        const auto path = layout_.path(id_);
        if (temporary_.empty()) {
            const auto unnamed = "/proc/self/fd/" + std::to_string(file_.number());
            if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
                return base::fail(broken("link", path, errno));
        } else {
            if (::rename(temporary_.c_str(), path.c_str()) != 0) return base::fail(broken("rename", temporary_, errno));
            temporary_.clear();
        }
        const metrics::DiskWait waited(metrics::Written::blobs);
        if (::fsync(file_.number()) != 0) return base::fail(undo(path, broken("sync", path, errno)));
        if (::fsync(layout_.shard(id_)) != 0) return base::fail(undo(path, broken("sync the folder of", path, errno)));
        return id_;
    }

private:
    static base::Error undo(const std::string& path, base::Error error) {
        ::unlink(path.c_str());
        return error;
    }

    const Layout& layout_;
    BlobId id_;
    os::Descriptor file_;
    std::string temporary_;  // only without O_TMPFILE: the path to remove
    uint64_t size_ = 0;
    uint64_t flushed_ = 0;
};

class FileReader final : public BlobReader {
public:
    FileReader(os::Descriptor file, uint64_t size) : file_(std::move(file)), size_(size) {}
    uint64_t size() const override { return size_; }
    int descriptor() const override { return file_.number(); }
    base::Result<std::string> read(uint64_t offset, size_t length) const override {
        if (offset >= size_) return std::string();
        std::string bytes(std::min<uint64_t>(length, size_ - offset), '\0');
        TRY(fill(offset, bytes));
        return bytes;
    }
    base::Result<size_t> read_into(uint64_t offset, std::span<char> into) const override {
        if (offset >= size_) return size_t{0};
        return fill(offset, into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), size_ - offset))));
    }

private:
    [[nodiscard]] base::Result<size_t> fill(uint64_t offset, std::span<char> into) const {
        size_t filled = 0;
        while (filled < into.size()) {
            const auto got =
                ::pread(file_.number(), into.data() + filled, into.size() - filled, static_cast<off_t>(offset + filled));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return base::fail(base::code::InternalError, std::string("cannot read a blob: ") + std::strerror(errno));
            if (got == 0) return base::fail(base::code::InternalError, "a blob is shorter than it was when it was opened");
            filled += static_cast<size_t>(got);
        }
        return filled;
    }
    os::Descriptor file_;
    uint64_t size_;
};

class FileBlobs final : public Blobs {
public:
    explicit FileBlobs(std::string directory) { layout_.directory = std::move(directory); }

    base::Result<void> open_folders() {
        TRY(os::make_folders(layout_.unfinished()));
        std::error_code error;
        for (const auto& leftover : std::filesystem::directory_iterator(layout_.unfinished(), error)) {
            if (::unlink(leftover.path().c_str()) != 0) return base::fail(broken("remove", leftover.path().string(), errno));
        }
        for (size_t shard = 0; shard < layout_.shards.size(); ++shard) {
            const auto path = layout_.directory + "/" + hex_digits[shard / 16] + hex_digits[shard % 16];
            if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return base::fail(broken("make", path, errno));
            layout_.shards[shard] = os::Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            if (!layout_.shards[shard].is_open()) return base::fail(broken("open", path, errno));
        }
        const os::Descriptor top(::open(layout_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!top.is_open() || ::fsync(top.number()) != 0) return base::fail(broken("sync", layout_.directory, errno));
        return {};
    }

    base::Result<std::unique_ptr<BlobWriter>> create() override {
        auto writer = std::make_unique<FileWriter>(layout_);
        TRY(writer->open());
        return writer;
    }

    base::Result<std::shared_ptr<BlobReader>> open(const BlobId& id) const override {
        if (!is_id(id)) return base::fail(base::code::NoSuchBlob, "`" + id + "` is not a blob id");
        os::Descriptor file(::open(layout_.path(id).c_str(), O_RDONLY | O_CLOEXEC));
        struct stat facts{};
        if (!file.is_open() || ::fstat(file.number(), &facts) != 0) {
            if (errno == ENOENT) return base::fail(base::code::NoSuchBlob, "there is no blob `" + id + "`");
            return base::fail(broken("open", layout_.path(id), errno));
        }
        return std::make_shared<FileReader>(std::move(file), static_cast<uint64_t>(facts.st_size));
    }

    base::Result<void> remove(const BlobId& id) override {
        if (!is_id(id)) return base::fail(base::code::NoSuchBlob, "`" + id + "` is not a blob id");
        if (::unlink(layout_.path(id).c_str()) != 0 && errno != ENOENT)
            return base::fail(broken("remove", layout_.path(id), errno));
        return {};
    }

    base::Result<std::vector<BlobId>> list() const override {
        std::vector<BlobId> ids;
        for (size_t shard = 0; shard < layout_.shards.size(); ++shard) {
            const auto path = layout_.directory + "/" + hex_digits[shard / 16] + hex_digits[shard % 16];
            std::error_code error;
            for (std::filesystem::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
                auto name = at->path().filename().string();
                if (is_id(name)) ids.push_back(std::move(name));
            }
            if (error) return base::fail(base::code::InternalError, "cannot list `" + path + "`: " + error.message());
        }
        return ids;
    }

private:
    Layout layout_;
};

}  // namespace

base::Result<std::unique_ptr<Blobs>> open_file_blobs(const std::string& directory) {
    auto blobs = std::make_unique<FileBlobs>(directory);
    TRY(blobs->open_folders());
    return blobs;
}

}  // namespace store

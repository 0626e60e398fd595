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
// Behind the bytes stand the checksums of their chunks and a footer that names the blob; a file without is one of a version before 0.2.
//
// A reader holds an open descriptor, so removing a blob never disturbs who is reading it.
#include "store/file_blobs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <random>

#include "base/error_codes.hpp"
#include "crypto/checksum.hpp"
#include "metrics/disk.hpp"
#include "os/file.hpp"
#include "store/chunks.hpp"
#include "store/disk_error.hpp"

namespace store {
namespace {

constexpr uint64_t write_back_bytes = 8u << 20;
constexpr size_t id_digits = 32;
constexpr std::string_view hex_digits = "0123456789abcdef";

struct Footer {
    uint64_t magic = 0x31736d7573626f6c;
    std::array<char, id_digits> id{};
    uint64_t bytes = 0;  // of the blob
    uint32_t chunk_bytes = file_chunk_bytes;
    uint32_t sums_sum = 0;  // of the checksums
    uint32_t unused = 0;
    uint32_t sum = 0;  // of what stands before
};
static_assert(sizeof(Footer) == 64);

template <class Record>
std::string_view bytes_of(const Record& record) {
    return {reinterpret_cast<const char*>(&record), sizeof record};
}
std::string_view bytes_of(const std::vector<uint32_t>& sums) {
    return {reinterpret_cast<const char*>(sums.data()), sums.size() * sizeof(uint32_t)};
}
uint32_t sum_of(const Footer& footer) { return crypto::crc32c(0, bytes_of(footer).substr(0, offsetof(Footer, sum))); }

std::string tail_of(const BlobId& id, uint64_t bytes, const std::vector<uint32_t>& sums) {
    Footer footer{.bytes = bytes, .sums_sum = crypto::crc32c(0, bytes_of(sums))};
    std::ranges::copy(id, footer.id.begin());
    footer.sum = sum_of(footer);
    std::string tail(bytes_of(sums));
    tail += bytes_of(footer);
    return tail;
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
            return base::fail(disk_error("write in", layout_.unfinished(), errno));
        temporary_ = layout_.unfinished() + "/" + id_;
        file_ = os::Descriptor(::open(temporary_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
        if (!file_.is_open()) return base::fail(disk_error("make", std::exchange(temporary_, {}), errno));
        return {};
    }

    base::Result<void> write(std::string_view bytes) override {
        sums_.update(bytes);
        bytes_ += bytes.size();
        return append(bytes);
    }

    base::Result<void> append(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto written = ::write(file_.number(), bytes.data(), bytes.size());
            if (written < 0) {
                if (errno == EINTR) continue;
                return base::fail(disk_error("write", layout_.path(id_), errno));
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
        TRY(append(tail_of(id_, bytes_, sums_.sums())));
        const auto path = layout_.path(id_);
        if (temporary_.empty()) {
            const auto unnamed = "/proc/self/fd/" + std::to_string(file_.number());
            if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
                return base::fail(disk_error("link", path, errno));
        } else {
            if (::rename(temporary_.c_str(), path.c_str()) != 0) return base::fail(disk_error("rename", temporary_, errno));
            temporary_.clear();
        }
        const metrics::DiskWait waited(metrics::Written::blobs);
        if (::fsync(file_.number()) != 0) return base::fail(undo(path, disk_error("sync", path, errno)));
        if (::fsync(layout_.shard(id_)) != 0) return base::fail(undo(path, disk_error("sync the folder of", path, errno)));
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
    ChunkSums sums_{file_chunk_bytes};
    uint64_t bytes_ = 0;  // of the blob
    uint64_t size_ = 0;   // of the file
    uint64_t flushed_ = 0;
};

// Of large blobs.
class FileBlobs final : public Blobs {
public:
    explicit FileBlobs(std::string directory) { layout_.directory = std::move(directory); }

    base::Result<void> open_folders() {
        TRY(os::make_folders(layout_.unfinished()));
        std::error_code error;
        for (const auto& leftover : std::filesystem::directory_iterator(layout_.unfinished(), error)) {
            if (::unlink(leftover.path().c_str()) != 0) return base::fail(disk_error("remove", leftover.path().string(), errno));
        }
        for (size_t shard = 0; shard < layout_.shards.size(); ++shard) {
            const auto path = layout_.directory + "/" + hex_digits[shard / 16] + hex_digits[shard % 16];
            if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return base::fail(disk_error("make", path, errno));
            layout_.shards[shard] = os::Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            if (!layout_.shards[shard].is_open()) return base::fail(disk_error("open", path, errno));
        }
        const os::Descriptor top(::open(layout_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!top.is_open() || ::fsync(top.number()) != 0) return base::fail(disk_error("sync", layout_.directory, errno));
        return {};
    }

    base::Result<std::unique_ptr<BlobWriter>> create() override {
        auto writer = std::make_unique<FileWriter>(layout_);
        TRY(writer->open());
        return writer;
    }

    base::Result<std::shared_ptr<BlobReader>> open(const BlobId& id) const override {
        return open_blob_file(layout_.directory, id);
    }

    base::Result<void> remove(const BlobId& id) override {
        if (!is_id(id)) return base::fail(base::code::NoSuchBlob, "`" + id + "` is not a blob id");
        if (::unlink(layout_.path(id).c_str()) != 0 && errno != ENOENT)
            return base::fail(disk_error("remove", layout_.path(id), errno));
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

std::string blob_path(const std::string& directory, const BlobId& id) { return directory + "/" + id.substr(0, 2) + "/" + id; }

base::Result<std::shared_ptr<BlobReader>> open_blob_file(const std::string& directory, const BlobId& id) {
    if (!is_id(id)) return base::fail(base::code::NoSuchBlob, "`" + id + "` is not a blob id");
    const auto path = blob_path(directory, id);
    auto file = std::make_shared<const os::Descriptor>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat facts{};
    if (!file->is_open() || ::fstat(file->number(), &facts) != 0) {
        if (errno == ENOENT) return base::fail(base::code::NoSuchBlob, "there is no blob `" + id + "`");
        return base::fail(disk_error("open", path, errno));
    }
    ChunkReader::Bytes bytes{.file = file, .size = static_cast<uint64_t>(facts.st_size), .sums = {}};
    Footer footer;
    if (bytes.size >= sizeof footer) {
        TRY(read_exactly(file->number(), bytes.size - sizeof footer, reinterpret_cast<char*>(&footer), sizeof footer));
        const bool is_footer =
            footer.magic == Footer().magic && std::ranges::equal(footer.id, id) && footer.sum == sum_of(footer);
        const uint64_t chunks = is_footer && footer.chunk_bytes == file_chunk_bytes
                                    ? (footer.bytes + file_chunk_bytes - 1) / file_chunk_bytes
                                    : UINT32_MAX;
        if (footer.bytes + chunks * sizeof(uint32_t) + sizeof footer == bytes.size) {
            bytes.size = footer.bytes;
            bytes.sums.resize(chunks);
            TRY(read_exactly(file->number(), bytes.size, reinterpret_cast<char*>(bytes.sums.data()), chunks * sizeof(uint32_t)));
            if (crypto::crc32c(0, bytes_of(bytes.sums)) != footer.sums_sum)
                return base::fail(base::code::InternalError, "the checksums of its chunks were altered");
        }
    }
    return std::make_shared<ChunkReader>(std::move(bytes));
}

base::Result<void> write_blob_file(const std::string& path, const BlobId& id, const BlobReader& blob) {
    const auto file = TRY(os::open_file(path, O_CREAT | O_TRUNC | O_WRONLY, 0600));
    ChunkSums sums(file_chunk_bytes);
    for (uint64_t at = 0; at < blob.size();) {
        const auto piece = TRY(blob.read(at, file_chunk_bytes));
        sums.update(piece);
        TRY(os::write_all(file.number(), piece, path));
        at += piece.size();
    }
    TRY(os::write_all(file.number(), tail_of(id, blob.size(), sums.sums()), path));
    if (::fdatasync(file.number()) != 0) return base::fail(os::file_error("sync", path, errno));
    return {};
}

base::Result<std::unique_ptr<Blobs>> open_file_blobs(const std::string& directory) {
    auto blobs = std::make_unique<FileBlobs>(directory);
    TRY(blobs->open_folders());
    return blobs;
}

}  // namespace store

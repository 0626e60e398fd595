#include "training/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/strings.hpp"
#include "text/utf8_locale.hpp"
#include "training/beneath.hpp"
#include "training/limits.hpp"

namespace training {
namespace {

constexpr size_t buffer_bytes = 256 * 1024;

// An archive is whole once it is closed. What is only freed was given up, by a stop or an error: libarchive would still fill the
// entry that is not finished with as many zeros as are missing, through gzip, however many that are and whoever waits.
struct FreeWriter {
    void operator()(archive* writer) const {
        archive_write_fail(writer);
        archive_write_free(writer);
    }
};
// It is closed by being freed: folders get their times then.
struct FreeDisk {
    void operator()(archive* disk) const { archive_write_free(disk); }
};
struct FreeReader {
    void operator()(archive* reader) const { archive_read_free(reader); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using Writer = std::unique_ptr<archive, FreeWriter>;
using Disk = std::unique_ptr<archive, FreeDisk>;
using Reader = std::unique_ptr<archive, FreeReader>;
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

std::unexpected<base::Error> trouble(archive* which, const std::string& doing) {
    const char* reason = archive_error_string(which);
    return base::fail("InvalidArchive", doing + ": " + (reason == nullptr ? "unknown error" : reason));
}

// Zeros without end that take no memory: what a hole is to an archive writer, which looks only at how long it is.
class Zeros {
public:
    static constexpr size_t size = 1ULL << 30;
    Zeros() : at_(::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
    Zeros(const Zeros&) = delete;
    Zeros& operator=(const Zeros&) = delete;
    ~Zeros() {
        if (at_ != MAP_FAILED) ::munmap(at_, size);
    }
    [[nodiscard]] bool ok() const { return at_ != MAP_FAILED; }
    [[nodiscard]] const void* get() const { return at_; }

private:
    void* at_;
};

struct Closer {
    int descriptor;
    ~Closer() { ::close(descriptor); }
};

std::string clipped(const std::string& path) { return path.size() <= 200 ? path : path.substr(0, 200) + "…"; }

class Packer {
public:
    Packer(const ByteSink& sink, const std::function<bool()>& cancelled)
        : sink_(sink), cancelled_(cancelled), writer_(archive_write_new()), buffer_(buffer_bytes, '\0') {}

    base::Result<Packed> run(const std::vector<std::string>& roots, const std::string& folder) {
        archive_write_set_format_pax_restricted(writer_.get());
        archive_write_add_filter_gzip(writer_.get());
        // No time stamp in the gzip header: the same model packs to the same bytes.
        archive_write_set_filter_option(writer_.get(), "gzip", "timestamp", nullptr);
        archive_write_set_bytes_in_last_block(writer_.get(), 1);
        if (archive_write_open(writer_.get(), this, nullptr, deliver, nullptr) != ARCHIVE_OK)
            return trouble(writer_.get(), "cannot write the archive");
        std::set<std::string> seen;
        for (const auto& root : roots) {
            auto listing = files_beneath(root, folder);
            for (auto& name : listing.special) remember(packed_.special, std::move(name));
            for (auto& what : listing.unread) remember(packed_.missing, std::move(what));
            for (const auto& file : listing.files) {
                if (cancelled_()) return base::fail("Cancelled", "the job was stopped");
                if (!seen.insert(file.path).second) {
                    if (!file.is_folder) remember(packed_.clashes, file.path);
                    continue;
                }
                TRY(add(root, folder, file));
            }
        }
        if (archive_write_close(writer_.get()) != ARCHIVE_OK) return failed("the archive");
        return std::move(packed_);
    }

private:
    static la_ssize_t deliver(archive* writer, void* self, const void* bytes, size_t size) {
        auto* packer = static_cast<Packer*>(self);
        auto taken = packer->sink_(std::string_view(static_cast<const char*>(bytes), size));
        if (taken) return static_cast<la_ssize_t>(size);
        packer->refused_ = std::move(taken).error();
        archive_set_error(writer, EIO, "%s", packer->refused_->message.c_str());
        return -1;
    }

    static void remember(std::vector<std::string>& list, std::string what) {
        if (list.size() < reported_files_max) list.push_back(std::move(what));
    }

    // The sink's own error, if it was that.
    std::unexpected<base::Error> failed(const std::string& what) {
        if (refused_) return base::fail(*refused_);
        return trouble(writer_.get(), "cannot pack " + clipped(what));
    }

    // A warning is about a name that is not UTF-8: it is in the archive byte for byte.
    base::Result<void> write_header(archive_entry* entry, const std::string& path) {
        const int status = archive_write_header(writer_.get(), entry);
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return failed(path);
        ++packed_.entries;
        return {};
    }

    base::Result<void> add(const std::string& root, const std::string& folder, const FoundFile& file) {
        Entry entry(archive_entry_new());
        archive_entry_set_pathname(entry.get(), file.path.c_str());
        archive_entry_set_mtime(entry.get(), file.modified / 1'000'000'000, static_cast<long>(file.modified % 1'000'000'000));
        if (file.is_folder) {
            archive_entry_set_filetype(entry.get(), AE_IFDIR);
            archive_entry_set_perm(entry.get(), 0755);
            return write_header(entry.get(), file.path);
        }
        if (file.is_link) {
            archive_entry_set_filetype(entry.get(), AE_IFLNK);
            archive_entry_set_symlink(entry.get(), file.link.c_str());
            archive_entry_set_perm(entry.get(), 0777);
            return write_header(entry.get(), file.path);
        }
        const auto same = std::pair(file.device, file.inode);
        if (auto first = hard_links_.find(same); file.names > 1 && first != hard_links_.end()) {
            archive_entry_set_filetype(entry.get(), AE_IFREG);
            archive_entry_set_perm(entry.get(), 0644);
            archive_entry_set_hardlink(entry.get(), first->second.c_str());
            archive_entry_set_size(entry.get(), 0);
            return write_header(entry.get(), file.path);
        }
        auto opened = open_beneath(root, folder + "/" + file.path);
        if (!opened) {
            remember(packed_.missing, clipped(file.path) + " cannot be read");
            return {};
        }
        const Closer closer{*opened};
        struct stat info{};
        if (::fstat(*opened, &info) != 0) return base::fail("InternalError", "cannot read " + file.path);
        const auto size = static_cast<uint64_t>(info.st_size);
        const auto [extents, holes] = extents_of(*opened, size);
        if (holes > holes_bytes_max - holes_) {
            remember(packed_.missing, clipped(file.path) + " is sparse and in more than " + std::to_string(sparse_extents_max) +
                                          " pieces: the archive would hold more than " + std::to_string(holes_bytes_max >> 30) +
                                          " GiB of zeros");
            return {};
        }
        uint64_t data = 0;
        for (const auto& extent : extents) data += extent.size;
        if (data > artifact_bytes_max - bytes_) {
            remember(packed_.missing, clipped(file.path) + ": with it the archive would hold more than " +
                                          std::to_string(artifact_bytes_max >> 30) + " GiB");
            return {};
        }
        bytes_ += data;
        holes_ += holes;
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), (info.st_mode & 0111) != 0 ? 0755 : 0644);
        archive_entry_set_size(entry.get(), info.st_size);
        const bool sparse = data < size && zeros_.ok();
        if (sparse) {
            for (const auto& extent : extents)
                archive_entry_sparse_add_entry(entry.get(), static_cast<la_int64_t>(extent.offset),
                                               static_cast<la_int64_t>(extent.size));
            // A file that is one hole has an empty stretch at its end.
            if (extents.empty()) archive_entry_sparse_add_entry(entry.get(), info.st_size, 0);
        }
        TRY(write_header(entry.get(), file.path));
        if (file.names > 1) hard_links_[same] = file.path;
        return write_content(*opened, file.path, size, sparse ? extents : std::vector<Extent>{{0, size}});
    }

    base::Result<void> write_content(int from, const std::string& path, uint64_t size, const std::vector<Extent>& extents) {
        uint64_t at = 0;
        for (const auto& extent : extents) {
            TRY(write_hole(path, extent.offset - at));
            at = extent.offset;
            while (at < extent.offset + extent.size) {
                if (cancelled_()) return base::fail("Cancelled", "the job was stopped");
                const auto wanted = static_cast<size_t>(std::min<uint64_t>(buffer_.size(), extent.offset + extent.size - at));
                const ssize_t count = ::pread(from, buffer_.data(), wanted, static_cast<off_t>(at));
                if (count < 0 && errno == EINTR) continue;
                if (count <= 0) {
                    remember(packed_.missing, clipped(path) + " cannot be read to its end");
                    return fill(path, at, extent, extents);
                }
                TRY(write_data(path, buffer_.data(), static_cast<size_t>(count)));
                at += static_cast<uint64_t>(count);
            }
        }
        return write_hole(path, size - at);
    }

    // The header has promised the rest of this stretch and of those after it: zeros.
    base::Result<void> fill(const std::string& path, uint64_t at, const Extent& cut, const std::vector<Extent>& extents) {
        buffer_.assign(buffer_.size(), '\0');
        for (const auto& extent : extents) {
            if (extent.offset < cut.offset) continue;
            if (extent.offset > at) TRY(write_hole(path, extent.offset - at));
            at = std::max(at, extent.offset);
            while (at < extent.offset + extent.size) {
                if (cancelled_()) return base::fail("Cancelled", "the job was stopped");
                const auto part = static_cast<size_t>(std::min<uint64_t>(buffer_.size(), extent.offset + extent.size - at));
                TRY(write_data(path, buffer_.data(), part));
                at += part;
            }
        }
        return {};
    }

    base::Result<void> write_hole(const std::string& path, uint64_t size) {
        while (size > 0) {
            if (cancelled_()) return base::fail("Cancelled", "the job was stopped");
            const auto part = static_cast<size_t>(std::min<uint64_t>(size, Zeros::size));
            TRY(write_data(path, zeros_.get(), part));
            size -= part;
        }
        return {};
    }

    base::Result<void> write_data(const std::string& path, const void* bytes, size_t size) {
        const auto* at = static_cast<const char*>(bytes);
        while (size > 0) {
            const la_ssize_t count = archive_write_data(writer_.get(), at, size);
            if (count <= 0) return failed(path);
            at += count;
            size -= static_cast<size_t>(count);
        }
        return {};
    }

    const ByteSink& sink_;
    const std::function<bool()>& cancelled_;
    std::optional<base::Error> refused_;  // by the sink
    Writer writer_;
    Zeros zeros_;
    std::string buffer_;
    std::map<std::pair<uint64_t, uint64_t>, std::string> hard_links_;  // by device and inode: the name that is in the archive
    uint64_t bytes_ = 0;
    uint64_t holes_ = 0;  // of them, where files have more holes than an archive lists
    Packed packed_;
};

// A path inside the archive that stays inside the folder.
bool stays_inside(const char* name) {
    if (name == nullptr || *name == '\0' || *name == '/') return false;
    for (auto part : base::split(name, '/')) {
        if (part == "..") return false;
    }
    return true;
}

base::Result<void> copy_data(archive* reader, archive* disk, uint64_t& total, const std::function<bool()>& cancelled) {
    for (;;) {
        if (cancelled()) return base::fail("Cancelled", "the job was stopped");
        const void* block = nullptr;
        size_t size = 0;
        la_int64_t offset = 0;
        int status = archive_read_data_block(reader, &block, &size, &offset);
        if (status == ARCHIVE_EOF) return {};
        if (status != ARCHIVE_OK) return trouble(reader, "cannot unpack the archive");
        total += size;
        if (total > source_unpacked_bytes_max) {
            return base::fail("InvalidArchive",
                              "the archive unpacks to more than " + std::to_string(source_unpacked_bytes_max >> 30) + " GiB");
        }
        if (archive_write_data_block(disk, block, size, offset) != ARCHIVE_OK) return trouble(disk, "cannot unpack the archive");
    }
}

}  // namespace

base::Result<Packed> pack(const std::vector<std::string>& roots, const std::string& folder, const ByteSink& sink,
                          const std::function<bool()>& cancelled) {
    const text::Utf8Locale locale;
    return Packer(sink, cancelled).run(roots, folder);
}

base::Result<void> unpack(const std::string& path, const std::string& folder, const std::function<bool()>& cancelled) {
    const text::Utf8Locale locale;
    // SECURE_SYMLINKS refuses any link on the way to an entry, so the folder itself must be named without one.
    std::error_code error;
    std::string inside = std::filesystem::canonical(folder, error).string() + "/";
    if (error) return base::fail("InternalError", folder + " does not exist");
    Reader reader(archive_read_new());
    archive_read_support_format_tar(reader.get());
    archive_read_support_filter_gzip(reader.get());
    if (archive_read_open_filename(reader.get(), path.c_str(), buffer_bytes) != ARCHIVE_OK) {
        return trouble(reader.get(), "not a tar.gz archive");
    }
    Disk disk(archive_write_disk_new());
    archive_write_disk_set_options(disk.get(),
                                   ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_TIME);
    uint64_t total = 0;
    for (size_t count = 0;; ++count) {
        if (cancelled()) return base::fail("Cancelled", "the job was stopped");
        archive_entry* entry = nullptr;
        int status = archive_read_next_header(reader.get(), &entry);
        if (status == ARCHIVE_EOF) break;
        if (count == source_entries_max) {
            return base::fail("InvalidArchive", "the archive has more than " + std::to_string(source_entries_max) + " entries");
        }
        // A warning is about a name that is not UTF-8: its bytes are the name.
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return trouble(reader.get(), "not a tar.gz archive");
        const char* name = archive_entry_pathname(entry);
        const char* hard_link = archive_entry_hardlink(entry);
        if (!stays_inside(name) || (hard_link != nullptr && !stays_inside(hard_link))) {
            return base::fail("InvalidArchive", "the archive has an entry outside its folder");
        }
        auto type = archive_entry_filetype(entry);
        if (hard_link == nullptr && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK) {
            return base::fail("InvalidArchive", "the archive has an entry that is neither file, folder nor link");
        }
        archive_entry_set_pathname(entry, (inside + name).c_str());
        if (hard_link != nullptr) archive_entry_set_hardlink(entry, (inside + hard_link).c_str());
        if (const int made = archive_write_header(disk.get(), entry); made != ARCHIVE_OK && made != ARCHIVE_WARN)
            return trouble(disk.get(), "cannot unpack the archive");
        TRY(copy_data(reader.get(), disk.get(), total, cancelled));
        if (const int done = archive_write_finish_entry(disk.get()); done != ARCHIVE_OK && done != ARCHIVE_WARN)
            return trouble(disk.get(), "cannot unpack the archive");
    }
    return {};
}

}  // namespace training

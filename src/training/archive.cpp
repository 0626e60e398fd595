#include "training/archive.hpp"

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

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "tar/reader.hpp"
#include "tar/writer.hpp"
#include "training/limits.hpp"
#include "training/openat_beneath.hpp"

namespace training {
namespace {

constexpr size_t buffer_bytes = 256 * 1024;

// What libarchive says of a file, as an error of the whole.
template <class T>
base::Result<T> as(const char* doing, base::Result<T> result) {
    if (result || result.error().code != base::code::InvalidArchive) return result;
    return base::fail(base::code::InvalidArchive, std::string(doing) + ": " + result.error().message);
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

std::string clipped(const std::string& path) { return path.size() <= 200 ? path : path.substr(0, 200) + "…"; }

class Packer {
public:
    Packer(const ByteSink& sink, const std::function<bool()>& cancelled, uint64_t bytes_max)
        : cancelled_(cancelled), bytes_max_(bytes_max), writer_(sink), buffer_(buffer_bytes, '\0') {}

    base::Result<Packed> run(const std::vector<std::string>& roots, const std::string& folder) {
        std::set<std::string> seen;
        for (const auto& root : roots) {
            auto listing = files_beneath(root, folder, cancelled_);
            if (cancelled_()) return base::fail(base::code::Cancelled, "the job was stopped");
            for (auto& name : listing.special) remember(packed_.special, std::move(name));
            for (auto& what : listing.unread) remember(packed_.missing, std::move(what));
            for (const auto& file : listing.files) {
                if (cancelled_()) return base::fail(base::code::Cancelled, "the job was stopped");
                if (!seen.insert(file.path).second) {
                    if (!file.is_folder) remember(packed_.clashes, file.path);
                    continue;
                }
                TRY(add(root, folder, file));
            }
        }
        TRY(writer_.finish());
        return std::move(packed_);
    }

private:
    static void remember(std::vector<std::string>& list, std::string what) {
        if (list.size() < reported_files_max) list.push_back(std::move(what));
    }

    base::Result<void> add_header(const tar::Header& header) {
        TRY(writer_.add(header));
        ++packed_.entries;
        return {};
    }

    base::Result<void> add(const std::string& root, const std::string& folder, const FoundFile& file) {
        tar::Header header{.path = file.path, .modified = file.modified};
        if (file.is_folder) {
            header.kind = tar::Header::Kind::folder;
            header.permissions = 0755;
            return add_header(header);
        }
        if (file.is_link) {
            header.kind = tar::Header::Kind::link;
            header.target = file.link;
            return add_header(header);
        }
        const auto same = std::pair(file.device, file.inode);
        if (auto first = hard_links_.find(same); file.names > 1 && first != hard_links_.end()) {
            header.kind = tar::Header::Kind::hard_link;
            header.target = first->second;
            return add_header(header);
        }
        auto opened = open_beneath(root, folder + "/" + file.path);
        if (!opened) {
            remember(packed_.missing, clipped(file.path) + " cannot be read");
            return {};
        }
        struct stat info{};
        if (::fstat(opened->number(), &info) != 0) return base::fail(base::code::InternalError, "cannot read " + file.path);
        const auto size = static_cast<uint64_t>(info.st_size);
        const auto [extents, holes] = extents_of(opened->number(), size);
        if (holes > holes_bytes_max - holes_) {
            remember(packed_.missing, clipped(file.path) + " is sparse and in more than " + std::to_string(sparse_extents_max) +
                                          " pieces: the archive would hold more than " + std::to_string(holes_bytes_max >> 30) +
                                          " GiB of zeros");
            return {};
        }
        uint64_t data = 0;
        for (const auto& extent : extents) data += extent.size;
        if (data > bytes_max_ - bytes_) {
            remember(packed_.missing, clipped(file.path) + ": with it the archive would hold more than " + size_text(bytes_max_));
            return {};
        }
        bytes_ += data;
        holes_ += holes;
        header.permissions = (info.st_mode & 0111) != 0 ? 0755 : 0644;
        header.size = size;
        const bool sparse = data < size && zeros_.ok();
        if (sparse) {
            header.data.emplace();
            for (const auto& extent : extents) header.data->push_back({extent.offset, extent.size});
        }
        TRY(add_header(header));
        if (file.names > 1) hard_links_[same] = file.path;
        return write_content(opened->number(), file.path, size, sparse ? extents : std::vector<Extent>{{0, size}});
    }

    base::Result<void> write_content(int from, const std::string& path, uint64_t size, const std::vector<Extent>& extents) {
        uint64_t at = 0;
        for (const auto& extent : extents) {
            TRY(write_hole(extent.offset - at));
            at = extent.offset;
            while (at < extent.offset + extent.size) {
                if (cancelled_()) return base::fail(base::code::Cancelled, "the job was stopped");
                const auto wanted = static_cast<size_t>(std::min<uint64_t>(buffer_.size(), extent.offset + extent.size - at));
                const ssize_t count = ::pread(from, buffer_.data(), wanted, static_cast<off_t>(at));
                if (count < 0 && errno == EINTR) continue;
                if (count <= 0) {
                    remember(packed_.missing, clipped(path) + " cannot be read to its end");
                    return fill(at, extent, extents);
                }
                TRY(writer_.data({buffer_.data(), static_cast<size_t>(count)}));
                at += static_cast<uint64_t>(count);
            }
        }
        return write_hole(size - at);
    }

    // The header has promised the rest of this stretch and of those after it: zeros.
    base::Result<void> fill(uint64_t at, const Extent& cut, const std::vector<Extent>& extents) {
        buffer_.assign(buffer_.size(), '\0');
        for (const auto& extent : extents) {
            if (extent.offset < cut.offset) continue;
            if (extent.offset > at) TRY(write_hole(extent.offset - at));
            at = std::max(at, extent.offset);
            while (at < extent.offset + extent.size) {
                if (cancelled_()) return base::fail(base::code::Cancelled, "the job was stopped");
                const auto part = static_cast<size_t>(std::min<uint64_t>(buffer_.size(), extent.offset + extent.size - at));
                TRY(writer_.data({buffer_.data(), part}));
                at += part;
            }
        }
        return {};
    }

    base::Result<void> write_hole(uint64_t size) {
        while (size > 0) {
            if (cancelled_()) return base::fail(base::code::Cancelled, "the job was stopped");
            const auto part = static_cast<size_t>(std::min<uint64_t>(size, Zeros::size));
            TRY(writer_.data({static_cast<const char*>(zeros_.get()), part}));
            size -= part;
        }
        return {};
    }

    const std::function<bool()>& cancelled_;
    const uint64_t bytes_max_;
    tar::Writer writer_;
    Zeros zeros_;
    std::string buffer_;
    std::map<std::pair<uint64_t, uint64_t>, std::string> hard_links_;  // by device and inode: the name that is in the archive
    uint64_t bytes_ = 0;
    uint64_t holes_ = 0;  // of them, where files have more holes than an archive lists
    Packed packed_;
};

// A path inside the archive that stays inside the folder.
bool stays_inside(std::string_view name) {
    if (name.empty() || name.front() == '/') return false;
    for (auto part : base::split(name, '/')) {
        if (part == "..") return false;
    }
    return true;
}

base::Result<void> copy_data(tar::Reader& reader, tar::Disk& disk, uint64_t& total, const std::function<bool()>& cancelled) {
    for (;;) {
        if (cancelled()) return base::fail(base::code::Cancelled, "the job was stopped");
        const auto block = TRY(as("cannot unpack the archive", reader.block()));
        if (!block) return {};
        total += block->bytes.size();
        if (total > source_unpacked_bytes_max) {
            return base::fail(base::code::InvalidArchive,
                              "the archive unpacks to more than " + std::to_string(source_unpacked_bytes_max >> 30) + " GiB");
        }
        TRY(as("cannot unpack the archive", disk.write(*block)));
    }
}

}  // namespace

base::Result<Packed> pack(const std::vector<std::string>& roots, const std::string& folder, const ByteSink& sink,
                          const std::function<bool()>& cancelled, uint64_t bytes_max) {
    return Packer(sink, cancelled, bytes_max).run(roots, folder);
}

std::string size_text(uint64_t bytes) {
    if (bytes % (1ULL << 30) == 0) return std::to_string(bytes >> 30) + " GiB";
    if (bytes % (1ULL << 20) == 0) return std::to_string(bytes >> 20) + " MiB";
    return std::to_string(bytes) + " bytes";
}

base::Result<void> unpack(const std::string& path, const std::string& folder, const std::function<bool()>& cancelled) {
    // Links on the way to an entry are refused, so the folder itself must be named without one.
    std::error_code error;
    std::string inside = std::filesystem::canonical(folder, error).string() + "/";
    if (error) return base::fail(base::code::InternalError, folder + " does not exist");
    tar::Reader reader(path, tar::Reader::Filters::gzip);
    tar::Disk disk({});
    uint64_t total = 0;
    for (size_t count = 0;; ++count) {
        if (cancelled()) return base::fail(base::code::Cancelled, "the job was stopped");
        auto entry = TRY(as("not a tar.gz archive", reader.next()));
        if (!entry) return {};
        if (count == source_entries_max) {
            return base::fail(base::code::InvalidArchive,
                              "the archive has more than " + std::to_string(source_entries_max) + " entries");
        }
        const auto name = entry->path();
        const bool hard_link = entry->kind() == tar::Entry::Kind::hard_link;
        if (!name || !stays_inside(*name) || (hard_link && !stays_inside(entry->target()))) {
            return base::fail(base::code::InvalidArchive, "the archive has an entry outside its folder");
        }
        if (entry->kind() == tar::Entry::Kind::other) {
            return base::fail(base::code::InvalidArchive, "the archive has an entry that is neither file, folder nor link");
        }
        entry->set_path(inside + *name);
        if (hard_link) entry->set_target(inside + entry->target());
        TRY(as("cannot unpack the archive", disk.begin(*entry)));
        TRY(copy_data(reader, disk, total, cancelled));
        TRY(as("cannot unpack the archive", disk.end()));
    }
}

}  // namespace training

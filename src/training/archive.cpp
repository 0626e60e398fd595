#include "training/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

#include "base/strings.hpp"
#include "training/beneath.hpp"

namespace training {
namespace {

constexpr uint64_t unpacked_bytes_max = 64ULL * 1024 * 1024 * 1024;
constexpr size_t buffer_bytes = 256 * 1024;

struct FreeWriter {
    void operator()(archive* writer) const { archive_write_free(writer); }
};
struct FreeReader {
    void operator()(archive* reader) const { archive_read_free(reader); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using Writer = std::unique_ptr<archive, FreeWriter>;
using Reader = std::unique_ptr<archive, FreeReader>;
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

std::unexpected<base::Error> trouble(archive* which, const std::string& doing) {
    const char* reason = archive_error_string(which);
    return base::fail("InvalidArchive", doing + ": " + (reason == nullptr ? "unknown error" : reason));
}

base::Result<void> add_file(archive* writer, const std::string& root, const std::string& folder, const FoundFile& file) {
    Entry entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), file.path.c_str());
    archive_entry_set_mtime(entry.get(), file.modified / 1'000'000'000, static_cast<long>(file.modified % 1'000'000'000));
    if (file.is_link) {
        archive_entry_set_filetype(entry.get(), AE_IFLNK);
        archive_entry_set_symlink(entry.get(), file.link.c_str());
        archive_entry_set_perm(entry.get(), 0777);
        if (archive_write_header(writer, entry.get()) != ARCHIVE_OK) return trouble(writer, "cannot pack " + file.path);
        return {};
    }
    int descriptor = TRY(open_beneath(root, folder + "/" + file.path));
    std::unique_ptr<int, void (*)(int*)> closer(&descriptor, [](int* open) { ::close(*open); });
    struct stat info{};
    if (::fstat(descriptor, &info) != 0) return base::fail("InternalError", "cannot read " + file.path);
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), (info.st_mode & 0111) != 0 ? 0755 : 0644);
    archive_entry_set_size(entry.get(), info.st_size);
    if (archive_write_header(writer, entry.get()) != ARCHIVE_OK) return trouble(writer, "cannot pack " + file.path);
    std::string buffer(buffer_bytes, '\0');
    for (;;) {
        ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return base::fail("InternalError", "cannot read " + file.path + ": " + std::strerror(errno));
        if (count == 0) return {};
        if (archive_write_data(writer, buffer.data(), static_cast<size_t>(count)) < 0)
            return trouble(writer, "cannot pack " + file.path);
    }
}

// A path inside the archive that stays inside the folder.
bool stays_inside(const char* name) {
    if (name == nullptr || *name == '\0' || *name == '/') return false;
    for (auto part : base::split(name, '/')) {
        if (part == "..") return false;
    }
    return true;
}

base::Result<void> copy_data(archive* reader, archive* disk, uint64_t& total) {
    for (;;) {
        const void* block = nullptr;
        size_t size = 0;
        la_int64_t offset = 0;
        int status = archive_read_data_block(reader, &block, &size, &offset);
        if (status == ARCHIVE_EOF) return {};
        if (status != ARCHIVE_OK) return trouble(reader, "cannot unpack the archive");
        total += size;
        if (total > unpacked_bytes_max) return base::fail("InvalidArchive", "the archive unpacks to more than 64 GiB");
        if (archive_write_data_block(disk, block, size, offset) != ARCHIVE_OK) return trouble(disk, "cannot unpack the archive");
    }
}

}  // namespace

base::Result<Packed> pack(const std::vector<std::string>& roots, const std::string& folder, const std::string& path) {
    Writer writer(archive_write_new());
    archive_write_set_format_pax_restricted(writer.get());
    archive_write_add_filter_gzip(writer.get());
    // No time stamp in the gzip header: the same model packs to the same bytes.
    archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr);
    if (archive_write_open_filename(writer.get(), path.c_str()) != ARCHIVE_OK)
        return trouble(writer.get(), "cannot write " + path);
    Packed packed;
    std::set<std::string> seen;
    for (const auto& root : roots) {
        for (const auto& file : files_beneath(root, folder)) {
            if (!seen.insert(file.path).second) {
                packed.clashes.push_back(file.path);
                continue;
            }
            TRY(add_file(writer.get(), root, folder, file));
            ++packed.entries;
        }
    }
    if (archive_write_close(writer.get()) != ARCHIVE_OK) return trouble(writer.get(), "cannot write " + path);
    return packed;
}

base::Result<void> unpack(const std::string& path, const std::string& folder) {
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
    Writer disk(archive_write_disk_new());
    archive_write_disk_set_options(disk.get(),
                                   ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_TIME);
    uint64_t total = 0;
    for (;;) {
        archive_entry* entry = nullptr;
        int status = archive_read_next_header(reader.get(), &entry);
        if (status == ARCHIVE_EOF) break;
        if (status != ARCHIVE_OK) return trouble(reader.get(), "not a tar.gz archive");
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
        if (archive_write_header(disk.get(), entry) != ARCHIVE_OK) return trouble(disk.get(), "cannot unpack the archive");
        TRY(copy_data(reader.get(), disk.get(), total));
        if (archive_write_finish_entry(disk.get()) != ARCHIVE_OK) return trouble(disk.get(), "cannot unpack the archive");
    }
    return {};
}

}  // namespace training

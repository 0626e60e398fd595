#include "tar/reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include "base/error_codes.hpp"

namespace tar {
namespace {

constexpr size_t buffer_bytes = 256 * 1024;

std::string reason_of(::archive* archive) {
    const char* reason = archive_error_string(archive);
    return reason == nullptr ? "unknown error" : reason;
}

// A warning is about a name that is not UTF-8: its bytes are the name.
bool is_good(int status) { return status == ARCHIVE_OK || status == ARCHIVE_WARN; }

}  // namespace

Entry::Kind Entry::kind() const {
    if (archive_entry_hardlink(entry_) != nullptr) return Kind::hard_link;
    switch (archive_entry_filetype(entry_)) {
        case AE_IFREG:
            return Kind::file;
        case AE_IFDIR:
            return Kind::folder;
        case AE_IFLNK:
            return Kind::link;
        default:
            return Kind::other;
    }
}

std::optional<std::string> Entry::path() const {
    const char* name = archive_entry_pathname(entry_);
    if (name == nullptr) return std::nullopt;
    return name;
}

std::string Entry::target() const {
    const char* name = archive_entry_hardlink(entry_);
    return name == nullptr ? "" : name;
}

uint32_t Entry::permissions() const { return static_cast<uint32_t>(archive_entry_perm(entry_)); }
uint64_t Entry::size() const { return static_cast<uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry_))); }
void Entry::set_path(const std::string& path) { archive_entry_set_pathname(entry_, path.c_str()); }
void Entry::set_target(const std::string& path) { archive_entry_set_hardlink(entry_, path.c_str()); }
void Entry::set_permissions(uint32_t permissions) { archive_entry_set_perm(entry_, static_cast<mode_t>(permissions)); }

Reader::Reader(std::string path, Filters filters) : archive_(archive_read_new()), path_(std::move(path)) {
    archive_read_support_format_tar(archive_);
    if (filters == Filters::any)
        archive_read_support_filter_all(archive_);
    else
        archive_read_support_filter_gzip(archive_);
    opened_ = archive_read_open_filename(archive_, path_.c_str(), buffer_bytes) == ARCHIVE_OK;
}

Reader::~Reader() { archive_read_free(archive_); }

std::unexpected<base::Error> Reader::trouble() const { return base::fail(base::code::InvalidArchive, reason_of(archive_)); }

base::Result<std::optional<Entry>> Reader::next() {
    if (!opened_) return trouble();
    ::archive_entry* entry = nullptr;
    const int status = archive_read_next_header(archive_, &entry);
    if (status == ARCHIVE_EOF) return std::nullopt;
    if (!is_good(status)) return trouble();
    return Entry(entry);
}

base::Result<std::optional<Block>> Reader::block() {
    const void* bytes = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(archive_, &bytes, &size, &offset);
    if (status == ARCHIVE_EOF) return std::nullopt;
    if (status != ARCHIVE_OK) return trouble();
    return Block{{static_cast<const char*>(bytes), size}, static_cast<uint64_t>(offset)};
}

Disk::Disk(Options options) : archive_(archive_write_disk_new()) {
    int flags = ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_TIME;
    if (options.permissions) flags |= ARCHIVE_EXTRACT_PERM;
    if (options.unlink) flags |= ARCHIVE_EXTRACT_UNLINK;
    archive_write_disk_set_options(archive_, flags);
}

Disk::~Disk() { archive_write_free(archive_); }

std::unexpected<base::Error> Disk::trouble() const { return base::fail(base::code::InvalidArchive, reason_of(archive_)); }

base::Result<void> Disk::begin(const Entry& entry) {
    if (!is_good(archive_write_header(archive_, entry.entry_))) return trouble();
    return {};
}

base::Result<void> Disk::write(const Block& block) {
    if (archive_write_data_block(archive_, block.bytes.data(), block.bytes.size(), static_cast<la_int64_t>(block.offset)) !=
        ARCHIVE_OK)
        return trouble();
    return {};
}

base::Result<void> Disk::end() {
    if (!is_good(archive_write_finish_entry(archive_))) return trouble();
    return {};
}

}  // namespace tar

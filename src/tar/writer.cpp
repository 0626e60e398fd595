#include "tar/writer.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"

namespace tar {

// Compression is ours, not libarchive's: its gzip keeps its memory when an archive is given up.
struct Writer::Target {
    Sink sink;
    std::optional<Gzip> gzip;
    std::optional<base::Error> refused;  // by the sink
    bool given_up = false;               // nothing is written any more

    static la_ssize_t deliver(::archive* archive, void* self, const void* bytes, size_t size) {
        auto& target = *static_cast<Target*>(self);
        const std::string_view view(static_cast<const char*>(bytes), size);
        if (target.given_up) return static_cast<la_ssize_t>(size);
        auto taken = target.gzip ? target.gzip->write(view) : target.sink(view);
        if (taken) return static_cast<la_ssize_t>(size);
        target.refused = std::move(taken).error();
        archive_set_error(archive, EIO, "%s", target.refused->message.c_str());
        return -1;
    }
};

Writer::Writer(Sink sink, Compression compression) : target_(std::make_unique<Target>()), archive_(archive_write_new()) {
    target_->sink = std::move(sink);
    if (compression == Compression::gzip) target_->gzip.emplace(target_->sink);
    archive_write_set_format_pax_restricted(archive_);
    archive_write_set_bytes_in_last_block(archive_, 1);
    INVARIANT(archive_write_open(archive_, target_.get(), nullptr, Target::deliver, nullptr) == ARCHIVE_OK);
}

Writer::~Writer() {
    // What was not finished was given up, by a stop or an error: libarchive would still fill the entry that is not finished with as
    // many zeros as are missing, however many that are.
    archive_write_fail(archive_);
    // Of an archive that failed, archive_write_free() alone keeps the buffer; closing frees it, and writes the archive's end, nowhere.
    target_->given_up = true;
    archive_write_close(archive_);
    archive_write_free(archive_);
}

// The sink's own error, if it was that.
std::unexpected<base::Error> Writer::failed(const std::string& path) const {
    if (target_->refused) return base::fail(*target_->refused);
    const char* reason = archive_error_string(archive_);
    constexpr size_t shown_bytes_max = 200;
    const std::string name = path.size() <= shown_bytes_max ? path : path.substr(0, shown_bytes_max) + "…";
    return base::fail(base::code::InvalidArchive, "cannot pack " + name + ": " + (reason == nullptr ? "unknown error" : reason));
}

base::Result<void> Writer::add(const Header& header) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), header.path.c_str());
    if (header.modified)
        archive_entry_set_mtime(entry.get(), *header.modified / 1'000'000'000,
                                static_cast<long>(*header.modified % 1'000'000'000));
    archive_entry_set_perm(entry.get(), header.kind == Header::Kind::link ? 0777 : header.permissions);
    switch (header.kind) {
        case Header::Kind::folder:
            archive_entry_set_filetype(entry.get(), AE_IFDIR);
            break;
        case Header::Kind::link:
            archive_entry_set_filetype(entry.get(), AE_IFLNK);
            archive_entry_set_symlink(entry.get(), header.target.c_str());
            break;
        case Header::Kind::hard_link:
            archive_entry_set_filetype(entry.get(), AE_IFREG);
            archive_entry_set_hardlink(entry.get(), header.target.c_str());
            archive_entry_set_size(entry.get(), 0);
            break;
        case Header::Kind::file:
            archive_entry_set_filetype(entry.get(), AE_IFREG);
            archive_entry_set_size(entry.get(), static_cast<la_int64_t>(header.size));
            break;
    }
    if (header.data) {
        for (const auto& stretch : *header.data)
            archive_entry_sparse_add_entry(entry.get(), static_cast<la_int64_t>(stretch.offset),
                                           static_cast<la_int64_t>(stretch.size));
        // A file that is one hole has an empty stretch at its end.
        if (header.data->empty()) archive_entry_sparse_add_entry(entry.get(), static_cast<la_int64_t>(header.size), 0);
    }
    path_ = header.path;
    // A warning is about a name that is not UTF-8: it is in the archive byte for byte.
    const int status = archive_write_header(archive_, entry.get());
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return failed(path_);
    return {};
}

base::Result<void> Writer::data(std::string_view bytes) {
    while (!bytes.empty()) {
        const la_ssize_t count = archive_write_data(archive_, bytes.data(), bytes.size());
        if (count <= 0) return failed(path_);
        bytes.remove_prefix(static_cast<size_t>(count));
    }
    return {};
}

base::Result<void> Writer::finish() {
    if (archive_write_close(archive_) != ARCHIVE_OK) return failed("the archive");
    if (target_->gzip) return target_->gzip->finish();
    return {};
}

}  // namespace tar

#include "sandbox/layer.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/strings.hpp"
#include "text/utf8_locale.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;

constexpr size_t buffer_bytes = 1 << 18;
constexpr uint64_t unpacked_bytes_max = 256ULL << 30;
constexpr std::string_view whiteout = ".wh.", opaque = ".wh..wh..opq";

using Archive = std::unique_ptr<archive, int (*)(archive*)>;

std::unexpected<base::Error> invalid(const std::string& what) { return base::fail("InvalidImage", what); }

std::unexpected<base::Error> trouble(archive* one, const std::string& what) {
    const char* why = archive_error_string(one);
    return invalid(what + ": " + (why == nullptr ? "unknown error" : why));
}

// `./usr/bin/` is usr/bin; an entry that would leave the root is nothing.
std::optional<std::string> inside(const char* name) {
    if (name == nullptr) return std::nullopt;
    std::vector<std::string> parts;
    for (auto part : base::split(name, '/')) {
        if (part == "..") return std::nullopt;
        if (!part.empty() && part != ".") parts.emplace_back(part);
    }
    return base::join(parts, "/");
}

// Is every folder on the way to the entry a real one? A link there could lead anywhere.
bool way_is_plain(const std::string& root, const fs::path& entry) {
    fs::path at = root;
    for (const auto& part : entry.parent_path()) {
        at /= part;
        std::error_code error;
        if (fs::is_symlink(fs::symlink_status(at, error))) return false;
    }
    return true;
}

// Each entry's header, in order.
base::Result<void> read_entries(const std::string& path,
                                const std::function<base::Result<void>(archive*, archive_entry*)>& take) {
    Archive reader(archive_read_new(), archive_read_free);
    archive_read_support_format_tar(reader.get());
    archive_read_support_filter_all(reader.get());
    if (archive_read_open_filename(reader.get(), path.c_str(), buffer_bytes) != ARCHIVE_OK)
        return trouble(reader.get(), path + " is no tar archive");
    for (;;) {
        archive_entry* entry = nullptr;
        int status = archive_read_next_header(reader.get(), &entry);
        if (status == ARCHIVE_EOF) return {};
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return trouble(reader.get(), path + " is no tar archive");
        TRY(take(reader.get(), entry));
    }
}

// What the layer hides of the layers below it. Before anything of it is written: its own entries stay.
base::Result<void> apply_whiteouts(const std::string& path, const std::string& root) {
    return read_entries(path, [&](archive*, archive_entry* entry) -> base::Result<void> {
        auto name = inside(archive_entry_pathname(entry));
        if (!name) return invalid("the image has an entry outside of its root");
        fs::path place(*name);
        std::string last = place.filename().string();
        if (!last.starts_with(whiteout)) return {};
        if (!way_is_plain(root, place)) return invalid("the image's entry " + *name + " lies behind a link");
        std::error_code error;
        fs::path folder = root / place.parent_path();
        if (last == opaque) {
            for (const auto& lower : fs::directory_iterator(folder, error)) fs::remove_all(lower.path(), error);
        } else {
            fs::remove_all(folder / last.substr(whiteout.size()), error);
        }
        if (error && error != std::errc::no_such_file_or_directory)
            return invalid("cannot apply " + *name + ": " + error.message());
        return {};
    });
}

base::Result<void> copy_data(archive* reader, archive* disk, uint64_t& total, const std::string& name) {
    for (;;) {
        const void* block = nullptr;
        size_t size = 0;
        la_int64_t offset = 0;
        int status = archive_read_data_block(reader, &block, &size, &offset);
        if (status == ARCHIVE_EOF) return {};
        if (status != ARCHIVE_OK) return trouble(reader, "cannot unpack " + name);
        total += size;
        if (total > unpacked_bytes_max) return invalid("the image unpacks to more than 256 GiB");
        if (archive_write_data_block(disk, block, size, offset) != ARCHIVE_OK) return trouble(disk, "cannot unpack " + name);
    }
}

// The owner's rights for all (see image.hpp), no set-user-ID, no sticky bits.
void open_entry(archive_entry* entry) {
    auto owner = archive_entry_perm(entry) & 0700;
    archive_entry_set_perm(entry, owner | owner >> 3 | owner >> 6);
}

}  // namespace

base::Result<void> apply_layer(const std::string& path, const std::string& folder) {
    const text::Utf8Locale locale;
    std::error_code error;
    std::string root = fs::canonical(folder, error).string();
    if (error) return base::fail("InternalError", folder + " does not exist");
    TRY(apply_whiteouts(path, root));
    Archive disk(archive_write_disk_new(), archive_write_free);
    archive_write_disk_set_options(disk.get(), ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                                                   ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_UNLINK);
    uint64_t total = 0;
    return read_entries(path, [&](archive* reader, archive_entry* entry) -> base::Result<void> {
        auto name = inside(archive_entry_pathname(entry));
        if (!name) return invalid("the image has an entry outside of its root");
        auto type = archive_entry_filetype(entry);
        const char* hard_link = archive_entry_hardlink(entry);
        bool kept = hard_link != nullptr || type == AE_IFREG || type == AE_IFDIR || type == AE_IFLNK;
        if (name->empty() || !kept || fs::path(*name).filename().string().starts_with(whiteout)) return {};
        if (!way_is_plain(root, *name)) return invalid("the image's entry " + *name + " lies behind a link");
        if (hard_link != nullptr) {
            auto target = inside(hard_link);
            if (!target || !way_is_plain(root, *target)) return invalid("the image's link " + *name + " leads out of its root");
            archive_entry_set_hardlink(entry, (root + "/" + *target).c_str());
        }
        std::string place = root + "/" + *name;
        std::error_code unknown;
        // Another kind of entry than the layer below has: it takes its place.
        auto before = fs::symlink_status(place, unknown);
        if (fs::exists(before) && fs::is_directory(before) != (type == AE_IFDIR)) fs::remove_all(place, unknown);
        archive_entry_set_pathname(entry, place.c_str());
        if (hard_link == nullptr && type != AE_IFLNK) open_entry(entry);
        // A warning is about a name that is not UTF-8: its bytes are the name.
        if (const int made = archive_write_header(disk.get(), entry); made != ARCHIVE_OK && made != ARCHIVE_WARN)
            return trouble(disk.get(), "cannot unpack " + *name);
        if (archive_entry_size(entry) > 0) TRY(copy_data(reader, disk.get(), total, *name));
        if (const int done = archive_write_finish_entry(disk.get()); done != ARCHIVE_OK && done != ARCHIVE_WARN)
            return trouble(disk.get(), "cannot unpack " + *name);
        return {};
    });
}

void open_to_all(const std::string& root) {
    std::error_code error;
    fs::permissions(root, fs::perms(0755), error);
    for (const auto& entry : fs::recursive_directory_iterator(root, error)) {
        if (entry.is_directory(error) && !entry.is_symlink(error))
            fs::permissions(entry.path(), fs::perms(0555), fs::perm_options::add, error);
    }
}

}  // namespace sandbox
